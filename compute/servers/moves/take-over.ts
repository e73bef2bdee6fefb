/**
 * A server was on its way here, or may have arrived, when the host that it left died, and it is to be evacuated. What is here
 * decides, as nobody else can tell: a guest that is whole goes on, a disk that is whole is used; otherwise it is made anew here, where it
 * has its room.
 */
import { notify } from '../../../common/database/notifications.ts';
import { BadRequest } from '../../../common/errors.ts';
import { listUnfinished } from '../actions.ts';
import { giveUpOn } from '../observations.ts';
import type { Server } from '../server.ts';
import { findServer, lockServer } from '../store.ts';
import { carriedDisks } from './carried.ts';
import { anewOn, imageToBeMadeOf } from './evacuate.ts';
import { failActions, handedOver, isStillOn, type LeavingDeps } from './hand-over.ts';
import { arrive } from './live.ts';
import { type Move, sendingStatuses } from './move.ts';
import { findMove } from './store.ts';
import { onItsHost } from './target.ts';

type TakeOverDeps = Pick<LeavingDeps, 'db' | 'driver' | 'log' | 'hostName'>;

export async function takeOver(deps: TakeOverDeps, move: Move): Promise<void> {
  const { db, driver, log, hostName } = deps;
  const server = await findServer(db, move.serverId);
  if (server === undefined || !isOnThatWay(server, move, hostName)) return;
  const power = await powerOfWhole(deps, server);
  const image = power === undefined ? await imageOf(deps, server) : {};
  if (image === undefined) return;
  if (power === undefined) await driver.remove(server.id); // what is not whole
  log.warn({ server: server.id, move: move.id, power }, 'the host that a server was leaving is dead: taking it over');
  await db.transaction(async (trx) => {
    const now = await lockServer(trx, 'everyone', server.id);
    const still = await findMove(trx, move.id);
    if (still === undefined || !still.destinationDecides || !isStillOn(now, server)) return;
    if (!isOnThatWay(now, still, hostName)) return;
    if (power === undefined) {
      const here = { id: now.otherHostId as string, name: hostName };
      const asked = (await listUnfinished(trx, now.id)).find(({ action }) => action === 'evacuate');
      const columns = await anewOn(trx, asked ?? null, onItsHost(now), still, here);
      await trx('servers')
        .where({ id: now.id })
        .update({ ...columns, ...image, disk_generation: now.revision, updated_at: trx.fn.now() });
      return notify(trx, 'servers', now.id);
    }
    // Its owner need not look at it first: it is as it was.
    if (power === 'running') await trx('servers').where({ id: now.id }).update({ wanted_power: power });
    await (now.move === 'live' ? arrive : handedOver)(trx, now, still);
  });
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
