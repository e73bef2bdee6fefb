/** For tests: the reconciler of servers in a process that is killed again and again. */
import { join } from 'node:path';
import { createLogger } from '../../common/logger.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import { Secret } from '../../common/secret.ts';
import { openFileStore } from '../../image/stores/files/files.ts';
import { singleStore } from '../../image/stores/stores.ts';
import type { ImageCache, TravellingImages } from '../image-cache/cache.ts';
import { noVendors } from '../metadata/vendor-data.ts';
import { Killed, mortal, mortalDatabase, type Reaper, reaper } from '../mortal.ts';
import type { TestCloud } from '../testing.ts';
import { serverReconciler } from './reconciler.ts';

/** Images that are all there, at no cost. */
const everyImage: ImageCache & Pick<TravellingImages, 'copyOf'> = {
  ensure: async () => '/image',
  list: async () => [],
  removeUnless: async () => undefined,
  copyOf: async () => undefined,
};

/** The reconciler of `host-1` in a process that dies when the reaper says so. */
export function mortalReconciler(cloud: TestCloud, death: Reaper, cache: Partial<ImageCache> = {}): Reconciler {
  const log = createLogger('silent');
  return serverReconciler({
    db: mortalDatabase(cloud.db, death),
    driver: mortal(cloud.drivers.servers, death),
    cache: { ...everyImage, ...cache },
    log,
    hostName: 'host-1',
    reclaimSeconds: 0,
    shelvedOffloadSeconds: 0,
    vendors: noVendors,
    images: {
      db: cloud.db,
      log,
      region: cloud.config.region,
      stores: singleStore(openFileStore(join(cloud.config.dataDir, 'images'))),
      inspection: { virtualSizeBytes: 2 ** 40 },
      imageSizeCap: 2 ** 40,
    },
    master: new Secret('any'),
  });
}

/** Works on a server with a process that dies after ever more steps, a new one each time; gives the number of deaths. */
export async function reconcileThroughDeaths(cloud: TestCloud, id: string): Promise<number> {
  for (let steps = 0; ; steps++) {
    const death = reaper(steps);
    try {
      await mortalReconciler(cloud, death).reconcile(id);
      if (!death.isDead()) return steps;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
  }
}
