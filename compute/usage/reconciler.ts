import type { Knex } from '../../common/database/database.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import { forgetPastServers } from './store.ts';

/** Keeps the memory of servers that are gone from growing for ever. There is nothing to settle, only to sweep. */
export function pastServerReconciler({ db }: { db: Knex }): Reconciler {
  return {
    name: 'past-servers',
    pending: async () => [],
    reconcile: async () => undefined,
    async sweep() {
      await forgetPastServers(db);
      return [];
    },
  };
}
