/** The input of `ip -batch` and nft, and the arguments of ovs-vsctl, that make and take away a door. Pure. */
import { PermanentFailure } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import type { MetadataDoor } from './driver.ts';
import { linkAlias, linkName, metadataMac, metadataPortName, networkKey } from './names.ts';

export const metadataAddress = '169.254.169.254';
export const metadataPort = 80;

/** Whoever writes a line has gone through here: nothing in it can be a second line or an option. */
export function checkDoor({ networkId, mtu }: MetadataDoor): void {
  if (!isUuid(networkId) || !Number.isInteger(mtu) || mtu < 68 || mtu > 65_535)
    throw new PermanentFailure('A door to metadata cannot be made: its network is not valid.');
}

/** On the host: the pair, whose other end is in the namespace already. */
export const makeLink = ({ networkId, mtu }: MetadataDoor, namespace: string) =>
  `link add name ${linkName(networkId)} mtu ${mtu} type veth peer name eth0 mtu ${mtu} ` +
  `address ${metadataMac(networkId)} netns ${namespace}\n`;

/** In the namespace. Every guest is on the link, whatever its subnet: OVN answers for each of them by ARP. */
export const configureInside = () =>
  [
    'link set dev lo up',
    `address add ${metadataAddress}/32 dev eth0`,
    'link set dev eth0 up',
    `route add default dev eth0 scope link src ${metadataAddress}`,
    '',
  ].join('\n');

/** Last: the alias says that the door is whole. */
export const raiseLink = ({ networkId, mtu }: MetadataDoor) =>
  `link set dev ${linkName(networkId)} alias "${linkAlias(networkId, mtu)}" up\n`;

export function addToBridge(bridge: string, { networkId }: MetadataDoor): string[] {
  const link = linkName(networkId);
  return [
    ...['--may-exist', 'add-port', bridge, link],
    ...['--', 'set', 'Interface', link],
    `external_ids:iface-id=${metadataPortName(networkId)}`,
    `external_ids:${networkKey}=${networkId}`,
  ];
}

/**
 * Nothing but requests to the service comes in, and a guest that asks without end is dropped before this process hears of it:
 * 50 connections a second, after a first 200. The most that cloud-init makes while it boots is about 60.
 */
export const rules = `
table ip cirrostack {
  set callers {
    type ipv4_addr; size 65535; flags dynamic,timeout; timeout 10s;
  }
  chain input {
    type filter hook input priority filter; policy drop;
    tcp dport ${metadataPort} tcp flags & (fin | syn | rst | ack) == syn update @callers { ip saddr limit rate over 50/second burst 200 packets } drop
    ip daddr ${metadataAddress} tcp dport ${metadataPort} accept
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
  }
}
table ip6 cirrostack {
  chain input {
    type filter hook input priority filter; policy drop;
  }
}
`;
