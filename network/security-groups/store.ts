import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import type { LifecycleRow } from '../lifecycle.ts';
import { tagsOf } from '../tags/store.ts';
import type { SecurityGroup, SecurityGroupRule } from './security-group.ts';

export interface SecurityGroupRow extends LifecycleRow {
  project_id: string;
  name: string;
  description: string;
  is_default: boolean;
  rules: RuleRow[];
  tags: string[];
}

export interface RuleRow {
  id: string;
  project_id: string;
  security_group_id: string;
  direction: 'ingress' | 'egress';
  ethertype: 'IPv4' | 'IPv6';
  protocol: string | null;
  port_range_min: number | null;
  port_range_max: number | null;
  remote_ip_prefix: string | null;
  remote_group_id: string | null;
  description: string;
  /** Text when it comes inside of its group's row. */
  created_at: Date | string;
}

export function visibleGroups(db: Knex, visible: Visible): Knex.QueryBuilder {
  const query = db('security_groups as g')
    .select(
      'g.*',
      db.raw(`(select coalesce(json_agg(r order by r.created_at, r.id), '[]') from security_group_rules r
        where r.security_group_id = g.id) as rules`),
      tagsOf(db, 'g.id'),
    )
    .whereNull('g.deletion_requested_at');
  if (visible !== 'everyone') query.where('g.project_id', visible.projectId);
  return query;
}

export async function getSecurityGroup(db: Knex, visible: Visible, id: string): Promise<SecurityGroup> {
  const row = isUuid(id) ? await visibleGroups(db, visible).where('g.id', id).first() : undefined;
  if (row === undefined) throw new NotFound('Security Group', id);
  return groupFromRow(row);
}

/**
 * Keeps the group from being deleted before the transaction ends. Throws `SecurityGroupNotFound` unless it may be seen. Whoever
 * holds or locks several takes them in the order of their ids, before anything else, so that nobody waits in a circle.
 */
export async function holdSecurityGroup(trx: Knex, visible: Visible, id: string): Promise<void> {
  await take(trx('security_groups').forKeyShare(), visible, id);
}

/** Keeps the group and its rules from being changed before the transaction ends; ports may take it meanwhile. */
export async function lockRulesOf(trx: Knex, visible: Visible, id: string): Promise<void> {
  await take(trx('security_groups').forNoKeyUpdate(), visible, id);
}

async function take(groups: Knex.QueryBuilder, visible: Visible, id: string): Promise<void> {
  const query = groups.whereNull('deletion_requested_at');
  if (visible !== 'everyone') query.where('project_id', visible.projectId);
  const row = isUuid(id) ? await query.where({ id }).first('id') : undefined;
  if (row === undefined) throw new NotFound('Security Group', id);
}

/**
 * Locks the group against everybody, with those that have rules that name it, whose ids are returned; undefined when another
 * came to name it meanwhile: the transaction has to begin anew, because that one may come earlier in the order.
 */
export async function lockWithNaming(trx: Knex, id: string): Promise<string[] | undefined> {
  const naming = async (): Promise<string[]> =>
    await trx('security_group_rules')
      .where({ remote_group_id: id })
      .whereNot({ security_group_id: id })
      .distinct('security_group_id')
      .pluck('security_group_id');
  const before = await naming();
  await trx('security_groups')
    .whereIn('id', [id, ...before])
    .orderBy('id')
    .forUpdate()
    .select('id');
  const after = await naming(); // nobody can come to name it any more
  return after.every((one) => before.includes(one)) ? after : undefined;
}

/** Rules of groups that the caller may see. */
export function visibleRules(db: Knex, visible: Visible): Knex.QueryBuilder {
  const query = db('security_group_rules as r')
    .join('security_groups as g', 'g.id', 'r.security_group_id')
    .select('r.*')
    .whereNull('g.deletion_requested_at');
  if (visible !== 'everyone') query.where('r.project_id', visible.projectId);
  return query;
}

export async function getRule(db: Knex, visible: Visible, id: string): Promise<SecurityGroupRule> {
  const row = isUuid(id) ? await visibleRules(db, visible).where('r.id', id).first() : undefined;
  if (row === undefined) throw new NotFound('Security Group Rule', id);
  return ruleFromRow(row);
}

export function groupFromRow(row: SecurityGroupRow): SecurityGroup {
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    description: row.description,
    isDefault: row.is_default,
    rules: row.rules.map(ruleFromRow),
    tags: row.tags,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function ruleFromRow(row: RuleRow): SecurityGroupRule {
  return {
    id: row.id,
    projectId: row.project_id,
    securityGroupId: row.security_group_id,
    direction: row.direction,
    ethertype: row.ethertype,
    protocol: row.protocol,
    portRangeMin: row.port_range_min,
    portRangeMax: row.port_range_max,
    remoteIpPrefix: row.remote_ip_prefix,
    remoteGroupId: row.remote_group_id,
    description: row.description,
    createdAt: new Date(row.created_at),
  };
}
