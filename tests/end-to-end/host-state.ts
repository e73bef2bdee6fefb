/** What a cloud leaves on its host, by name, so that "nothing is left over" is one comparison. */
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface HostState {
  domains: string[];
  containers: string[];
  containerImages: string[];
  bridgePorts: string[];
  /** The bridge's ports to the metadata service, one for each network with guests. */
  doors: string[];
  interfaces: string[];
  namespaces: string[];
  logicalSwitches: string[];
  logicalPorts: string[];
  logicalRouters: string[];
  portGroups: string[];
  dhcpOptions: string[];
  nats: string[];
  guestFiles: string[];
  cachedImages: string[];
  archives: string[];
}

/** Everything of the kinds that guests and networks are made of; foreign things too, which must not change either. */
export async function hostState(dataDir: string): Promise<HostState> {
  const drawn = logicalRows();
  const bridgePorts = lines('ovs-vsctl', ['list-ports', 'br-int']);
  const files = (...path: string[]) => readdir(join(dataDir, 'compute', ...path)).catch(() => []);
  const state: { [Kind in keyof HostState]: Promise<string[]> } = {
    domains: lines('virsh', ['-c', 'qemu:///system', 'list', '--all', '--name']),
    containers: lines('docker', ['ps', '--all', '--quiet']),
    containerImages: lines('docker', ['images', '--format', '{{.Repository}}', 'cirrostack/*']),
    bridgePorts: bridgePorts.then((names) => names.filter((name) => !isDoor(name))),
    doors: bridgePorts.then((names) => names.filter(isDoor)),
    interfaces: lines('ip', ['-o', 'link', 'show']).then((links) =>
      links.map((line) => line.split(':')[1]?.trim().split('@')[0] ?? ''),
    ),
    namespaces: lines('ip', ['netns', 'list']),
    logicalSwitches: drawn.then((rows) => rows.logicalSwitches),
    logicalPorts: drawn.then((rows) => rows.logicalPorts),
    logicalRouters: drawn.then((rows) => rows.logicalRouters),
    portGroups: drawn.then((rows) => rows.portGroups),
    dhcpOptions: drawn.then((rows) => rows.dhcpOptions),
    nats: drawn.then((rows) => rows.nats),
    guestFiles: files('servers'),
    cachedImages: files('images'),
    archives: files('container-images'),
  };
  const found = await Promise.all(Object.entries(state).map(async ([kind, names]) => [kind, await names] as const));
  return Object.fromEntries(found) as Record<keyof HostState, string[]>;
}

const isDoor = (name: string) => name.startsWith('csm');

const tables = {
  logicalSwitches: 'Logical_Switch',
  logicalPorts: 'Logical_Switch_Port',
  logicalRouters: 'Logical_Router',
  portGroups: 'Port_Group',
  dhcpOptions: 'DHCP_Options',
  nats: 'NAT',
} as const satisfies Partial<Record<keyof HostState, string>>;

/**
 * The ids of all rows by kind, in one look: this is asked ten times a second while something is waited for. Ports for metadata come
 * and go with their networks.
 */
async function logicalRows(): Promise<Record<keyof typeof tables, string[]>> {
  const lists = Object.values(tables).flatMap((table) => [
    '--',
    `--columns=_uuid${table === tables.logicalPorts ? ',type' : ''}`,
    'list',
    table,
  ]);
  const { stdout } = await run('ovn-nbctl', ['--format=json', ...lists], { maxBuffer: 16 * 1024 * 1024 });
  const answers = stdout.trim().split('\n');
  const ids = Object.keys(tables).map((kind, index) => {
    const { data } = JSON.parse(answers[index] as string) as { data: [['uuid', string], string?][] };
    const guests = data.filter(([, type]) => type !== 'localport');
    return [kind, guests.map(([[, id]]) => id).toSorted()] as const;
  });
  return Object.fromEntries(ids) as Record<keyof typeof tables, string[]>;
}

async function lines(command: string, args: string[]): Promise<string[]> {
  const { stdout } = await run(command, args, { maxBuffer: 16 * 1024 * 1024 });
  return stdout
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .toSorted();
}
