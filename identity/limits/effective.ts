import type { Knex } from '../../common/database/database.ts';

export interface LimitQuestion {
  projectId: string;
  /** In the catalog: `compute`. */
  serviceType: string;
  regionId: string;
  resourceName: string;
}

/**
 * How much of something a project may have: its own limit, else the registered default; what is said for the region counts
 * before what is said for all. -1 is no limit; undefined is that nobody has registered anything.
 */
export async function effectiveLimit(
  db: Knex,
  { projectId, serviceType, regionId, resourceName }: LimitQuestion,
): Promise<number | undefined> {
  const row = await db('registered_limits as r')
    .join('services as s', 's.id', 'r.service_id')
    .leftJoin('limits as l', (on) => on.on('l.registered_limit_id', 'r.id').andOnVal('l.project_id', projectId))
    .where({ 's.type': serviceType, 'r.resource_name': resourceName })
    .where((region) => region.where('r.region_id', regionId).orWhereNull('r.region_id'))
    .orderByRaw('r.region_id is null, s.created_at, s.id')
    .first(db.raw('coalesce(l.resource_limit, r.default_limit) as limit'));
  return row?.limit;
}

/** The same for everything of a service that somebody has registered, by name. */
export async function effectiveLimits(
  db: Knex,
  { projectId, serviceType, regionId }: Omit<LimitQuestion, 'resourceName'>,
): Promise<Map<string, number>> {
  const rows = await db('registered_limits as r')
    .join('services as s', 's.id', 'r.service_id')
    .leftJoin('limits as l', (on) => on.on('l.registered_limit_id', 'r.id').andOnVal('l.project_id', projectId))
    .where({ 's.type': serviceType })
    .where((region) => region.where('r.region_id', regionId).orWhereNull('r.region_id'))
    .distinctOn('r.resource_name')
    .orderByRaw('r.resource_name, r.region_id is null, s.created_at, s.id')
    .select('r.resource_name', db.raw('coalesce(l.resource_limit, r.default_limit) as maximum'));
  return new Map(rows.map((row) => [row.resource_name, row.maximum]));
}
