/** Security groups in Compute's old form: of their rules, what comes in, as there was nothing else when it was made. */
import { type ProjectContext, visibleTo } from '../../../common/context.ts';
import type { Knex } from '../../../common/database/database.ts';
import { namesOfGroups } from '../../../network/proxied.ts';
import type { SecurityGroup, SecurityGroupRule } from '../../../network/security-groups/security-group.ts';

type Names = Awaited<ReturnType<typeof namesOfGroups>>;

/** Rules about a group that the caller may not see are left out, as Nova does. */
export async function securityGroupViews(db: Knex, ctx: ProjectContext, groups: readonly SecurityGroup[]) {
  const names = await namesIn(db, ctx, groups.flatMap(ingressOf));
  return groups.map((group) => ({
    id: group.id,
    name: group.name,
    description: group.description,
    tenant_id: group.projectId,
    rules: ingressOf(group)
      .filter(({ remoteGroupId }) => remoteGroupId === null || names.has(remoteGroupId))
      .map((rule) => ruleView(rule, names)),
  }));
}

export async function securityGroupRuleView(db: Knex, ctx: ProjectContext, rule: SecurityGroupRule) {
  return ruleView(rule, await namesIn(db, ctx, [rule]));
}

const ingressOf = ({ rules }: SecurityGroup) => rules.filter((rule) => rule.direction === 'ingress');

function namesIn(db: Knex, ctx: ProjectContext, rules: readonly SecurityGroupRule[]): Promise<Names> {
  return namesOfGroups(db, visibleTo(ctx), [...new Set(rules.flatMap(({ remoteGroupId }) => remoteGroupId ?? []))]);
}

function ruleView(rule: SecurityGroupRule, names: Names) {
  const source = rule.remoteGroupId === null ? undefined : names.get(rule.remoteGroupId);
  const anywhere = rule.ethertype === 'IPv4' ? '0.0.0.0/0' : '::/0';
  return {
    id: rule.id,
    parent_group_id: rule.securityGroupId,
    ip_protocol: rule.protocol,
    ...portsView(rule),
    group: source === undefined ? {} : { name: source.name, tenant_id: source.projectId },
    ip_range: rule.remoteGroupId === null ? { cidr: rule.remoteIpPrefix ?? anywhere } : {},
  };
}

/** All ports of a protocol that has ports are told as such; -1 is any type or code of ICMP, and null any protocol's. */
function portsView({ protocol, portRangeMin, portRangeMax }: SecurityGroupRule) {
  const isWhole = protocol !== null && portRangeMin === null && portRangeMax === null;
  if (!isWhole) return { from_port: portRangeMin, to_port: portRangeMax };
  const hasPorts = protocol === 'tcp' || protocol === 'udp';
  return hasPorts ? { from_port: 1, to_port: 65_535 } : { from_port: -1, to_port: -1 };
}
