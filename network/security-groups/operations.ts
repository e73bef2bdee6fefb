import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { type Knex, violatedConstraint } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import { type NetworkDeps, ownerOf } from '../deps.ts';
import {
  SecurityGroupCannotRemoveDefault,
  SecurityGroupCannotUpdateDefault,
  SecurityGroupDefaultAlreadyExists,
  SecurityGroupInUse,
  SecurityGroupRuleExists,
} from '../errors.ts';
import { change, requestDeletion, wake } from '../lifecycle.ts';
import { networkPolicy as policy } from '../policy.ts';
import { checkQuota } from '../quotas/operations.ts';
import { ensureDefaultGroup } from './default-group.ts';
import { checkedRule } from './rule.ts';
import type { NewRule, SecurityGroup, SecurityGroupRule } from './security-group.ts';
import { getRule, getSecurityGroup, holdSecurityGroup, lockRulesOf, lockWithNaming } from './store.ts';

export interface NewSecurityGroup {
  name?: string;
  description?: string;
  project_id?: string;
  tenant_id?: string;
}

/** A new group lets everything out and nothing in, as Neutron's do. */
export async function createSecurityGroup(
  { db }: NetworkDeps,
  ctx: ProjectContext,
  asked: NewSecurityGroup,
): Promise<SecurityGroup> {
  const projectId = ownerOf(ctx, asked);
  if (asked.name?.toLowerCase() === 'default')
    throw new SecurityGroupDefaultAlreadyExists('Default security group already exists.');
  return await db.transaction(async (trx) => {
    await ensureDefaultGroup(trx, projectId);
    await checkQuota(trx, projectId, 'security_group');
    await checkQuota(trx, projectId, 'security_group_rule', 2);
    const [{ id }] = await trx('security_groups')
      .insert({ project_id: projectId, name: asked.name, description: asked.description })
      .returning('id');
    const rule = { project_id: projectId, security_group_id: id, direction: 'egress' };
    await trx('security_group_rules').insert([
      { ...rule, ethertype: 'IPv4' },
      { ...rule, ethertype: 'IPv6' },
    ]);
    await wake(trx, 'security_groups', id);
    return getSecurityGroup(trx, 'everyone', id);
  });
}

export async function updateSecurityGroup(
  { db, enforcer }: NetworkDeps,
  ctx: ProjectContext,
  id: string,
  asked: Pick<NewSecurityGroup, 'name' | 'description'>,
): Promise<SecurityGroup> {
  return await db.transaction(async (trx) => {
    const group = await getSecurityGroup(trx, visibleTo(ctx), id);
    enforcer.authorize(ctx, policy.update_security_group, { project_id: group.projectId });
    if (group.isDefault && asked.name !== undefined && asked.name !== group.name)
      throw new SecurityGroupCannotUpdateDefault('Updating default security group not allowed.');
    if (!group.isDefault && asked.name?.toLowerCase() === 'default')
      throw new SecurityGroupDefaultAlreadyExists('Default security group already exists.');
    await change(trx, 'security_groups', id, { name: asked.name, description: asked.description });
    return getSecurityGroup(trx, 'everyone', id);
  });
}

/** Rules of other groups that name this one go with it; a port that has it keeps it. */
export async function deleteSecurityGroup(deps: NetworkDeps, ctx: ProjectContext, id: string): Promise<void> {
  if (!isUuid(id)) throw new NotFound('Security Group', id);
  for (;;) if (await deps.db.transaction((trx) => tryToDelete(trx, deps, ctx, id))) return;
}

