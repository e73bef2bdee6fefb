/** Rules of security groups, until 2.35: of what comes in, in the form of EC2 (nova/network/security_group_api.py). */
import { Type } from 'typebox';
import { BadRequest } from '../../../common/errors.ts';
import { route } from '../../../common/http/route.ts';
import { definePolicy, projectMember } from '../../../common/policy/rules.ts';
import { parseCidr } from '../../../network/addresses/ip.ts';
import { SecurityGroupRuleExists } from '../../../network/errors.ts';
import { networkPolicy } from '../../../network/policy.ts';
import { createRules, deleteRule } from '../../../network/security-groups/operations.ts';
import type { NewRule } from '../../../network/security-groups/security-group.ts';
import type { ComputeApiDeps } from '../deps.ts';
import { Uuid } from '../fields.ts';
import { enterProxy } from './proxy.ts';
import { securityGroupRuleView } from './security-group-view.ts';
import { checkedGroupId } from './security-groups.ts';

export const securityGroupRulePolicy = definePolicy({
  'os_compute_api:os-security-groups:rule:create': projectMember('Create a security group rule, through Compute'),
  'os_compute_api:os-security-groups:rule:delete': projectMember('Delete a security group rule, through Compute'),
});

/** What is of another type is refused in Nova's words, by `newRuleOf`. */
const Rule = Type.Object({
  security_group_rule: Type.Object({
    parent_group_id: Uuid,
    group_id: Type.Optional(Type.Union([Uuid, Type.Null()])),
    ip_protocol: Type.Optional(Type.Unknown()),
    from_port: Type.Optional(Type.Unknown()),
    to_port: Type.Optional(Type.Unknown()),
    cidr: Type.Optional(Type.Unknown()),
  }),
});

export interface AskedRule {
  parent_group_id: string;
  group_id?: string | null;
  ip_protocol?: unknown;
  from_port?: unknown;
  to_port?: unknown;
  cidr?: unknown;
}

export const securityGroupRuleRoutes = (deps: ComputeApiDeps) => [
  route({
    method: 'POST',
    path: '/v2.1/os-security-group-rules',
    rule: securityGroupRulePolicy['os_compute_api:os-security-groups:rule:create'],
    summary: 'Create a security group rule, until 2.35',
    body: Rule,
    status: 200,
    async handler({ ctx, body, version }) {
      enterProxy(deps, { ctx, version }, networkPolicy.create_security_group_rule);
      const asked = newRuleOf(body.security_group_rule);
      const [rule] = await createRules(deps, ctx, [asked]).catch((error) => {
        if (!(error instanceof SecurityGroupRuleExists)) throw error;
        throw new BadRequest(`This rule already exists in group ${asked.securityGroupId}`, { cause: error });
      });
      return { security_group_rule: rule && (await securityGroupRuleView(deps.db, ctx, rule)) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v2.1/os-security-group-rules/{rule_id}',
    rule: securityGroupRulePolicy['os_compute_api:os-security-groups:rule:delete'],
    summary: 'Delete a security group rule, until 2.35',
    status: 202,
    async handler({ ctx, params, version }, h) {
      enterProxy(deps, { ctx, version }, networkPolicy.delete_security_group_rule);
      await deleteRule(deps, ctx, checkedGroupId(params.rule_id));
      return h.response().code(202);
    },
  }),
];

/**
 * The rule as Network has it. From a group everything may come in, unless it is said what; from addresses only what is said.
 * Throws `BadRequest` in Nova's words.
 */
export function newRuleOf(asked: AskedRule): NewRule {
  const remoteGroupId = asked.group_id ?? null;
  const remoteIpPrefix = remoteGroupId === null ? prefixOf(asked.cidr) : null;
  const what = protocolAndPorts(asked, remoteGroupId !== null);
  if (what === undefined && remoteGroupId === null)
    throw new BadRequest('Not enough parameters to build a valid rule.');
  return {
    securityGroupId: asked.parent_group_id,
    direction: 'ingress',
    ethertype: remoteIpPrefix !== null && parseCidr(remoteIpPrefix)?.version === 6 ? 'IPv6' : 'IPv4',
    remoteIpPrefix,
    remoteGroupId,
    description: '',
    ...(what ?? { protocol: null, portRangeMin: null, portRangeMax: null }),
  };
}

/** Anywhere, where nothing is said. */
function prefixOf(cidr: unknown): string {
  if (cidr === undefined || cidr === null || cidr === '') return '0.0.0.0/0';
  const parsed = typeof cidr === 'string' && cidr.includes('/') ? parseCidr(cidr) : undefined;
  if (typeof cidr !== 'string' || parsed === undefined)
    throw new BadRequest(`${written(cidr)} is not a valid IP network.`);
  // A whole family of addresses that is written as one of them is a slip.
  if (parsed.prefixLength === 0 && !/^(0\.0\.0\.0|::)\//.test(cidr))
    throw new BadRequest(`Bad prefix for network in cidr ${cidr}`);
  return cidr;
}

/** Undefined where it is not said which; -1 is any type or code of ICMP. */
function protocolAndPorts(asked: AskedRule, isFromGroup: boolean) {
  const protocol = written(asked.ip_protocol ?? '').toLowerCase();
  const [from, to] = portsOf(asked, protocol, isFromGroup);
  if (protocol === '' || from === undefined || to === undefined) return undefined;
  if (!['tcp', 'udp', 'icmp'].includes(protocol)) throw new BadRequest(`Invalid IP protocol ${protocol}.`);
  const [low, high] = protocol === 'icmp' ? [-1, 255] : [1, 65_535];
  const refused = (why: string) => new BadRequest(`Invalid port range ${from}:${to}. ${why}`);
  if (protocol !== 'icmp' && from > to) throw refused('Former value cannot be greater than the later');
  if (from < low || to < low || from > high || to > high)
    throw refused(
      protocol === 'icmp'
        ? 'For ICMP, the type:code must be valid'
        : `Valid ${protocol.toUpperCase()} ports should be between 1-65535`,
    );
  const known = (port: number) => (port === -1 ? null : port);
  return { protocol, portRangeMin: known(from), portRangeMax: known(to) };
}

/** From a group, all ports of the protocol where none are said. */
function portsOf({ from_port, to_port }: AskedRule, protocol: string, isFromGroup: boolean) {
  const isUnsaid = (from_port ?? null) === null && (to_port ?? null) === null;
  if (isFromGroup && isUnsaid && protocol === 'icmp') return [-1, -1];
  if (isFromGroup && isUnsaid && (protocol === 'tcp' || protocol === 'udp')) return [1, 65_535];
  return [from_port, to_port].map((port) => numberOf(port, protocol));
}

function numberOf(port: unknown, protocol: string): number | undefined {
  if (port === undefined || port === null) return undefined;
  if (typeof port === 'number' && Number.isInteger(port)) return port;
  if (typeof port === 'string' && /^\s*[+-]?\d{1,9}\s*$/.test(port)) return Number(port);
  throw new BadRequest(
    protocol === 'icmp'
      ? 'Invalid input received: Type and Code must be integers for ICMP protocol type'
      : 'Invalid input received: To and From ports must be integers',
  );
}

const written = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
