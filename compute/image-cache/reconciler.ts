import type { Knex } from '../../common/database/database.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import { listImagesInUse } from '../servers/store.ts';
import type { ImageCache } from './cache.ts';

/** Keeps no image on this host that none of its servers stands on. */
export function imageCacheReconciler(deps: { db: Knex; cache: ImageCache; hostName: string }): Reconciler {
  const { db, cache, hostName } = deps;
  return {
    name: 'image-cache',
    async pending(limit) {
      const here = await cache.list(); // before the rows: a server that comes in between is seen by the second look below
      if (here.length === 0) return [];
      const used = await listImagesInUse(db, hostName);
      return here.filter((id) => !used.has(id)).slice(0, limit);
    },
    reconcile: (id) => cache.removeUnless(id, async () => (await listImagesInUse(db, hostName)).has(id)),
  };
}
