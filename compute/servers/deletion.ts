/** How servers go, and how they come back while they may. */
import { type ProjectContext, type Visible, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { isUuid } from '../../common/ids.ts';
import { releasePorts } from '../../network/ports.ts';
import { holdIfDead } from '../hosts/dead.ts';
import { finishActionsUpTo, recordAction } from './actions.ts';
import { ask, refuseLocked } from './ask.ts';
import type { ServerDeps } from './create.ts';
import { endMovesOf } from './moves/store.ts';
import { leaveRemains } from './remains.ts';
import type { Server } from './server.ts';
import { discardShelveImage } from './shelved.ts';
import { discardUnfinishedImages } from './snapshots.ts';
import { requirements } from './states.ts';
import { getServer, lockServer } from './store.ts';

/** How long what was done to a server can be read after it is gone. */
const historyDays = 30;

/**
 * Asks for the server to go; where the site keeps deleted servers for a while, it is only shut down at first. One that no
 * host holds, or a dead one, goes at once. Asking again is no error. Throws `Conflict` when it is locked.
 */
export async function deleteServer(deps: ServerDeps, ctx: ProjectContext, id: string): Promise<void> {
  await remove(deps, ctx, id, { isForced: deps.reclaimSeconds === 0 });
}

/** At once, whatever the site keeps. */
export async function forceDeleteServer(deps: ServerDeps, ctx: ProjectContext, id: string): Promise<void> {
  await remove(deps, ctx, id, { isForced: true });
}

async function remove(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  { isForced }: { isForced: boolean },
): Promise<void> {
  await db.transaction(async (trx) => {
    const server = await lockServer(trx, visibleTo(ctx), id);
    refuseLocked(ctx, server);
    const isAsked = server.deletionRequestedAt !== null;
    if (!isAsked && !isForced && server.softDeletedAt !== null) return;
    const revision = server.revision + 1;
    const isSoft = !isForced && server.hostId !== null && !isAsked;
    if (!isAsked)
      await recordAction(trx, ctx, { serverId: server.id, action: isSoft ? 'softDelete' : 'delete', revision });
    if (server.hostId === null) return removeServerRow(trx, server);
    if (!isSoft && (await holdIfDead(trx, server.hostId))) return removeFromDeadHost(trx, server);
    if (isAsked) return;
    const column = isSoft ? 'soft_deleted_at' : 'deletion_requested_at';
    await trx('servers')
      .where({ id: server.id })
      .update({ [column]: trx.fn.now(), revision, updated_at: trx.fn.now() });
    await notify(trx, 'servers', server.id);
  });
}

/** Brings a deleted server back that is still kept. Throws `Conflict` when it was not deleted. */
export async function restoreServer({ db }: ServerDeps, ctx: ProjectContext, id: string): Promise<void> {
  await ask(db, ctx, id, {
    action: 'restore',
    api: 'restore',
    requirement: requirements.restore,
    power: 'running',
    change: () => ({ soft_deleted_at: null }),
  });
}

/** The last thing of a server that goes: its ports and its row; its history stays for a while. */
export async function removeServerRow(trx: Knex, server: Server): Promise<void> {
  await releasePorts(trx, server.id);
  await discardUnfinishedImages(trx, server.id);
  await discardShelveImage(trx, server);
  await endMovesOf(trx, server.id);
  await finishActionsUpTo(trx, server.id, server.revision + 1, null);
  await rememberServer(trx, server.id);
  await trx('servers').where({ id: server.id }).delete();
}

/** In a transaction that holds its host dead: it is gone at once, and what is left of it once that host is back. */
export async function removeFromDeadHost(trx: Knex, server: Server): Promise<void> {
  await leaveRemains(trx, server);
  await removeServerRow(trx, server);
}

/** As it was, with nothing going on any more. */
async function rememberServer(trx: Knex, id: string): Promise<void> {
  await trx.raw(
    `insert into deleted_servers (id, project_id, record)
      select id, project_id, to_jsonb(servers) || jsonb_build_object('gone_at', now(), 'updated_at', now(),
        'observed_power', null, 'soft_deleted_at', null, 'move', null)
      from servers where id = ? on conflict (id) do nothing`,
    [id],
  );
}

/** Whether a server of the caller's was there, and what was done to it is still told. */
export async function findDeletedServer(db: Knex, visible: Visible, id: string): Promise<boolean> {
  if (!isUuid(id)) return false;
  const query = db('deleted_servers').where({ id });
  if (visible !== 'everyone') query.where({ project_id: visible.projectId });
  return (await query.first('id')) !== undefined;
}

/** Deletes for good what was deleted for so long; gives how many. */
export async function reclaimDeleted(db: Knex, hostName: string, reclaimSeconds: number): Promise<string[]> {
  const due = db('servers')
    .join('compute_hosts', 'compute_hosts.id', 'servers.host_id')
    .where('compute_hosts.name', hostName)
    .whereNull('servers.deletion_requested_at')
    .whereRaw("servers.soft_deleted_at <= now() - ? * interval '1 second'", [reclaimSeconds])
    .select('servers.id');
  const rows = await db('servers')
    .whereIn('id', due)
    .update({ deletion_requested_at: db.fn.now(), revision: db.raw('revision + 1'), updated_at: db.fn.now() })
    .returning('id');
  await reclaimWithoutHost(db, reclaimSeconds);
  return rows.map((row) => row.id);
}

/** Those that were being shelved when they were deleted have come off their host: there is nobody else to see to them. */
async function reclaimWithoutHost(db: Knex, reclaimSeconds: number): Promise<void> {
  const due = (query: Knex.QueryBuilder) =>
    query
      .whereNull('host_id')
      .whereRaw("soft_deleted_at <= now() - ? * interval '1 second'", [reclaimSeconds])
      .select('id');
  for (const { id } of await due(db('servers')))
    await db.transaction(async (trx) => {
      const [still] = await due(trx('servers').where({ id }).forUpdate());
      if (still !== undefined) await removeServerRow(trx, await getServer(trx, 'everyone', id));
    });
}

export async function forgetOldHistory(db: Knex): Promise<void> {
  const old = db('deleted_servers').whereRaw("deleted_at < now() - ? * interval '1 day'", [historyDays]).select('id');
  await db('server_actions').whereIn('server_id', old).delete();
  await db('deleted_servers').whereRaw("deleted_at < now() - ? * interval '1 day'", [historyDays]).delete();
}
