/** The SQL of moves. What ends or changes one locks the server's row first: a move and its server never disagree. */
import { given, type Knex } from '../../../common/database/database.ts';
import { notify } from '../../../common/database/notifications.ts';
import { Conflict, NotFound, Unavailable } from '../../../common/errors.ts';
import { bindPorts } from '../../../network/ports.ts';
import type { MigrationProgress } from '../../drivers/driver.ts';
import {
  isMadeAnew,
  liveStatuses,
  type Move,
  type MoveKind,
  type MoveStatus,
  openStatuses,
  sendingStatuses,
} from './move.ts';

/** Also the name of the reconciler. */
export const moveTopic = 'server-moves';

export interface NewMove {
  serverId: string;
  kind: MoveKind;
  status: MoveStatus;
  userId: string | null;
  projectId: string | null;
  sourceHost: string;
  destinationHost: string;
  sourceKept?: boolean;
}

/**
 * In the transaction that asks for it, and holds the server's row; it ends a resize on the server's host. Throws `Conflict` when the
 * server is on its way already.
 */
export async function insertMove(trx: Knex, move: NewMove): Promise<void> {
  await endStay(trx, move.serverId, 'error');
  const open = await findOpenMove(trx, move.serverId);
  if (open !== undefined) await endLost(trx, open);
  const [{ id }] = await trx('server_migrations')
    .insert({
      server_id: move.serverId,
      kind: move.kind,
      status: move.status,
      user_id: move.userId,
      project_id: move.projectId,
      source_host: move.sourceHost,
      destination_host: move.destinationHost,
      source_kept: move.sourceKept ?? false,
    })
    .returning('id');
  await notify(trx, moveTopic, id);
}

/** Ends a move that its server is not on. Throws `Conflict` when it is, or has just been evacuated. */
export async function endLost(trx: Knex, move: Move): Promise<void> {
  const { id, kind, serverId, status } = move;
  const onItsWay = await trx('servers')
    .where({ id: serverId })
    .whereRaw('(move is not null or other_host_id is not null)')
    .first('id');
  if (onItsWay !== undefined || isMadeAnew(move))
    throw new Conflict(`Cannot move instance ${serverId} while its ${kind} ${id} is ${status}: wait for its end.`);
  await changeMove(trx, id, { status: 'error', reason: 'The server went another way.' });
}

export interface MoveChanges {
  status?: MoveStatus;
  reason?: string;
  sourceToClear?: boolean;
  sourceKept?: boolean;
  destinationToClear?: boolean;
  destinationDecides?: boolean;
  progress?: MigrationProgress;
}

export async function changeMove(db: Knex, id: string, changes: MoveChanges): Promise<void> {
  await db('server_migrations')
    .where({ id })
    .update({
      ...given({
        status: changes.status,
        reason: changes.reason,
        source_to_clear: changes.sourceToClear,
        source_kept: changes.sourceKept,
        destination_to_clear: changes.destinationToClear,
        destination_decides: changes.destinationDecides,
        progress: changes.progress && JSON.stringify(changes.progress),
      }),
      updated_at: db.fn.now(),
    });
  await notify(db, moveTopic, id);
}

/**
 * Takes a move one step further. Throws `Unavailable` when it is not where it was: it has ended meanwhile (its server was deleted, or
 * evacuated from a host that only seemed dead), and nobody would end it a second time.
 */
export async function advanceMove(
  db: Knex,
  { id, status }: Pick<Move, 'id' | 'status'>,
  to: MoveStatus,
): Promise<void> {
  const advanced = await db('server_migrations').where({ id, status }).update({ status: to, updated_at: db.fn.now() });
  if (advanced === 0) throw new Unavailable('The migration has ended meanwhile.');
  await notify(db, moveTopic, id);
}

/** A resize on the server's own host is over: it leads nowhere, and leaves nothing that is to be removed. */
export async function endStay(trx: Knex, serverId: string, status: 'confirmed' | 'reverted' | 'error'): Promise<void> {
  await trx('server_migrations')
    .where({ server_id: serverId })
    .whereIn('status', openStatuses)
    .whereRaw('source_host = destination_host')
    .update({ status, updated_at: trx.fn.now() });
}

