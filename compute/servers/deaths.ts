/** For tests: the reconciler of servers in a process that is killed again and again. */
import { join } from 'node:path';
import { createLogger } from '../../common/logger.ts';
import { Secret } from '../../common/secret.ts';
import type { UploadDeps } from '../../image/images/uploads.ts';
import { openFileStore } from '../../image/stores/files/files.ts';
import { singleStore } from '../../image/stores/stores.ts';
import type { ImageCache } from '../image-cache/cache.ts';
import { noVendors } from '../metadata/vendor-data.ts';
import type { TestCloud } from '../testing.ts';
import { Killed, mortalDatabase, mortalDriver, reaper } from './mortal.ts';
import { serverReconciler } from './reconciler.ts';

/** Works on a server with a process that dies after ever more steps, a new one each time; gives the number of deaths. */
export async function reconcileThroughDeaths(cloud: TestCloud, id: string): Promise<number> {
  const log = createLogger('silent');
  const cache: ImageCache = { ensure: async () => '/image', list: async () => [], removeUnless: async () => undefined };
  const images: UploadDeps = {
    db: cloud.db,
    log,
    region: cloud.config.region,
    stores: singleStore(openFileStore(join(cloud.config.dataDir, 'images'))),
    inspection: { virtualSizeBytes: 2 ** 40 },
    imageSizeCap: 2 ** 40,
  };
  for (let steps = 0; ; steps++) {
    const death = reaper(steps);
    const reconciler = serverReconciler({
      db: mortalDatabase(cloud.db, death),
      driver: mortalDriver(cloud.drivers.servers, death),
      cache,
      log,
      hostName: 'host-1',
      reclaimSeconds: 0,
      shelvedOffloadSeconds: 0,
      vendors: noVendors,
      images,
      master: new Secret('any'),
    });
    try {
      await reconciler.reconcile(id);
      if (!death.isDead()) return steps;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
  }
}
