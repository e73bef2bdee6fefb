/** IP protocols by the names that the Networking API gives them (neutron-lib, `constants.py`: IP_PROTOCOL_MAP). */
import { PermanentFailure } from '../../common/errors.ts';
import type { SecurityGroupRuleSpec } from './driver.ts';

export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const ICMPV6 = 58;
export const SCTP = 132;

const NUMBERS: ReadonlyMap<string, number> = new Map([
  ['ah', 51],
  ['dccp', 33],
  ['egp', 8],
  ['esp', 50],
  ['gre', 47],
  ['icmp', ICMP],
  ['icmpv6', ICMPV6],
  ['igmp', 2],
  ['ipip', 4],
  ['ipv6-encap', 41],
  ['ipv6-frag', 44],
  ['ipv6-icmp', ICMPV6],
  ['ipv6-nonxt', 59],
  ['ipv6-opts', 60],
  ['ipv6-route', 43],
  ['ospf', 89],
  ['pgm', 113],
  ['rsvp', 46],
  ['sctp', SCTP],
  ['tcp', TCP],
  ['udp', UDP],
  ['udplite', 136],
  ['vrrp', 112],
]);

/** Those whose ports an engine can match; DCCP and UDP-Lite have ports, but OVN knows nothing of them (ovn-sb(5), Logical_Flow). */
export const protocolsWithPorts: ReadonlySet<number> = new Set([TCP, UDP, SCTP]);

/**
 * The protocol of a rule as a number, null for any: the API says `any`, `ip` and 0 for that. ICMP is the one that belongs to
 * the rule's IP version. Throws `PermanentFailure` when there is no such protocol, or not in that version.
 */
export function protocolNumber(rule: Pick<SecurityGroupRuleSpec, 'id' | 'protocol' | 'ethertype'>): number | null {
  const name = rule.protocol?.toLowerCase() ?? 'any';
  if (name === 'any' || name === 'ip') return null;
  const number = /^\d{1,3}$/.test(name) ? Number(name) : NUMBERS.get(name);
  if (number === undefined || number > 255) {
    throw new PermanentFailure(`Rule ${rule.id}: "${rule.protocol}" is not an IP protocol.`);
  }
  if (number === 0) return null;
  if (number === ICMP && rule.ethertype === 'IPv6') return ICMPV6;
  if (number === ICMPV6 && rule.ethertype === 'IPv4') {
    throw new PermanentFailure(`Rule ${rule.id}: ICMPv6 does not exist in IPv4.`);
  }
  return number;
}
