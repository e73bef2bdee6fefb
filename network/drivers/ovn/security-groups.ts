/** A security group is a port group; each of its rules is one ACL with the rule's id. What none allows, protected-ports.ts drops. */
import { parseCidr, parseUuid } from '../addresses.ts';
import type { SecurityGroupRuleSpec, SecurityGroupSpec } from '../driver.ts';
import { ICMP, ICMPV6, protocolNumber, SCTP, TCP, UDP } from '../protocols.ts';
import { addressSetName, mark, portGroupName } from './names.ts';
import type { NorthboundChanges } from './plan.ts';
import { ALLOW_PRIORITY } from './protected-ports.ts';

export function planSecurityGroup(changes: NorthboundChanges, spec: SecurityGroupSpec): void {
  planPortGroup(changes, spec.id);
  for (const rule of spec.rules) {
    // Groups may name each other, so that neither could come first: the other one is drawn now and filled by its own spec.
    if (rule.remoteGroupId !== null) planPortGroup(changes, rule.remoteGroupId);
    changes.put('ACL', rule.id, {
      direction: rule.direction === 'ingress' ? 'to-lport' : 'from-lport',
      priority: ALLOW_PRIORITY,
      action: 'allow-related',
      match: ruleMatch(spec.id, rule),
      external_ids: mark('part'),
    });
  }
  changes.replaceSet('Port_Group', spec.id, 'acls', new Set(spec.rules.map(({ id }) => id)));
}

/** Its rules go with it, and its ports are protected all the same. */
export function planSecurityGroupRemoval(changes: NorthboundChanges, id: string): void {
  changes.delete('Port_Group', id);
}

/**
 * A rule in OVN's match language (ovn-sb(5), Logical_Flow). Made of numbers and of what was parsed, nothing else. Throws
 * `PermanentFailure` when the rule cannot be expressed.
 */
export function ruleMatch(securityGroupId: string, rule: SecurityGroupRuleSpec): string {
  const isIngress = rule.direction === 'ingress';
  const group = portGroupName(parseUuid(securityGroupId));
  const version = rule.ethertype === 'IPv4' ? 4 : 6;
  const remote = `ip${version}.${isIngress ? 'src' : 'dst'}`;
  const terms = [`${isIngress ? 'outport' : 'inport'} == @${group}`, `ip${version}`, ...protocolTerms(rule)];
  if (rule.remoteGroupId !== null) {
    terms.push(`${remote} == $${addressSetName(parseUuid(rule.remoteGroupId), version)}`);
  }
  if (rule.remoteIpPrefix !== null) {
    const prefix = parseCidr(rule.remoteIpPrefix);
    if (prefix.prefixLength > 0) terms.push(`${remote} == ${prefix.text}`);
  }
  return terms.join(' && ');
}

function protocolTerms(rule: SecurityGroupRuleSpec): string[] {
  const protocol = protocolNumber(rule);
  const { portRangeMin: min, portRangeMax: max } = rule;
  switch (protocol) {
    case null:
      return [];
    case TCP:
      return ['tcp', ...portTerms('tcp', min, max)];
    case UDP:
      return ['udp', ...portTerms('udp', min, max)];
    case SCTP:
      return ['sctp', ...portTerms('sctp', min, max)];
    case ICMP:
      return ['icmp4', ...icmpTerms('icmp4', min, max)];
    case ICMPV6:
      return ['icmp6', ...icmpTerms('icmp6', min, max)];
    default:
      return [`ip.proto == ${Number(protocol)}`];
  }
}

function portTerms(name: string, min: number | null, max: number | null): string[] {
  if (min === null || max === null || (min === 0 && max === 65_535)) return [];
  if (min === max) return [`${name}.dst == ${Number(min)}`];
  return [`${name}.dst >= ${Number(min)}`, `${name}.dst <= ${Number(max)}`];
}

/** The range of an ICMP rule is its type and its code. */
function icmpTerms(name: string, type: number | null, code: number | null): string[] {
  if (type === null) return [];
  return [`${name}.type == ${Number(type)}`, ...(code === null ? [] : [`${name}.code == ${Number(code)}`])];
}

function planPortGroup(changes: NorthboundChanges, id: string): void {
  changes.put('Port_Group', id, { name: portGroupName(id), external_ids: mark('security-group') });
}