/** The one that the server is on to another host, or can still go back on. */
export async function findOpenMove(db: Knex, serverId: string): Promise<Move | undefined> {
  const row = await db('server_migrations')
    .where({ server_id: serverId })
    .whereIn('status', openStatuses)
    .whereRaw('source_host <> destination_host')
    .first();
  return row && fromRow(row);
}

/** The same, of a server that must be on one. */
export async function getOpenMove(db: Knex, serverId: string): Promise<Move> {
  const move = await findOpenMove(db, serverId);
  if (move === undefined) throw new NotFound('Migration of server', serverId);
  return move;
}

export async function findMove(db: Knex, id: string): Promise<Move | undefined> {
  const row = await db('server_migrations').where({ id }).first();
  return row && fromRow(row);
}

/**
 * The moves that a host's agent has to do something about: to let a running server go, to take one over whose host is dead, or to
 * remove what is left of one.
 */
export async function listMoveWork(db: Knex, hostName: string, limit: number): Promise<string[]> {
  return db('server_migrations')
    .where((mine) =>
      mine
        .where({ source_host: hostName })
        .where((work) => work.where({ source_to_clear: true }).orWhereIn('status', liveStatuses)),
    )
    .orWhere({ destination_host: hostName, destination_to_clear: true })
    .orWhere((mine) =>
      mine.where({ destination_host: hostName, destination_decides: true }).whereIn('status', sendingStatuses),
    )
    .orWhere((mine) =>
      mine.where({ destination_decides: true, source_host: hostName, kind: 'live-migration', status: 'accepted' }),
    )
    .orderBy('updated_at')
    .limit(limit)
    .pluck('id');
}

/** Hosts where something of the server is left that is to be removed, now or later: it must not go there before that is done. */
export async function hostsToClear(db: Knex, serverId: string): Promise<Set<string>> {
  const rows = await db('server_migrations')
    .where({ server_id: serverId })
    .where((left) =>
      left.where({ source_to_clear: true }).orWhere({ source_kept: true }).orWhere({ destination_to_clear: true }),
    );
  return new Set(
    rows.flatMap((row) => [
      ...(row.source_to_clear || row.source_kept ? [row.source_host] : []),
      ...(row.destination_to_clear ? [row.destination_host] : []),
    ]),
  );
}

/** Servers of others that are rightly here, or that are going to be removed by what is known of their moves. */
export async function onTheirWay(db: Knex, hostName: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const rows = await db('server_migrations')
    .whereRaw('server_id = any(?::uuid[]) and source_host <> destination_host', [[...ids]])
    .where((here) =>
      here
        .where((source) =>
          source
            .where({ source_host: hostName })
            .where((one) =>
              one.where({ source_to_clear: true }).orWhere({ source_kept: true }).orWhereIn('status', openStatuses),
            ),
        )
        .orWhere((destination) =>
          destination
            .where({ destination_host: hostName })
            .where((one) => one.where({ destination_to_clear: true }).orWhereIn('status', openStatuses)),
        ),
    )
    .distinct('server_id');
  return new Set(rows.map((row) => row.server_id));
}

/** The server is gone: whatever it was on its way to is to have nothing of it. */
export async function endMovesOf(trx: Knex, serverId: string): Promise<void> {
  await endStay(trx, serverId, 'confirmed');
  const rows: Pick<Move, 'id' | 'kind' | 'status'>[] = await trx('server_migrations')
    .where({ server_id: serverId })
    .whereIn('status', openStatuses)
    .select('id', 'kind', 'status');
  for (const move of rows) {
    // Nova confirms what waits for it, and breaks off the rest.
    const isOver = move.status === 'finished' || isMadeAnew(move);
    await changeMove(trx, move.id, {
      status: isOver ? 'confirmed' : 'cancelled',
      sourceToClear: true,
      destinationToClear: true,
    });
  }
  await clearWhatIsKept(trx, serverId);
}

