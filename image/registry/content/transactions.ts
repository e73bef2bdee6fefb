/**
 * Transactions of the registry that may last: while the registry server answers, or while another one waits for that. The pool of
 * connections is everybody's, so that few of them are let have one at a time; the others wait in order, before they take one.
 */
import type { Knex } from '../../../common/database/database.ts';
import { Unavailable } from '../../../common/errors.ts';

/** Of the ten connections there are; others of the service that wait for rows of these hold a few more. */
const places = { upstream: 3, brief: 2 };
const lockTimeout = { upstream: '20s', brief: '3s' };
const queueMs = 60_000;

type Kind = keyof typeof places;

const gates = new WeakMap<Knex, Record<Kind, Gate>>();

/** One that asks the registry server, or holds what such a one may wait for. Throws `Unavailable` when its turn does not come. */
export const withUpstream = <T>(db: Knex, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> =>
  transaction(db, 'upstream', work);

/** One that asks nobody, but may find its rows held by one that does. Throws `Unavailable` when they stay so. */
export const briefly = <T>(db: Knex, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> =>
  transaction(db, 'brief', work);

async function transaction<T>(db: Knex, kind: Kind, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> {
  const gate = gatesOf(db)[kind];
  await gate.enter();
  try {
    return await db.transaction(async (trx) => {
      await trx.raw(`set local lock_timeout = '${lockTimeout[kind]}'`);
      return await work(trx);
    });
  } catch (error) {
    if ((error as { code?: unknown }).code !== lockNotAvailable) throw error;
    throw new Unavailable('The registry is at work on the same content; try again.', { cause: error });
  } finally {
    gate.leave();
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const lockNotAvailable = '55P03';

function gatesOf(db: Knex): Record<Kind, Gate> {
  const known = gates.get(db);
  if (known !== undefined) return known;
  const made = { upstream: openGate(places.upstream, queueMs), brief: openGate(places.brief, queueMs) };
  gates.set(db, made);
  return made;
}

export interface Gate {
  /** Throws `Unavailable` when no place becomes free in time. */
  enter(): Promise<void>;
  leave(): void;
}

/** So many are inside at once; the others come in the order in which they asked. */
export function openGate(count: number, waitMs: number): Gate {
  let free = count;
  const waiting = new Set<() => void>();
  return {
    async enter() {
      if (free > 0) {
        free -= 1;
        return;
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiting.add(resolve);
      const timer = setTimeout(() => {
        waiting.delete(resolve);
        reject(new Unavailable('The registry has too much to do now; try again.'));
      }, waitMs);
      await promise.finally(() => clearTimeout(timer));
    },
    leave() {
      const [next] = waiting;
      if (next === undefined) {
        free += 1;
        return;
      }
      waiting.delete(next);
      next();
    },
  };
}
