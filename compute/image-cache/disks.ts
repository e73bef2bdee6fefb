/** The images that this host's servers stand on, put together: the files, their rows, and what keeps them within limits. */
import type { Knex } from '../../common/database/database.ts';
import type { Logger } from '../../common/logger.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import { getImageData } from '../../image/images/use.ts';
import type { ImageStores } from '../../image/stores/stores.ts';
import { listImagesInUse } from '../servers/store.ts';
import { createImageCache, type HostImageCache } from './cache.ts';
import type { CacheLimits } from './limits.ts';
import { type HostImages, hostImagesReconciler, makeRoom } from './reconciler.ts';
import { hostImageRecords } from './store.ts';

export interface DiskImagesDeps {
  db: Knex;
  log: Logger;
  hostName: string;
  stores: ImageStores;
  directory: string;
  limits: CacheLimits;
}

export function diskImages(deps: DiskImagesDeps): { cache: HostImageCache; reconciler: Reconciler } {
  const { db, log, hostName, stores, directory, limits } = deps;
  const kind = 'disk';
  const records = hostImageRecords(db, hostName, kind);
  const cache = createImageCache({
    directory,
    source: (id) => getImageData({ db, stores }, id),
    log,
    makeRoom: (bytes) => makeRoom(keeping, bytes),
    records,
  });
  const images: HostImages = {
    ...cache,
    bring: async (id) => {
      await cache.ensure(id);
    },
    listUsed: () => listImagesInUse(db, hostName),
  };
  const keeping = { db, log, hostName, kind, images, records, limits } as const;
  return { cache, reconciler: hostImagesReconciler('image-cache', keeping) };
}
