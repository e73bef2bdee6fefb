/** The input of `ip -batch` and the arguments of `ovs-vsctl`. Pure; the one place where they are written, and checked. */
import { isIPv4, isIPv6 } from 'node:net';
import { PermanentFailure } from '../../../common/errors.ts';
import { isUuid } from '../../../common/ids.ts';
import type { GuestPort } from '../driver.ts';
import { ownerKey, peerName, tapAlias, tapName } from './names.ts';

/** Whoever writes a line for `ip` has gone through here: nothing in it can be a second line or an option. */
export function checkPorts(ports: GuestPort[]): void {
  for (const { id, macAddress, mtu, addresses } of ports) {
    const bad = (what: string) => new PermanentFailure(`Port ${id} cannot be plugged: its ${what} is not valid.`);
    if (!isUuid(id)) throw new PermanentFailure('A port cannot be plugged: its id is not valid.');
    if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(macAddress)) throw bad('MAC address');
    if (!Number.isInteger(mtu) || mtu < 68 || mtu > 65_535) throw bad('MTU');
    for (const { address, prefixLength, gateway } of addresses) {
      const is = isIPv4(address) ? isIPv4 : isIPv6;
      // A zone (`fe80::1%eth0`) is valid to isIPv6 and names an interface: no address of a port has one.
      if (!is(address) || address.includes('%')) throw bad('address');
      if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > (is === isIPv4 ? 32 : 128)) {
        throw bad('prefix length');
      }
      if (gateway !== null && (!is(gateway) || gateway.includes('%'))) throw bad('gateway');
    }
  }
}

const lines = (all: string[]) => `${all.join('\n')}\n`;

/** Makes the veth pairs, the guest's ends still on the host, and both ends down. */
export function makePairs(id: string, ports: GuestPort[]): string {
  return lines(
    ports.flatMap(({ id: portId, macAddress, mtu }) => [
      `link add name ${tapName(portId)} mtu ${mtu} type veth peer name ${peerName(portId)} mtu ${mtu} address ${macAddress}`,
      `link set dev ${tapName(portId)} alias "${tapAlias(id)}"`,
    ]),
  );
}

/** Gives the guest's ends to the container, as eth0, eth1 … in the order of the ports. */
export function moveIn(ports: GuestPort[], namespacePath: string): string {
  return lines(ports.map(({ id }, n) => `link set dev ${peerName(id)} netns ${namespacePath} name eth${n}`));
}

/**
 * To be run inside the container's namespace. One default route for each family, that of the first port that has a gateway:
 * a second one would make which is taken a matter of chance.
 */
export function configureInside(ports: GuestPort[]): string {
  const routed = new Set<string>();
  const setUp = ports.flatMap(({ addresses }, n) => [
    ...addresses.map(({ address, prefixLength }) =>
      isIPv4(address)
        ? `address add ${address}/${prefixLength} broadcast + dev eth${n}`
        : `address add ${address}/${prefixLength} dev eth${n} nodad`,
    ),
    `link set dev eth${n} up`,
  ]);
  const routes = ports.flatMap(({ addresses }, n) =>
    addresses.flatMap(({ gateway }) => {
      const family = gateway !== null && isIPv4(gateway) ? '-4' : '-6';
      if (gateway === null || routed.has(family)) return [];
      routed.add(family);
      return [`route add default via ${gateway} dev eth${n} onlink`];
    }),
  );
  return lines(['link set dev lo up', ...setUp, ...routes]);
}

/** Raises the host's ends, eth0's last: its carrier is what opens the gate (gate.ts), so everything is ready by then. */
export function raise(id: string, ports: GuestPort[], namespacePath: string): string {
  const alias = tapAlias(id, namespacePath);
  return lines(ports.map(({ id: portId }) => `link set dev ${tapName(portId)} alias "${alias}" up`).reverse());
}

/** One `ovs-vsctl` call that makes the bridge hold the ports; a transaction, and nothing where it is so already. */
export function addToBridge(bridge: string, id: string, ports: GuestPort[]): string[] {
  return ports.flatMap(({ id: portId, macAddress }, n) => [
    ...(n === 0 ? [] : ['--']),
    ...['--may-exist', 'add-port', bridge, tapName(portId)],
    ...['--', 'set', 'Interface', tapName(portId)],
    `external_ids:iface-id=${portId}`,
    'external_ids:iface-status=active',
    `external_ids:attached-mac="${macAddress}"`, // quoted: a colon separates keys from values
    `external_ids:${ownerKey}=${id}`,
  ]);
}

export function deleteFromBridge(taps: string[]): string[] {
  return taps.flatMap((tap, n) => [...(n === 0 ? [] : ['--']), '--if-exists', 'del-port', tap]);
}
