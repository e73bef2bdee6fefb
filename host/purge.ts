/** Finds what is ours on this host by its names and marks, and removes it. Nothing here needs the cloud to answer. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { leaveOvn } from './engines/ovn.ts';
import { purgeBridges } from './engines/ovs.ts';
import { attempt, execute } from './execute.ts';

/** Rows of OVN's northbound database that nothing else owns; their ports, rules and addresses go with them. */
const rootTables = ['Logical_Router', 'Logical_Switch', 'Port_Group', 'Address_Set', 'DHCP_Options', 'DNS'];
/** network/drivers/ovn marks every row of ours with it. */
const mark = 'cirrostack:kind';

/** For an OVN that was there before us, and stays. */
export async function removeOvnRows(): Promise<void> {
  for (const table of rootTables) {
    const listed = await execute('ovn-nbctl', [
      '--timeout=10',
      '--format=json',
      '--columns=_uuid,external_ids',
      'list',
      table,
    ]);
    const rows = (JSON.parse(listed) as { data: [[string, string], [string, [string, string][]]][] }).data;
    const ours = rows.filter(([, [, ids]]) => ids.some(([key]) => key === mark)).map(([[, uuid]]) => uuid);
    if (ours.length > 0) await execute('ovn-nbctl', ['--timeout=30', '--if-exists', 'destroy', table, ...ours]);
  }
}

/** The bridges when they came into being for us; otherwise only the containers' ports on them. */
export async function removePorts(): Promise<void> {
  const listed = await execute('ovs-vsctl', [
    '--timeout=10',
    '--format=json',
    '--columns=name,external_ids',
    'list',
    'Interface',
  ]);
  const rows = (JSON.parse(listed) as { data: [string, [string, [string, string][]]][] }).data;
  for (const [name, [, ids]] of rows) {
    if (ids.some(([key]) => key === 'cirrostack-id'))
      await execute('ovs-vsctl', ['--timeout=10', '--if-exists', 'del-port', name]);
  }
  if (await leaveOvn()) await purgeBridges();
}

/** Network interfaces that bear our alias, and our firewall table. */
export async function removeLinks(): Promise<void> {
  await attempt('nft', ['delete', 'table', 'inet', 'cirrostack']);
  const links = JSON.parse(await execute('ip', ['-json', 'link', 'show'])) as { ifname: string; ifalias?: string }[];
  for (const { ifname, ifalias } of links) {
    if (ifalias?.startsWith('cirrostack ')) await attempt('ip', ['link', 'delete', ifname]); // its peer may have taken it along
  }
}

/** libvirt keeps the logs of domains that are gone. */
export async function removeServerLogs(): Promise<void> {
  const directory = '/var/log/libvirt/qemu';
  const names = await readdir(directory).catch(() => []);
  for (const name of names) if (/^cs-[0-9a-f-]{36}\.log/.test(name)) await rm(join(directory, name), { force: true });
}

/** Unmounts whatever is mounted below the data directory, and removes it. */
export async function removeDataDir(dataDir: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' ')[4] ?? '');
  const below = mounts.filter((path) => path.startsWith(`${dataDir}/`)).sort((a, b) => b.length - a.length);
  for (const path of below) await execute('umount', [path]);
  await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
}
