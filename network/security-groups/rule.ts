/** What makes a rule valid; pure. The limits are those of neutron's security group extension. */
import { parseCidr } from '../addresses/ip.ts';
import { ICMP, ICMPV6, protocolNumber, protocolsWithPorts } from '../drivers/protocols.ts';
import { InvalidInput } from '../errors.ts';
import type { NewRule } from './security-group.ts';

/**
 * Brings a rule to the form that is stored: names in lower case, `any` and 0 as null, prefixes without host bits. Throws
 * `InvalidInput`: one rule that the engine cannot express would stop filtering for everybody.
 */
export function checkedRule(rule: NewRule): NewRule {
  const protocol = rule.protocol?.toLowerCase() ?? null;
  const number = numberOf(rule);
  checkPorts(rule, number);
  return { ...rule, protocol: number === null ? null : protocol, remoteIpPrefix: checkedPrefix(rule) };
}

/** The driver's own reading of the protocol, so that what is accepted here is never refused there. */
function numberOf({ protocol, ethertype }: NewRule): number | null {
  try {
    return protocolNumber({ id: '', protocol, ethertype });
  } catch (cause) {
    throw new InvalidInput(`Security group rule protocol ${protocol} not supported for ethertype ${ethertype}.`, {
      cause,
    });
  }
}

function checkPorts({ portRangeMin: min, portRangeMax: max }: NewRule, protocol: number | null): void {
  if (min === null && max === null) return;
  if (protocol === ICMP || protocol === ICMPV6) {
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
  if (protocol === null || !protocolsWithPorts.has(protocol))
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
