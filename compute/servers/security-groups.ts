/** The security groups of servers: those of their ports. */
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { addGroup, groupsOf, removeGroup } from '../../network/interfaces.ts';
import { resolveSecurityGroups } from '../../network/ports.ts';
import type { SecurityGroup } from '../../network/security-groups/security-group.ts';
import { refuseLocked } from './ask.ts';
import type { ServerDeps } from './create.ts';
import { getServer, lockServer } from './store.ts';

export async function listSecurityGroups(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
): Promise<SecurityGroup[]> {
  const server = await getServer(db, visibleTo(ctx), id);
  return groupsOf(db, server.id);
}

/** By name or id. Throws `NotFound`, `BadRequest` when nothing would change, `Conflict` when a name is not unique. */
export async function changeSecurityGroup(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  change: 'add' | 'remove',
  nameOrId: string,
): Promise<void> {
  await db.transaction(async (trx) => {
    const server = await lockServer(trx, visibleTo(ctx), id);
    refuseLocked(ctx, server);
    const [groupId = ''] = await resolveSecurityGroups(trx, server.projectId, [nameOrId]);
    if (change === 'add') await addGroup(trx, visibleTo(ctx), server.id, groupId);
    else await removeGroup(trx, server.id, groupId);
  });
}
