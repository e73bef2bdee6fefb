/** What is asked of servers that are to go while they run. */

import type { ProjectContext } from '../../../common/context.ts';
import { visibleTo } from '../../../common/context.ts';
import type { Knex } from '../../../common/database/database.ts';
import { notify } from '../../../common/database/notifications.ts';
import { BadRequest, Conflict, NotFound } from '../../../common/errors.ts';
import { requireHost } from '../../hosts/store.ts';
import { placed } from '../../scheduler/no-valid-host.ts';
import { recordAction } from '../actions.ts';
import { ask } from '../ask.ts';
import type { ServerDeps } from '../create.ts';
import { refuseLiveOnDeadHost } from '../dead-hosts.ts';
import { requirements } from '../states.ts';
import { getServer, lockServer } from '../store.ts';
import { liveStatuses, type Move } from './move.ts';
import { fromRow, insertMove, moveTopic } from './store.ts';
import { claimTarget, onItsHost } from './target.ts';

/** Takes a running server to another host without shutting it down. Throws `NoValidHost` when no host can take it, `Conflict`. */
export async function liveMigrateServer(
  { db, scheduling }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  hostName: string | null,
): Promise<void> {
  await ask(db, ctx, id, {
    action: 'live-migration',
    api: 'os-migrateLive',
    requirement: requirements['live migrate'],
    async change(trx, asked) {
      const server = onItsHost(asked);
      await refuseLiveOnDeadHost(trx, server);
      if (hostName !== null) await requireHost(trx, hostName);
      if (hostName === server.hostName)
        throw new BadRequest(`Unable to migrate instance (${id}) to current host (${hostName}).`);
      const host = placed(await claimTarget(trx, scheduling, server, { hostName, size: server, how: 'live' }));
      await insertMove(trx, {
        serverId: id,
        kind: 'live-migration',
        status: 'queued',
        userId: ctx.userId,
        projectId: ctx.projectId,
        sourceHost: server.hostName,
        destinationHost: host.name,
      });
      return { other_host_id: host.id, move: 'live' };
    },
  });
}

/** Calls it off; the server stays where it is. Throws `NotFound`, `BadRequest` when it is not one that can be. */
export async function abortLiveMigration(
  { db }: ServerDeps,
  ctx: ProjectContext,
  serverId: string,
  number: string,
  { alsoQueued }: { alsoQueued: boolean },
): Promise<void> {
  await db.transaction(async (trx) => {
    await lockServer(trx, visibleTo(ctx), serverId);
    const move = await getMoveOf(trx, ctx, serverId, number);
    const allowed: readonly string[] = alsoQueued ? liveStatuses : ['running'];
    refuseStatus(move, allowed, 'abort live migration');
    await ofLiveMove(trx, ctx, move, 'live_migration_cancel', { abort_requested_at: trx.fn.now() });
  });
}

/** Lets the guest wait so that its migration comes to an end. Throws `NotFound`, `BadRequest` when it is not running. */
export async function forceLiveMigration(
  { db }: ServerDeps,
  ctx: ProjectContext,
  serverId: string,
  number: string,
): Promise<void> {
  await db.transaction(async (trx) => {
    const server = await lockServer(trx, visibleTo(ctx), serverId);
    const move = await getMoveOf(trx, ctx, serverId, number);
    if (server.move !== 'live')
      throw new Conflict(`Cannot 'force_complete' instance ${serverId} while it is in task_state None`);
    refuseStatus(move, ['running'], 'force complete');
    await ofLiveMove(trx, ctx, move, 'live_migration_force_complete', { force_requested_at: trx.fn.now() });
  });
}

async function ofLiveMove(trx: Knex, ctx: ProjectContext, move: Move, action: string, columns: object): Promise<void> {
  await trx('server_migrations').where({ id: move.id }).update(columns);
  const { revision } = await getServer(trx, 'everyone', move.serverId);
  await recordAction(trx, ctx, { serverId: move.serverId, action, revision, isDone: true });
  await notify(trx, moveTopic, move.id);
}

/** One of the server's, by its number. */
export async function getMoveOf(db: Knex, ctx: ProjectContext, serverId: string, number: string): Promise<Move> {
  const server = await getServer(db, visibleTo(ctx), serverId);
  const isNumber = /^\d{1,9}$/.test(number);
  const row = isNumber
    ? await db('server_migrations')
        .where({ server_id: server.id, number: Number(number) })
        .first()
    : undefined;
  if (row === undefined) throw new NotFound(`Migration ${number} for instance`, serverId);
  return fromRow(row);
}

/** Nova's words (nova/exception.py, `InvalidMigrationState`). */
function refuseStatus(move: Move, allowed: readonly string[], what: string): void {
  const isLive = move.kind === 'live-migration';
  if (isLive && allowed.includes(move.status)) return;
  throw new BadRequest(
    `Migration ${move.id} state of instance ${move.serverId} is ${move.status}. Cannot ${what} while the migration is in this state.`,
  );
}
