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
  interfaces: string[];
  namespaces: string[];
  logicalSwitches: string[];
  logicalPorts: string[];
  logicalRouters: string[];
  portGroups: string[];
  dhcpOptions: string[];
  nats: string[];
  guestFiles: string[];
}

/** Everything of the kinds that guests and networks are made of; foreign things too, which must not change either. */
export async function hostState(dataDir: string): Promise<HostState> {
  const rows = (table: string) => lines('ovn-nbctl', ['--bare', '--columns=_uuid', 'list', table]);
  return {
    domains: await lines('virsh', ['-c', 'qemu:///system', 'list', '--all', '--name']),
    containers: await lines('docker', ['ps', '--all', '--quiet']),
    containerImages: await lines('docker', ['images', '--quiet', '--no-trunc', 'cirrostack/*']),
    bridgePorts: await lines('ovs-vsctl', ['list-ports', 'br-int']),
    interfaces: (await lines('ip', ['-o', 'link', 'show'])).map(
      (line) => line.split(':')[1]?.trim().split('@')[0] ?? '',
    ),
    namespaces: await lines('ip', ['netns', 'list']),
    logicalSwitches: await rows('Logical_Switch'),
    logicalPorts: await rows('Logical_Switch_Port'),
    logicalRouters: await rows('Logical_Router'),
    portGroups: await rows('Port_Group'),
    dhcpOptions: await rows('DHCP_Options'),
    nats: await rows('NAT'),
    guestFiles: await readdir(join(dataDir, 'compute', 'servers')).catch(() => []),
  };
}

async function lines(command: string, args: string[]): Promise<string[]> {
  const { stdout } = await run(command, args, { maxBuffer: 16 * 1024 * 1024 });
  return stdout
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .toSorted();
}