/** Nobody needs any more what the server left on hosts that it was evacuated from. */
async function clearWhatIsKept(trx: Knex, serverId: string): Promise<void> {
  const ids: string[] = await trx('server_migrations').where({ server_id: serverId, source_kept: true }).pluck('id');
  for (const id of ids) await changeMove(trx, id, { sourceToClear: true, sourceKept: false });
}

/** Moves that left something on this host that must not run. */
export async function listKept(db: Knex, hostName: string): Promise<string[]> {
  return db('server_migrations').where({ source_host: hostName, source_kept: true }).pluck('id');
}

/** Where the host lets servers in. Throws `Unavailable` when it takes none now. */
export async function addressOf(db: Knex, hostName: string): Promise<string> {
  const row = await db('compute_hosts').where({ name: hostName }).first('migration_address');
  if (row?.migration_address == null) throw new Unavailable(`The host ${hostName} takes no servers of others now.`);
  return row.migration_address;
}

/**
 * Servers of others of which something may still be here: they left this host, were evacuated from it, or went back to where
 * they came from while it was dead.
 */
export async function listLeft(db: Knex, hostName: string): Promise<string[]> {
  const here = db('servers')
    .join('compute_hosts', 'compute_hosts.id', 'servers.host_id')
    .where({ 'compute_hosts.name': hostName });
  return db('server_migrations')
    .where((left) =>
      left
        .where((source) =>
          source
            .where({ source_host: hostName })
            .where((one) => one.where({ source_to_clear: true }).orWhere({ source_kept: true })),
        )
        .orWhere({ destination_host: hostName, destination_to_clear: true }),
    )
    .whereNotIn('server_id', here.select('servers.id'))
    .groupBy('server_id')
    .pluck('server_id');
}

/** Makes another host the server's owner, with its ports; in the transaction that says what becomes of the move. */
export async function changeOwner(
  trx: Knex,
  serverId: string,
  owner: { id: string; name: string },
  changes: object,
): Promise<void> {
  await trx('servers')
    .where({ id: serverId })
    .update({ host_id: owner.id, ...changes, updated_at: trx.fn.now() });
  await bindPorts(trx, serverId, { hostName: owner.name });
  await notify(trx, 'servers', serverId);
}

/**
 * This host has made the server as asked: a way that led to it is at its end, and only now what was kept elsewhere may go. Says
 * nothing when the server is another host's by now.
 */
export async function noteArrival(trx: Knex, serverId: string, hostName: string): Promise<void> {
  const [arrived] = await trx('server_migrations')
    .where({ server_id: serverId, destination_host: hostName })
    .whereIn('status', ['post-migrating', 'accepted'])
    .whereIn('server_id', (mine) =>
      mine
        .from('servers')
        .join('compute_hosts', 'compute_hosts.id', 'servers.host_id')
        .where({ 'servers.id': serverId, 'compute_hosts.name': hostName })
        // A resize on this host may have been asked for since.
        .whereRaw('(source_host <> destination_host or settled_revision = revision)')
        .select('servers.id'),
    )
    .update({
      status: trx.raw("case when status = 'post-migrating' then 'finished' else 'done' end"),
      updated_at: trx.fn.now(),
    })
    .returning('kind');
  if (arrived?.kind === 'evacuation') await clearWhatIsKept(trx, serverId);
}

// biome-ignore lint/suspicious/noExplicitAny: a row as PostgreSQL gives it; the migration guarantees its types
export function fromRow(row: any): Move {
  return {
    number: row.number,
    id: row.id,
    serverId: row.server_id,
    kind: row.kind,
    status: row.status,
    userId: row.user_id,
    projectId: row.project_id,
    sourceHost: row.source_host,
    destinationHost: row.destination_host,
    sourceToClear: row.source_to_clear,
    sourceKept: row.source_kept,
    destinationToClear: row.destination_to_clear,
    destinationDecides: row.destination_decides,
    abortRequestedAt: row.abort_requested_at,
    forceRequestedAt: row.force_requested_at,
    progress: row.progress,
    reason: row.reason,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
