/**
 * Plugs a container's ports: for each a veth pair, one end in the container, the other on the integration bridge, where OVN
 * finds it by its `iface-id`. The kernel deletes both ends with the container's network namespace, so a pair belongs to
 * one start of one container. Which one, the tap's alias says.
 *
 * Three steps, so that most of it runs while Docker starts the container: `prepare` (pairs and OVS ports, host's ends down),
 * `connect` (guest's ends moved in and configured), and last the host's ends up, which opens the gate. Killed anywhere in
 * between, the taps are not all up, and `prepare` begins again from nothing.
 */
import { readdir, readFile } from 'node:fs/promises';
import { CloudError, Unavailable } from '../../../common/errors.ts';
import { attempt, execute } from '../../../host/execute.ts';
import type { GuestPort } from '../driver.ts';
import { ownerKey, peerName, tapAlias, tapName } from './names.ts';
import {
  addToBridge,
  checkPorts,
  configureInside,
  deleteFromBridge,
  makePairs,
  moveIn,
  raise,
} from './plug-commands.ts';

export interface PlugOptions {
  integrationBridge: string;
  /** OVS without its kernel module: checksums are left out inside the host, and must not be left to the far end. */
  userspaceDatapath: boolean;
  /** How long to hold the container back for OVN to carry its ports; then it starts without. */
  portReadySeconds: number;
}

const network = '/sys/class/net';

/** Whether every port is plugged into this start of the container and up. Reads files only. */
export async function isPlugged(id: string, ports: GuestPort[], namespacePath: string): Promise<boolean> {
  const plugged = await Promise.all(
    ports.map(async ({ id: portId }) => {
      const about = (what: string) => read(`${network}/${tapName(portId)}/${what}`);
      // The kernel takes its time to delete a namespace: just after a restart the taps of the start before are still up.
      return (await about('operstate')) === 'up' && (await about('ifalias')) === tapAlias(id, namespacePath);
    }),
  );
  return !plugged.includes(false);
}

/** Repairs the bridge's side of what `isPlugged`: about 8 ms, and no change where all is well. */
export async function keepOnBridge(options: PlugOptions, id: string, ports: GuestPort[]): Promise<void> {
  if (ports.length > 0) await vsctl(addToBridge(options.integrationBridge, id, ports));
}

/** Makes the pairs and hands the host's ends to OVS. Needs no container yet. @throws PermanentFailure for a bad port. */
export async function prepare(options: PlugOptions, id: string, ports: GuestPort[]): Promise<void> {
  if (ports.length === 0) return;
  checkPorts(ports);
  // First and in a transaction of its own: the userspace datapath keeps the socket of a device that has vanished, and one of
  // the same name that is added in the same transaction would be taken for it and stay dead (seen with OVS 3.1).
  const gone = await tapsOf(id);
  const taps = ports.map(({ id: portId }) => tapName(portId));
  await vsctl(deleteFromBridge([...new Set([...gone.onBridge, ...taps])]));
  await deleteTaps([...new Set([...gone.onHost, ...taps])]);
  await batch(makePairs(id, ports));
  if (options.userspaceDatapath) {
    for (const { id: portId } of ports) await execute('ethtool', ['-K', peerName(portId), 'tx', 'off']);
  }
  await vsctl(addToBridge(options.integrationBridge, id, ports));
}

/** Plugs what was prepared into a container's network namespace. @throws when the container has ended meanwhile. */
export async function connect(
  options: PlugOptions,
  id: string,
  ports: GuestPort[],
  namespacePath: string,
): Promise<void> {
  if (ports.length === 0) return;
  if (!/^\/[\w./-]+$/.test(namespacePath)) {
    throw new CloudError(`The container engine names an unusable network namespace: ${namespacePath}`);
  }
  const carried = untilCarried(options, ports);
  await batch(moveIn(ports, namespacePath));
  await execute('nsenter', [`--net=${namespacePath}`, 'ip', '-batch', '-'], { input: configureInside(ports) });
  await carried;
  await batch(raise(id, ports, namespacePath));
}

/** Takes everything of the container's ports off the host, whether or not the container, or the ports, are still known. */
export async function unplug(id: string): Promise<void> {
  const { onBridge, onHost } = await tapsOf(id);
  const all = [...new Set([...onBridge, ...onHost])];
  if (all.length === 0) return;
  await vsctl(deleteFromBridge(all));
  await deleteTaps(all);
}

async function deleteTaps(taps: string[]): Promise<void> {
  for (const tap of await existing(taps)) {
    const { exitCode, stderr } = await attempt('ip', ['link', 'delete', 'dev', tap]);
    // The kernel may be deleting it at this moment, with the container's namespace.
    if (exitCode !== 0 && (await existing([tap])).length > 0) throw new CloudError(`${tap} stays: ${stderr}`);
  }
}

/** The taps of a container: on the bridge by what we noted there, on the host by their alias. */
export async function tapsOf(id: string): Promise<{ onBridge: string[]; onHost: string[] }> {
  const [onBridge, names] = await Promise.all([
    vsctl(['--bare', '--columns=name', 'find', 'Interface', `external_ids:${ownerKey}=${id}`]),
    readdir(network),
  ]);
  const taps = names.filter((name) => name.startsWith('tap'));
  const aliases = await Promise.all(taps.map((tap) => read(`${network}/${tap}/ifalias`)));
  return {
    onBridge: onBridge.split('\n').filter((name) => name !== ''),
    onHost: taps.filter((_, n) => `${aliases[n]} `.startsWith(`${tapAlias(id)} `)),
  };
}

/** OVN notes on the interface that its flows for it are in place. Not waiting would lose a short program's first packets. */
async function untilCarried({ portReadySeconds }: PlugOptions, ports: GuestPort[]): Promise<void> {
  if (portReadySeconds <= 0) return;
  const waits = ports.flatMap(({ id }, n) => [
    ...(n === 0 ? [] : ['--']),
    ...['wait-until', 'Interface', tapName(id), 'external_ids:ovn-installed=true'],
  ]);
  // It ends by a signal when the time is over: a network that is late is no reason to keep a container from running.
  await attempt('ovs-vsctl', [`--timeout=${Math.ceil(portReadySeconds)}`, ...waits]).catch(() => undefined);
}

async function existing(taps: string[]): Promise<string[]> {
  const indexes = await Promise.all(taps.map((tap) => read(`${network}/${tap}/ifindex`)));
  return taps.filter((_, n) => indexes[n] !== undefined);
}

/** Undefined for what is not there or vanishes meanwhile. */
async function read(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}

const batch = (input: string) => execute('ip', ['-batch', '-'], { input });

async function vsctl(args: string[]): Promise<string> {
  try {
    return await execute('ovs-vsctl', ['--timeout=10', ...args]);
  } catch (error) {
    throw new Unavailable('Open vSwitch on the host does not take the ports of the container.', { cause: error });
  }
}
