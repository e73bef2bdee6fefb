/** What there is, counted from the rows that are it: nothing can drift. */
import type { Knex } from '../../common/database/database.ts';
import { usages } from '../../network/quotas/operations.ts';
import { asCompute } from './limits.ts';
import { type Limits, quotaResources } from './resources.ts';

export interface Usage {
  /** Servers. */
  instances: number;
  containers: number;
  /** Of both, and of containers also in parts; the sum is rounded up. */
  cores: number;
  /** MiB, of both. */
  ram: number;
  /** GiB, of servers: what their flavors have, and what a resize still keeps of the one before. */
  disk: number;
}

/** What a project's servers and containers take, those in error and those being deleted included; or one user's of them. */
export async function usageOf(db: Knex, projectId: string, userId: string | null = null): Promise<Usage> {
  const claims = db('compute_claims').where({ project_id: projectId }).whereRaw("kind <> 'move'");
  if (userId !== null)
    claims.whereIn(
      'id',
      db('servers')
        .where({ project_id: projectId, user_id: userId })
        .select('id')
        .unionAll(db('containers').where({ project_id: projectId, user_id: userId }).select('id')),
    );
  const row = await claims
    .select(
      db.raw("(count(*) filter (where kind = 'server'))::int as instances"),
      db.raw("(count(*) filter (where kind = 'container'))::int as containers"),
      db.raw('ceil(coalesce(sum(vcpus), 0))::int as cores'),
      db.raw('coalesce(sum(memory_mib), 0)::int as ram'),
      db.raw("coalesce(sum(disk_gib) filter (where kind = 'server'), 0)::int as disk"),
    )
    .first();
  return row as unknown as Usage;
}

export async function serverGroupsOf(db: Knex, projectId: string, userId: string | null = null): Promise<number> {
  const query = db('server_groups').where({ project_id: projectId }).count({ used: '*' }).first();
  if (userId !== null) query.where({ user_id: userId });
  return (await query)?.used as number;
}

/** Everything that quota sets show. What is counted for each user, server or group, and not for a project, is 0, as in Nova. */
export async function allUsageOf(db: Knex, projectId: string, userId: string | null = null): Promise<Limits> {
  const { instances, cores, ram } = await usageOf(db, projectId, userId);
  const nothing = Object.fromEntries(quotaResources.map((name) => [name, 0]));
  return {
    ...nothing,
    ...(userId === null && asCompute(await usages(db, projectId))),
    instances,
    cores,
    ram,
    server_groups: await serverGroupsOf(db, projectId, userId),
  } as Limits;
}
