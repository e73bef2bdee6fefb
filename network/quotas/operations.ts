import type { Knex } from '../../common/database/database.ts';
import { OverQuota } from '../../common/errors.ts';
import { defaultQuota, type Quota, type QuotaResource, quotaResources } from './quota.ts';

/** Where usage is counted; what is being deleted counts no more. */
const tables = {
  network: 'networks',
  subnet: 'subnets',
  port: 'ports',
  router: 'routers',
  floatingip: 'floating_ips',
  security_group: 'security_groups',
  security_group_rule: 'security_group_rules',
} as const satisfies Record<QuotaResource, string>;

const withoutDeletion: readonly QuotaResource[] = ['floatingip', 'security_group_rule'];

/**
 * Throws `OverQuota` when `more` would not fit. Whoever adds to a project's resource waits here for the others to commit, so
 * that two who see the last free place do not both take it; call it before the insert.
 */
export async function checkQuota(trx: Knex, projectId: string, resource: QuotaResource, more = 1): Promise<void> {
  const row = await trx('network_quotas').where({ project_id: projectId, resource }).first('maximum');
  const limit: number = row?.maximum ?? defaultQuota[resource];
  if (limit < 0) return;
  await trx.raw('select pg_advisory_xact_lock(hashtextextended(?, 0))', [`network quota ${resource} ${projectId}`]);
  const used = await usage(trx, projectId, resource);
  if (used + more > limit)
    throw new OverQuota(
      `Quota exceeded for resources: ['${resource}']. The limit is ${limit}, ${used} are used and ${more} more were asked for.`,
    );
}

async function usage(db: Knex, projectId: string, resource: QuotaResource): Promise<number> {
  const query = db(tables[resource]).where({ project_id: projectId }).count({ used: '*' }).first();
  if (!withoutDeletion.includes(resource)) query.whereNull('deletion_requested_at');
  return (await query)?.used as number;
}

/** Usage of everything, for the details. */
export async function usages(db: Knex, projectId: string): Promise<Quota> {
  const counts = await Promise.all(quotaResources.map(async (one) => [one, await usage(db, projectId, one)]));
  return Object.fromEntries(counts);
}

export async function quotaOf(db: Knex, projectId: string): Promise<Quota> {
  const rows = await db('network_quotas').where({ project_id: projectId });
  return { ...defaultQuota, ...Object.fromEntries(rows.map((row) => [row.resource, row.maximum])) };
}

/** Projects with limits of their own. */
export async function listQuotas(db: Knex): Promise<{ projectId: string; quota: Quota }[]> {
  const rows = await db('network_quotas').orderBy(['project_id', 'resource']);
  const own = Map.groupBy(rows, (row) => row.project_id as string);
  return [...own].map(([projectId, limits]) => ({
    projectId,
    quota: { ...defaultQuota, ...Object.fromEntries(limits.map((row) => [row.resource, row.maximum])) },
  }));
}

export async function setQuota(db: Knex, projectId: string, limits: Partial<Quota>): Promise<Quota> {
  const rows = Object.entries(limits).map(([resource, maximum]) => ({ project_id: projectId, resource, maximum }));
  if (rows.length > 0) await db('network_quotas').insert(rows).onConflict(['project_id', 'resource']).merge();
  return quotaOf(db, projectId);
}

export async function resetQuota(db: Knex, projectId: string): Promise<void> {
  await db('network_quotas').where({ project_id: projectId }).delete();
}
