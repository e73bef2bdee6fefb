/**
 * What the host does that a running server leaves. It is the owner until the guest is seen to run on the other host and not here
 * any more. Whoever looks afterwards, this process or its successor, goes by what both hosts have, and by nothing else.
 */
import type { Knex } from '../../../common/database/database.ts';
import { Unavailable } from '../../../common/errors.ts';
import type { Server } from '../server.ts';
import { findServer, lockServer } from '../store.ts';
import { bringImage } from './carried-image.ts';
import { failActions, type LeavingDeps, reasonOf } from './hand-over.ts';
import { liveStatuses, type Move } from './move.ts';
import { callOverRoad } from './road.ts';
import { addressOf, advanceMove, changeMove, changeOwner, endLost, findMove } from './store.ts';

const lookMs = 500;

/** Takes the move to its end: the server on the other host, or here as before, with the reason. */
export async function letGo(deps: LeavingDeps, move: Move): Promise<void> {
  const { db, driver, log } = deps;
  const server = await findServer(db, move.serverId);
  if (server === undefined || server.move !== 'live') return endIfLost(db, move);
  let failure: unknown;
  if (move.status === 'running' || move.status === 'accepted') {
    await driver.abortMigration(server.id); // of a predecessor that was cut off: nobody can go on with it
    failure = new Unavailable('The agent of its host ended meanwhile.');
  } else {
    try {
      await go(deps, server, move);
    } catch (error) {
      log.warn({ err: error, server: server.id, move: move.id }, 'a server could not go to another host while it runs');
      failure = error;
    }
  }
  const where = await whereIs(deps, server, move);
  await db.transaction(async (trx) => {
    const now = await lockServer(trx, 'everyone', server.id).catch(() => undefined);
    if (now?.move !== 'live' || now.otherHostId !== server.otherHostId) return;
    if (where === 'there') return arrive(trx, now, { id: move.id, status: 'running' });
    await stay(trx, deps, now, move, failure);
  });
}

/** Who deleted the server, or took it elsewhere, has ended the move; unless somebody has written after that. */
async function endIfLost(db: Knex, { id, serverId }: Move): Promise<void> {
  await db.transaction(async (trx) => {
    const now = await lockServer(trx, 'everyone', serverId).catch(() => undefined);
    const still = await findMove(trx, id);
    const isOpen = still !== undefined && (liveStatuses as readonly string[]).includes(still.status);
    if (isOpen && now?.move !== 'live') await endLost(trx, still);
  });
}

async function go(deps: LeavingDeps, server: Server, move: Move): Promise<void> {
  const { db, driver, master } = deps;
  if (move.abortRequestedAt !== null) throw new Unavailable('It was called off.');
  await advanceMove(db, move, 'preparing');
  const address = await addressOf(db, move.destinationHost);
  await bringImage(deps, server, move, address);
  const prepared = await callOverRoad(address, master, move.id, { call: 'prepare' });
  prepared.socket.destroy();
  await advanceMove(db, { ...move, status: 'preparing' }, 'running');
  const watch = watchMove(deps, move.id, server.id);
  try {
    await driver.migrate(
      { id: server.id },
      {
        connect: async (name) => (await callOverRoad(address, master, move.id, { call: 'channel', name })).socket,
        signal: watch.signal,
        onProgress: watch.onProgress,
      },
    );
  } finally {
    await watch.stop();
  }
}

/** Looks every now and then whether it is called off or to be forced, and writes down how far it has come. */
function watchMove({ db, driver, log }: LeavingDeps, moveId: string, serverId: string) {
  const abort = new AbortController();
  let progress: Parameters<typeof changeMove>[2]['progress'];
  let isForced = false;
  let looking = Promise.resolve();
  const look = async () => {
    const move = await findMove(db, moveId);
    if (move === undefined || move.status !== 'running' || move.abortRequestedAt !== null)
      abort.abort(new Unavailable('It was called off.'));
    else if (move.forceRequestedAt !== null && !isForced) {
      isForced = true;
      await driver.forceMigration(serverId);
    }
    if (progress !== undefined) await changeMove(db, moveId, { progress });
    progress = undefined;
  };
  const timer = setInterval(() => {
    looking = looking.then(look).catch((err) => log.warn({ err, move: moveId }, 'cannot look after a migration'));
  }, lookMs);
  return {
    signal: abort.signal,
    onProgress: (seen: NonNullable<typeof progress>) => {
      progress = seen;
    },
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}

/**
 * Where the guest is. Only one that runs here is surely here: paused it may wait for the word that it runs over there, and shut
 * down it may have gone there, or have ended before it was whole there. Throws `Unavailable` while nobody can tell.
 */
async function whereIs({ db, driver, master }: LeavingDeps, server: Server, move: Move): Promise<'here' | 'there'> {
  if ((await driver.observe(server.id))?.power === 'running') return 'here';
  const { status } = (await findMove(db, move.id)) ?? move;
  if (status !== 'running' && status !== 'accepted') return 'here'; // nothing was sent yet
  try {
    const address = await addressOf(db, move.destinationHost);
    const { answer, socket } = await callOverRoad(address, master, move.id, { call: 'observe' });
    socket.destroy();
    return answer.isWhole === true ? 'there' : 'here'; // whatever it does by now: it can have ended there
  } catch (error) {
    // An administrator's word that the other host is down is the only thing that counts: silent, it may run the guest.
    if (await isForcedDown(db, move.destinationHost)) return 'here';
    throw error;
  }
}

async function isForcedDown(db: Knex, name: string): Promise<boolean> {
  return (await db('compute_hosts').where({ name, is_forced_down: true }).first('id')) !== undefined;
}

/** It runs on the other host, or has ended there. Throws `Unavailable` when that host makes an end of what has come to it. */
export async function arrive(trx: Knex, server: Server, move: Pick<Move, 'id' | 'status'>): Promise<void> {
  if (server.otherHostId === null || server.otherHostName === null) return;
  const there = { id: server.otherHostId, name: server.otherHostName };
  await advanceMove(trx, move, 'completed');
  await changeOwner(trx, server.id, there, { other_host_id: null, move: null });
  await changeMove(trx, move.id, { sourceToClear: true });
}

async function stay(trx: Knex, { hostName }: LeavingDeps, server: Server, move: Move, failure: unknown): Promise<void> {
  const reason = reasonOf(failure);
  const { abortRequestedAt } = (await findMove(trx, move.id)) ?? move;
  const status = abortRequestedAt === null ? 'error' : 'cancelled';
  await changeMove(trx, move.id, { status, reason, destinationToClear: true });
  await trx('servers').where({ id: server.id }).update({ other_host_id: null, move: null, updated_at: trx.fn.now() });
  await failActions(trx, server, reason, hostName);
}
