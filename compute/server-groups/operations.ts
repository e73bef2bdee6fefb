import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, OverQuota } from '../../common/errors.ts';
import { limitOf } from '../quotas/limits.ts';
import { ownLimits } from '../quotas/store.ts';
import { serverGroupsOf } from '../quotas/usage.ts';
import type { GroupPolicy, ServerGroup } from './server-group.ts';
import { getServerGroup, insertServerGroup } from './store.ts';

export interface NewServerGroup {
  name: string;
  policy: GroupPolicy;
  mostPerHost: number | null;
}

/** Throws `BadRequest` for rules of a policy that has none, `OverQuota` when there are as many as there may be. */
export async function createServerGroup(
  { db, region }: { db: Knex; region: string },
  ctx: ProjectContext,
  asked: NewServerGroup,
): Promise<ServerGroup> {
  const { projectId, userId } = ctx;
  if (asked.mostPerHost !== null && asked.policy !== 'anti-affinity')
    throw new BadRequest('Only anti-affinity policy supports rules.');
  return db.transaction(async (trx) => {
    // Nobody counts without the others: they wait here.
    await trx.raw("select pg_advisory_xact_lock(hashtextextended('server groups of ' || ?, 0))", [projectId]);
    const limit = await limitOf(trx, { projectId, region }, 'server_groups');
    const { server_groups: usersLimit = -1 } = await ownLimits(trx, { projectId, userId });
    if (limit >= 0) refuseMore(await serverGroupsOf(trx, projectId), limit);
    if (usersLimit >= 0) refuseMore(await serverGroupsOf(trx, projectId, userId), usersLimit);
    const id = await insertServerGroup(trx, { projectId, userId, ...asked });
    return getServerGroup(trx, visibleTo(ctx), id);
  });
}

function refuseMore(used: number, limit: number): void {
  if (used + 1 > limit) throw new OverQuota(`Quota exceeded, too many server groups: ${used} of ${limit} are in use.`);
}
