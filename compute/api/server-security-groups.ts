/** The groups of a server, as clients read them before they asked Network (nova/api/openstack/compute/security_groups.py). */
import { route } from '../../common/http/route.ts';
import { definePolicy, projectReader } from '../../common/policy/rules.ts';
import type { SecurityGroup, SecurityGroupRule } from '../../network/security-groups/security-group.ts';
import { listSecurityGroups } from '../servers/security-groups.ts';
import type { ComputeApiDeps } from './deps.ts';

export const serverSecurityGroupPolicy = definePolicy({
  'os_compute_api:os-security-groups:list': projectReader('List the security groups of a server'),
});

export const serverSecurityGroupRoutes = (deps: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/servers/{server_id}/os-security-groups',
    rule: serverSecurityGroupPolicy['os_compute_api:os-security-groups:list'],
    summary: 'List the security groups of a server',
    status: 200,
    async handler({ ctx, params }) {
      const groups = await listSecurityGroups(deps, ctx, params.server_id ?? '');
      const names = new Map(groups.map((group) => [group.id, group.name]));
      return { security_groups: groups.map((group) => groupView(group, names)) };
    },
  }),
];

/** Of rules, what comes in: there was nothing else when this form was made. */
function groupView(group: SecurityGroup, names: ReadonlyMap<string, string>) {
  const ingress = group.rules.filter((rule) => rule.direction === 'ingress');
  return {
    id: group.id,
    name: group.name,
    description: group.description,
    tenant_id: group.projectId,
    rules: ingress.map((rule) => ruleView(group, rule, names)),
  };
}

function ruleView(group: SecurityGroup, rule: SecurityGroupRule, names: ReadonlyMap<string, string>) {
  const { remoteGroupId } = rule;
  const anywhere = rule.ethertype === 'IPv4' ? '0.0.0.0/0' : '::/0';
  return {
    id: rule.id,
    parent_group_id: group.id,
    ip_protocol: rule.protocol,
    from_port: rule.portRangeMin ?? (rule.protocol === null ? null : -1),
    to_port: rule.portRangeMax ?? (rule.protocol === null ? null : -1),
    group:
      remoteGroupId === null ? {} : { name: names.get(remoteGroupId) ?? remoteGroupId, tenant_id: group.projectId },
    ip_range: remoteGroupId === null ? { cidr: rule.remoteIpPrefix ?? anywhere } : {},
  };
}
