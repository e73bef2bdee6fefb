import { AsyncLocalStorage } from 'node:async_hooks';
import type { Knex } from './database.ts';

const joined = new AsyncLocalStorage<Knex.Transaction>();

/** The transaction that everything belongs to that is done now, if there is one; see `joinAll`. */
export function joinedTransaction(): Knex.Transaction | undefined {
  return joined.getStore();
}

/**
 * Everything that `work` does with the database becomes part of the transaction, whatever database it was given: operations open
 * transactions of their own, which turn into savepoints of this one. So it can be decided from outside whether what they did
 * counts (a dry run) or what is written together with it (an answer that is kept). Not for what waits until somebody else has seen
 * its rows: nobody sees them before the end.
 */
export async function joinAll<T>(transaction: Knex.Transaction, work: () => Promise<T>): Promise<T> {
  return joined.run(transaction, work);
}

/** A database that stands for the joined transaction wherever there is one. */
export function joining(db: Knex): Knex {
  const now = () => joined.getStore() ?? db;
  // Around a function of its own: what hangs on knex's is fixed, and may then not be answered for by another's.
  return new Proxy((() => undefined) as unknown as Knex, {
    apply: (_target, _this, args: Parameters<Knex>) => now()(...args),
    get: (_target, property) => Reflect.get(now(), property),
    has: (_target, property) => Reflect.has(now(), property),
  });
}
