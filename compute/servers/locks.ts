import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import { recordAction } from './actions.ts';
import type { ServerDeps } from './create.ts';
import type { Server } from './server.ts';
import { lockServer } from './store.ts';

export const lockPolicy = definePolicy({
  'os_compute_api:os-lock-server:unlock:unlock_override': projectAdmin('Unlock a server that an administrator locked'),
});
const unlockOverride = lockPolicy['os_compute_api:os-lock-server:unlock:unlock_override'];

/**
 * Keeps everybody but administrators from changing the server. Who owns it does not change what an administrator locked
 * (nova/compute/api.py, `lock`).
 */
export async function lockServerAgainstChanges(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  reason: string | null,
): Promise<void> {
  await db.transaction(async (trx) => {
    const server = await lockServer(trx, visibleTo(ctx), id);
    const by = isOwner(ctx, server) ? 'owner' : 'admin';
    if (server.lockedBy !== null && by === 'owner') return;
    await trx('servers')
      .where({ id: server.id })
      .update({ locked_by: by, locked_reason: reason, updated_at: trx.fn.now() });
    await recordAction(trx, ctx, { serverId: server.id, action: 'lock', revision: server.revision, isDone: true });
  });
}

/** Throws `Forbidden` when an administrator locked it and the caller may not override that. */
export async function unlockServer({ db, enforcer }: ServerDeps, ctx: ProjectContext, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    const server = await lockServer(trx, visibleTo(ctx), id);
    const expected = isOwner(ctx, server) ? 'owner' : 'admin';
    if (server.lockedBy !== null && server.lockedBy !== expected) enforcer.authorize(ctx, unlockOverride);
    await trx('servers')
      .where({ id: server.id })
      .update({ locked_by: null, locked_reason: null, updated_at: trx.fn.now() });
    await recordAction(trx, ctx, { serverId: server.id, action: 'unlock', revision: server.revision, isDone: true });
  });
}

function isOwner(ctx: ProjectContext, server: Server): boolean {
  return ctx.projectId === server.projectId;
}
