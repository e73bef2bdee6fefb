import { Unavailable } from '../../../common/errors.ts';
import type { Reconciler } from '../../../common/reconcile/loop.ts';
import { findServer } from '../store.ts';
import type { Arrivals } from './arrivals.ts';
import { confirmOverdue } from './confirm-overdue.ts';
import type { LeavingDeps } from './hand-over.ts';
import { letGo } from './live.ts';
import { isLiveUnderWay, type Move, sendingStatuses } from './move.ts';
import { changeMove, findMove, listKept, listMoveWork, moveTopic } from './store.ts';
import { takeOver } from './take-over.ts';

export interface MoveReconcilerDeps extends LeavingDeps {
  arrivals: Pick<Arrivals, 'isComing'>;
  /** After so many seconds a resize is confirmed by itself; 0: never. */
  confirmSeconds: number;
}

/** Lets running servers go to other hosts, and removes from this host what is left of those that are elsewhere. */
export function moveReconciler(deps: MoveReconcilerDeps): Reconciler {
  const { db, hostName, confirmSeconds } = deps;
  return {
    name: moveTopic,
    pending: (limit) => listMoveWork(db, hostName, limit),
    async reconcile(id) {
      const move = await findMove(db, id);
      if (move === undefined) return;
      const isSending = (sendingStatuses as readonly string[]).includes(move.status);
      if (isLiveUnderWay(move) && move.sourceHost === hostName) await letGo(deps, move);
      else if (isSending && move.destinationDecides && move.destinationHost === hostName) await takeOver(deps, move);
      else if (move.sourceKept && move.sourceHost === hostName) await keepStill(deps, move);
      else await clear(deps, move);
    },
    async sweep() {
      await confirmOverdue(db, hostName, confirmSeconds);
      return listKept(db, hostName); // whoever started it again
    },
  };
}

/** It is made anew elsewhere and must not run twice; its disk stays, which is all there is of it until that is done. */
async function keepStill({ db, driver, hostName, log }: MoveReconcilerDeps, move: Move): Promise<void> {
  const server = await findServer(db, move.serverId);
  if (server === undefined || server.hostName === hostName) return;
  const guest = await driver.observe(server.id);
  if (guest === undefined || guest.power === 'shutdown' || guest.power === 'crashed') return;
  log.warn({ server: server.id, move: move.id }, 'shutting down a server that was evacuated from this host');
  await driver.power({ id: server.id }, 'shutdown', { graceSeconds: 0 });
}

/** Nothing of the server is to be here. It does not become this host's again before that is done; if it has, nobody guesses which is which. */
async function clear({ db, driver, hostName, arrivals }: MoveReconcilerDeps, move: Move): Promise<void> {
  const isSource = move.sourceHost === hostName && move.sourceToClear;
  const isDestination = move.destinationHost === hostName && move.destinationToClear;
  if (!isSource && !isDestination) return;
  const server = await findServer(db, move.serverId);
  if (server?.hostName === hostName || server?.otherHostName === hostName)
    throw new Unavailable('The server is on this host, where what was left of it is not removed yet.');
  if (arrivals.isComing(move.serverId)) throw new Unavailable('Something of the server is still coming in.');
  await driver.remove(move.serverId);
  await changeMove(db, move.id, {
    ...(isSource && { sourceToClear: false, ...(move.status === 'done' && { status: 'completed' as const }) }),
    ...(isDestination && { destinationToClear: false }),
  });
}
