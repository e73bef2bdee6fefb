/**
 * A server was on its way here, or may have arrived, when the host that it left died, and it is to be evacuated. What is here
 * decides, as nobody else can tell: a guest that is whole goes on, a disk that is whole is used; otherwise it is made anew here, where it
 * has its room.
 */
import type { Knex } from '../../../common/database/database.ts';
import { notify } from '../../../common/database/notifications.ts';
import { BadRequest, Unavailable } from '../../../common/errors.ts';
import { listUnfinished } from '../actions.ts';
import { giveUpOn } from '../observations.ts';
import type { Server } from '../server.ts';
import { findServer, lockServer } from '../store.ts';
import type { Arrivals } from './arrivals.ts';
import { carriedDisks } from './carried.ts';
import { anewOn, imageToBeMadeOf } from './evacuate.ts';
import { failActions, handedOver, isStillOn, type LeavingDeps } from './hand-over.ts';
import { arrive } from './live.ts';
import { type Move, sendingStatuses } from './move.ts';
import { advanceMove, findMove } from './store.ts';
import { onItsHost } from './target.ts';

type TakeOverDeps = Pick<LeavingDeps, 'db' | 'driver' | 'log' | 'hostName'> & { arrivals: Pick<Arrivals, 'isComing'> };

/**
 * The host that it leaves may only have seemed dead, and may send on. So nothing is removed before the move says that nothing more is let
 * in, and what is here is looked at once more after that. Throws `Unavailable` while something is coming in, which ends by itself.
 */
export async function takeOver(deps: TakeOverDeps, move: Move): Promise<void> {
  const { db, driver, arrivals, log, hostName } = deps;
  const server = await findServer(db, move.serverId);
  if (server === undefined || !isOnThatWay(server, move, hostName)) return;
  if (arrivals.isComing(server.id)) throw new Unavailable('Something of the server is still coming in.');
  const power = await powerOfWhole(deps, server);
  if (power !== undefined) {
    log.warn(
      { server: server.id, move: move.id, power },
      'the host that a server was leaving is dead: it goes on here',
    );
    return whileOn(deps, server, move, (trx, now) => goOn(trx, now, move, power));
  }
  const image = await imageOf(deps, server);
  if (image === undefined) return;
  if (move.status !== 'accepted') {
    await whileOn(deps, server, move, (trx) => advanceMove(trx, move, 'accepted'));
    const shut = await findMove(db, move.id);
    if (shut?.status === 'accepted') await takeOver(deps, shut);
    return;
  }
  log.warn({ server: server.id, move: move.id }, 'the host that a server was leaving is dead: making it anew');
  await driver.remove(server.id); // what is not whole
  await whileOn(deps, server, move, async (trx, now) => {
    const here = { id: now.otherHostId as string, name: hostName };
    const asked = (await listUnfinished(trx, now.id)).find(({ action }) => action === 'evacuate');
    const columns = await anewOn(trx, asked ?? null, onItsHost(now), move, here);
    await trx('servers')
      .where({ id: now.id })
      .update({ ...columns, ...image, disk_generation: now.revision, updated_at: trx.fn.now() });
    await notify(trx, 'servers', now.id);
  });
}

/** In one transaction; not at all when something else has become of the server or of its move. */
async function whileOn(
  { db, hostName }: TakeOverDeps,
  server: Server,
  move: Move,
  work: (trx: Knex, now: Server) => Promise<void>,
): Promise<void> {
  await db.transaction(async (trx) => {
    const now = await lockServer(trx, 'everyone', server.id);
    const still = await findMove(trx, move.id);
    if (still === undefined || !still.destinationDecides || still.status !== move.status) return;
    if (isStillOn(now, server) && isOnThatWay(now, still, hostName)) await work(trx, now);
  });
}

/** It is whole here. Its owner need not look at it first: it is as it was. */
async function goOn(trx: Knex, now: Server, move: Move, power: string): Promise<void> {
  if (power === 'running') await trx('servers').where({ id: now.id }).update({ wanted_power: power });
  await (now.move === 'live' ? arrive : handedOver)(trx, now, move);
}

function isOnThatWay(server: Server, move: Move, hostName: string): boolean {
  const isSending = (sendingStatuses as readonly string[]).includes(move.status);
  return isSending && server.otherHostName === hostName && (server.move === 'live' || server.move === 'cold');
}

/** What it does here; undefined when it is not whole here. */
async function powerOfWhole({ driver }: TakeOverDeps, server: Server): Promise<string | undefined> {
  if (server.move === 'cold') {
    const disks = { rootDisk: server.diskGeneration, localDisks: server.localDisks };
    for (const { to } of carriedDisks(server.oldFlavor?.localDisks ?? [], server.localDisks))
      if (!(await driver.hasDisk(server.id, disks, to))) return undefined;
    return 'shutdown';
  }
  const guest = await driver.observe(server.id);
  return guest === undefined || guest.isComingIn ? undefined : guest.power;
}

/** Undefined when it cannot be made anew: it waits, in error, for its host or for somebody. */
async function imageOf({ db, hostName }: TakeOverDeps, server: Server): Promise<object | undefined> {
  try {
    return await imageToBeMadeOf(db, server);
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    if (server.isFaulty && server.settledRevision === server.revision) return undefined; // it has been told
    await db.transaction(async (trx) => {
      const now = await lockServer(trx, 'everyone', server.id);
      if (!isStillOn(now, server)) return;
      await giveUpOn(trx, now, { message: error.message, details: error.message });
      await failActions(trx, now, error.message, hostName);
    });
    return undefined;
  }
}
