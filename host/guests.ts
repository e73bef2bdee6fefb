/** The servers and containers of ours on this host, found by their names and labels, without asking the cloud. */
import { attempt, execute } from './execute.ts';
import { becomes } from './processes.ts';

const virsh = (...args: string[]) => execute('virsh', ['--connect', 'qemu:///system', '--quiet', ...args]);
const docker = (...args: string[]) => execute('docker', args, { timeoutSeconds: 120 });

/** Only a name that is a server's id after `cs-`: others may like that prefix too. */
const ours = /^cs-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The server's or container's id behind its name on the host. */
export const idOf = (name: string) => name.slice('cs-'.length);

const none: ReadonlySet<string> = new Set();

/** Names of domains, running ones or all. */
export async function listServers({ all }: { all: boolean }): Promise<string[]> {
  const names = await virsh('list', '--name', ...(all ? ['--all'] : []));
  return names
    .split('\n')
    .map((name) => name.trim())
    .filter((name) => ours.test(name));
}

/** Domains that are not ours: another name, or a name of ours with another UUID. */
export async function listForeignServers(): Promise<string[]> {
  const lines = (await virsh('list', '--all', '--name', '--uuid')).split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '')
    .map((line) => ({ uuid: line.slice(0, 36), name: line.slice(36).trim() }))
    .filter(({ uuid, name }) => name !== `cs-${uuid}`)
    .map(({ name }) => name);
}

/** Asks all to shut down, and cuts the power of those that have not within the time. @returns how many there were. */
export async function stopServers(graceSeconds: number): Promise<number> {
  const running = await listServers({ all: false });
  await Promise.all(running.map((name) => attempt('virsh', ['--connect', 'qemu:///system', 'shutdown', name])));
  const allStopped = async () => (await listServers({ all: false })).length === 0;
  if (!(await becomes(allStopped, graceSeconds, 200))) {
    for (const name of await listServers({ all: false })) await virsh('destroy', name);
  }
  return running.length;
}

/** Removes the domains, with everything libvirt keeps of them, but not those `except`. Their disks are in the data directory. */
export async function removeServers({ except = none }: { except?: ReadonlySet<string> } = {}): Promise<number> {
  const listed = async () => (await listServers({ all: true })).filter((name) => !except.has(name));
  const names = await listed();
  for (const name of names) {
    await attempt('virsh', ['--connect', 'qemu:///system', 'destroy', name]);
    // A domain without a definition is gone with its power.
    const everything = ['--managed-save', '--snapshots-metadata', '--checkpoints-metadata', '--nvram'];
    await attempt('virsh', ['--connect', 'qemu:///system', 'undefine', name, ...everything]);
  }
  const left = await listed();
  if (left.length > 0) throw new Error(`libvirt does not let go of ${left.join(', ')}`);
  return names.length;
}

export async function listContainers({ all }: { all: boolean }): Promise<string[]> {
  const names = await docker(
    'ps',
    '--filter',
    'label=cirrostack.id',
    '--format',
    '{{.Names}}',
    ...(all ? ['--all'] : []),
  );
  return names.split('\n').filter((name) => ours.test(name)); // an image may bring such a label itself
}

export async function stopContainers(graceSeconds: number): Promise<number> {
  const names = await listContainers({ all: false });
  if (names.length > 0) await docker('stop', '--time', String(graceSeconds), ...names);
  return names.length;
}

/** Removes containers, but not those `except`; where none are to stay, images, too. */
export async function removeContainers({ except = none }: { except?: ReadonlySet<string> } = {}): Promise<number> {
  const names = (await listContainers({ all: true })).filter((name) => !except.has(name));
  if (names.length > 0) await docker('rm', '--force', '--volumes', ...names);
  if (except.size > 0) return names.length;
  const images = await docker('images', '--format', '{{.Repository}}:{{.Tag}}', 'cirrostack/*');
  for (const image of images.split('\n').filter(Boolean)) await docker('rmi', '--force', image);
  return names.length;
}
