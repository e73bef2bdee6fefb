/** What makes a rule valid; pure. The limits are those of neutron's security group extension. */
import { parseCidr } from '../addresses/ip.ts';
import { InvalidInput } from '../errors.ts';
import type { NewRule } from './security-group.ts';

/** Protocol names of the Networking API and their numbers. */
export const protocolNumbers: Readonly<Record<string, number>> = {
  ah: 51,
  dccp: 33,
  egp: 8,
  esp: 50,
  gre: 47,
  hopopt: 0,
  icmp: 1,
  icmpv6: 58,
  igmp: 2,
  ip: 0,
  ipip: 4,
  'ipv6-encap': 41,
  'ipv6-frag': 44,
  'ipv6-icmp': 58,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  'ipv6-route': 43,
  ospf: 89,
  pgm: 113,
  rsvp: 46,
  sctp: 132,
  tcp: 6,
  udp: 17,
  udplite: 136,
  vrrp: 112,
};

const withPorts = new Set(['tcp', 'udp', 'sctp', 'dccp', 'udplite', '6', '17', '132', '33', '136']);
const icmp4 = new Set(['icmp', '1']);
const icmp6 = new Set(['ipv6-icmp', 'icmpv6', '58']);

/**
 * Brings a rule to the form that is stored: names in lower case, `any` and 0 as null, prefixes without host bits. Throws
 * `InvalidInput`: one rule that the engine cannot express would stop filtering for everybody.
 */
export function checkedRule(rule: NewRule): NewRule {
  const protocol = checkedProtocol(rule.protocol);
  const icmp = protocol !== null && (icmp4.has(protocol) || icmp6.has(protocol));
  if (protocol !== null && icmp6.has(protocol) && rule.ethertype === 'IPv4')
    throw new InvalidInput(`Invalid ethertype ${rule.ethertype} for protocol ${protocol}.`);
  checkPorts(rule, protocol, icmp);
  return { ...rule, protocol, remoteIpPrefix: checkedPrefix(rule) };
}

function checkedProtocol(given: string | null): string | null {
  const protocol = given?.toLowerCase() ?? null;
  if (protocol === null || protocol === 'any' || protocol === '0' || protocol === 'ip') return null;
  const known = Object.hasOwn(protocolNumbers, protocol) || (/^\d{1,3}$/.test(protocol) && Number(protocol) <= 255);
  if (!known)
    throw new InvalidInput(
      `Security group rule protocol ${given} not supported. Only protocol values ${Object.keys(protocolNumbers).join(', ')} and integer representations [0 to 255] are supported.`,
    );
  return protocol;
}

function checkPorts({ portRangeMin: min, portRangeMax: max }: NewRule, protocol: string | null, icmp: boolean): void {
  if (min === null && max === null) return;
  if (icmp) {
    for (const [value, field] of [
      [min, 'port-range-min (type)'],
      [max, 'port-range-max (code)'],
    ] as const)
      if (value !== null && (value < 0 || value > 255))
        throw new InvalidInput(`Invalid value for ICMP ${field}: ${value}. It must be 0 to 255.`);
    if (min === null)
      throw new InvalidInput(
        `ICMP code (port-range-max) ${max} is provided but ICMP type (port-range-min) is missing.`,
      );
    return;
  }
  if (protocol === null || !withPorts.has(protocol))
    throw new InvalidInput(`Port range cannot be specified for protocol ${protocol ?? 'any'}: it has no ports.`);
  if (min === null || max === null || min > max || min < 1 || max > 65535)
    throw new InvalidInput('For TCP/UDP protocols, port_range_min must be <= port_range_max, both from 1 to 65535.');
}

function checkedPrefix({ remoteIpPrefix, remoteGroupId, ethertype }: NewRule): string | null {
  if (remoteIpPrefix === null) return null;
  if (remoteGroupId !== null)
    throw new InvalidInput('Only remote_ip_prefix or remote_group_id may be provided, not both.');
  const cidr = parseCidr(remoteIpPrefix);
  if (!cidr)
    throw new InvalidInput(`Invalid input for remote_ip_prefix: '${remoteIpPrefix}' is not a valid IP subnet.`);
  if (cidr.version !== (ethertype === 'IPv4' ? 4 : 6))
    throw new InvalidInput(`Conflicting value ethertype ${ethertype} for CIDR ${remoteIpPrefix}`);
  return remoteIpPrefix; // PostgreSQL clears the host bits when it stores it
}
