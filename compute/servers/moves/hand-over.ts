/**
 * What the host does that a server leaves shut down. It is the owner until the disk is whole on the other side; then, in one
 * transaction, the other one is. Killed anywhere before, it begins again; after, the other host goes on.
 */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TLSSocket } from 'node:tls';
import type { Knex } from '../../../common/database/database.ts';
import { CloudError, PermanentFailure, Unavailable } from '../../../common/errors.ts';
import type { Logger } from '../../../common/logger.ts';
import type { Secret } from '../../../common/secret.ts';
import type { ServerDriver, ServerSpec } from '../../drivers/driver.ts';
import type { TravellingImages } from '../../image-cache/cache.ts';
import { patienceSeconds } from '../../limits.ts';
import { finishActionsUpTo, listUnfinished, recordEvent } from '../actions.ts';
import { watchingDeletion } from '../deletion-watch.ts';
import { eventOf } from '../event-names.ts';
import type { Server } from '../server.ts';
import { sizeColumns } from '../sizes.ts';
import { lockServer } from '../store.ts';
import { carriedDisks } from './carried.ts';
import { bringImage } from './carried-image.ts';
import type { Move } from './move.ts';
import { callOverRoad, readAnswer } from './road.ts';
import { addressOf, advanceMove, changeMove, changeOwner, getOpenMove } from './store.ts';
import { inPieces } from './wire.ts';

export interface LeavingDeps {
  db: Knex;
  log: Logger;
  driver: ServerDriver;
  /** The images on this host. */
  cache: Pick<TravellingImages, 'copyOf'>;
  hostName: string;
  /** What keys of the road are made of. */
  master: Secret;
}

/** Shuts the server down, sends its disk, and makes the other host its owner; or gives that up, with the reason. */
export async function handOver(
  deps: LeavingDeps,
  server: Server,
  spec: ServerSpec,
  graceSeconds: number,
): Promise<void> {
  const { db, driver } = deps;
  const move = await getOpenMove(db, server.id);
  try {
    const address = await addressOf(db, move.destinationHost);
    await bringImage(deps, server, move, address); // while it still runs
    if ((await driver.observe(server.id)) !== undefined) await driver.power(spec, 'shutdown', { graceSeconds });
    if (move.status === 'pre-migrating') await advanceMove(db, move, 'migrating');
    await sendDisks(deps, server, move, address);
  } catch (error) {
    const reason = await whyGivenUp(db, server, move, error);
    if (reason === undefined) throw error; // the loop tries again
    deps.log.warn({ err: error, server: server.id, move: move.id }, 'a server could not go to another host');
    return comeBack(deps, server, move, reason);
  }
  await db.transaction(async (trx) => {
    const now = await lockServer(trx, 'everyone', server.id);
    if (isStillOn(now, server)) await handedOver(trx, now, { id: move.id, status: 'migrating' });
  });
}

/** Its disk is whole on the other host, which goes on. Throws `Unavailable` when that host makes an end of what has come to it. */
export async function handedOver(trx: Knex, now: Server, move: Pick<Move, 'id' | 'status'>): Promise<void> {
  await advanceMove(trx, move, 'post-migrating');
  await changeOwner(trx, now.id, otherHostOf(now), { other_host_id: now.hostId, move: null });
}

/** The server is back on the host that it came from, with the disk that it left there. */
export async function handBack({ db, driver }: LeavingDeps, server: Server): Promise<void> {
  const move = await getOpenMove(db, server.id);
  await driver.remove(server.id);
  await db.transaction(async (trx) => {
    const now = await lockServer(trx, 'everyone', server.id);
    if (!isStillOn(now, server)) return;
    await changeOwner(trx, server.id, otherHostOf(now), { other_host_id: null, move: null });
    await changeMove(trx, move.id, { status: 'reverted' });
  });
}