async function tryToDelete(trx: Knex, { enforcer }: NetworkDeps, ctx: ProjectContext, id: string): Promise<boolean> {
  await getSecurityGroup(trx, visibleTo(ctx), id); // nobody holds up the groups of others
  const naming = await lockWithNaming(trx, id); // also against a port taking it right now
  if (naming === undefined) return false;
  const group = await getSecurityGroup(trx, visibleTo(ctx), id);
  enforcer.authorize(ctx, policy.delete_security_group, { project_id: group.projectId });
  if (group.isDefault && !ctx.isAdmin)
    throw new SecurityGroupCannotRemoveDefault('Insufficient rights for removing default security group.');
  const used = await trx('port_security_groups').where({ security_group_id: id }).first('port_id');
  if (used) throw new SecurityGroupInUse(`Security Group ${id} in use.`);
  await trx('security_group_rules').where({ remote_group_id: id }).delete();
  for (const other of naming) await change(trx, 'security_groups', other);
  await trx('security_group_rules').where({ security_group_id: id }).delete();
  await trx('network_tags').where({ resource_id: id }).delete();
  await requestDeletion(trx, 'security_groups', id);
  return true;
}

/** Creates all of them or none. */
export async function createRules(
  { db, enforcer }: NetworkDeps,
  ctx: ProjectContext,
  asked: NewRule[],
): Promise<SecurityGroupRule[]> {
  return await db.transaction(async (trx) => {
    const changed = new Map<string, string>(); // groups and their projects
    for (const { securityGroupId } of asked) {
      const group = await getSecurityGroup(trx, visibleTo(ctx), securityGroupId);
      enforcer.authorize(ctx, policy.create_security_group_rule, { project_id: group.projectId });
      changed.set(group.id, group.projectId);
    }
    const named = asked.flatMap((one) => one.remoteGroupId ?? []);
    for (const id of [...new Set([...changed.keys(), ...named])].toSorted())
      await (changed.has(id) ? lockRulesOf : holdSecurityGroup)(trx, visibleTo(ctx), id);
    const rules: SecurityGroupRule[] = [];
    for (const one of asked) {
      const projectId = changed.get(one.securityGroupId) as string;
      await checkQuota(trx, projectId, 'security_group_rule');
      rules.push(await insertRule(trx, projectId, checkedRule(one)));
    }
    for (const id of changed.keys()) await change(trx, 'security_groups', id);
    return rules;
  });
}

async function insertRule(trx: Knex, projectId: string, rule: NewRule): Promise<SecurityGroupRule> {
  const columns = {
    project_id: projectId,
    security_group_id: rule.securityGroupId,
    direction: rule.direction,
    ethertype: rule.ethertype,
    protocol: rule.protocol,
    port_range_min: rule.portRangeMin,
    port_range_max: rule.portRangeMax,
    // `inet` takes host bits and `network()` clears them; `cidr` alone would refuse them.
    remote_ip_prefix: rule.remoteIpPrefix === null ? null : trx.raw('network(?::inet)', [rule.remoteIpPrefix]),
    remote_group_id: rule.remoteGroupId,
    description: rule.description,
  };
  try {
    // In a savepoint, so that the transaction can still look for the one that is in the way.
    const [row] = await trx.transaction((nested) => nested('security_group_rules').insert(columns).returning('id'));
    return await getRule(trx, 'everyone', row.id);
  } catch (error) {
    if (violatedConstraint(error) !== 'security_group_rules_same') throw error;
    const { project_id: _, description: __, ...same } = columns;
    const existing = await trx('security_group_rules').where(same).first('id');
    throw new SecurityGroupRuleExists(`Security group rule already exists. Rule id is ${existing?.id}.`, {
      cause: error,
    });
  }
}

export async function deleteRule({ db, enforcer }: NetworkDeps, ctx: ProjectContext, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    const rule = await getRule(trx, visibleTo(ctx), id);
    enforcer.authorize(ctx, policy.delete_security_group_rule, { project_id: rule.projectId });
    await lockRulesOf(trx, visibleTo(ctx), rule.securityGroupId);
    if ((await trx('security_group_rules').where({ id }).delete()) === 0) throw new NotFound('Security Group Rule', id);
    await change(trx, 'security_groups', rule.securityGroupId);
  });
}