/** What other hosts say is untrusted input; that they have it whole is believed, as they are to run it. */
async function sendDisks(deps: LeavingDeps, server: Server, { id }: Move, address: string): Promise<void> {
  const { diskCopiedFrom, oldFlavor } = server;
  if (diskCopiedFrom === null || oldFlavor === null) throw new PermanentFailure('The server has no disk to send.');
  const had = { rootDisk: diskCopiedFrom, localDisks: oldFlavor.localDisks ?? [] };
  await watchingDeletion(deps.db, server.id, async (signal) => {
    for (const { from, to } of carriedDisks(had.localDisks, server.localDisks)) {
      const { answer, socket } = await callOverRoad(address, deps.master, id, { call: 'disk', place: to });
      try {
        if (answer.isThere !== true) await send(await deps.driver.openDisk(server.id, had, from), socket, signal);
      } finally {
        socket.destroy();
      }
    }
  });
}

async function send(data: Readable, socket: TLSSocket, signal: AbortSignal): Promise<void> {
  const abort = () => socket.destroy();
  signal.addEventListener('abort', abort);
  try {
    const hash = createHash('sha256');
    const pieces = inPieces((piece) => hash.update(piece));
    await pipeline(data, pieces, socket, { end: false, signal }).catch(lost);
    socket.write(hash.digest());
    await readAnswer(socket);
  } finally {
    data.destroy();
    signal.removeEventListener('abort', abort);
  }
}

function lost(cause: Error): never {
  throw new Unavailable('The disk could not be sent to the other host.', { cause });
}

/** Undefined while it is worth another try: not when trying again cannot help, and not for longer than users are to wait. */
async function whyGivenUp(db: Knex, server: Server, move: Move, error: unknown): Promise<string | undefined> {
  if (error instanceof PermanentFailure) return error.message;
  const row = await db('servers')
    .where({ id: server.id })
    .select(
      db.raw("failing_since < now() - ? * interval '1 second' as is_late", [patienceSeconds]),
      db('compute_hosts')
        .where({ name: move.destinationHost })
        .select(db.raw("not is_forced_down and heartbeat_at > now() - down_after_seconds * interval '1 second'"))
        .as('is_up'),
    )
    .first();
  if (row?.is_up !== true) return `The host ${move.destinationHost} is down.`;
  return row.is_late ? reasonOf(error) : undefined;
}

/** Ours is worded for users; what anything else says of the host is for its operator. */
export function reasonOf(error: unknown): string {
  return error instanceof CloudError ? error.message : 'The host failed; the log of its agent says why.';
}

/** It stays where it is, as it was, and runs again if it did; what has come to the other host goes. */
async function comeBack({ db, hostName }: LeavingDeps, server: Server, move: Move, reason: string): Promise<void> {
  await db.transaction(async (trx) => {
    const now = await lockServer(trx, 'everyone', server.id);
    if (!isStillOn(now, server)) return;
    await changeMove(trx, move.id, { status: 'error', reason, destinationToClear: true });
    const { oldFlavor } = now;
    if (oldFlavor === null) throw new Error(`server ${now.id} is on its way and has no old flavor`);
    await trx('servers')
      .where({ id: now.id })
      .update({
        ...sizeColumns(oldFlavor),
        disk_generation: oldFlavor.diskGeneration,
        disk_copied_from: null,
        old_flavor: null,
        other_host_id: null,
        move: null,
        failing_since: null,
        is_faulty: false,
        updated_at: trx.fn.now(),
      });
    await failActions(trx, now, reason, hostName);
  });
}

/** The log says why nothing came of what was asked for; the server goes on without. */
export async function failActions(trx: Knex, server: Server, reason: string, hostName: string): Promise<void> {
  for (const action of await listUnfinished(trx, server.id))
    if (action.revision <= server.revision)
      await recordEvent(trx, action.number, eventOf(action.action), action.startedAt, reason, hostName);
  await finishActionsUpTo(trx, server.id, server.revision, 'Error');
}

/** Nothing else has become of it since it was read. */
export function isStillOn(now: Server, before: Server): boolean {
  return now.hostId === before.hostId && now.otherHostId === before.otherHostId && now.move === before.move;
}

function otherHostOf({ otherHostId, otherHostName }: Server): { id: string; name: string } {
  if (otherHostId === null || otherHostName === null) throw new Error('a server on its way has another host');
  return { id: otherHostId, name: otherHostName };
}
