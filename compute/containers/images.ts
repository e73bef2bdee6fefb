/** Images of containers on this host: loaded into its engine from the image service, and kept there within the host's limits. */
import { stat } from 'node:fs/promises';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, NotFound, PermanentFailure } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import { getImageData } from '../../image/images/use.ts';
import type { ImageStores } from '../../image/stores/stores.ts';
import type { ContainerDriver } from '../drivers/driver.ts';
import { type CacheRecords, createImageCache, type HostImageCache, type ImageCache } from '../image-cache/cache.ts';
import { missing } from '../image-cache/copies.ts';
import type { CacheLimits } from '../image-cache/limits.ts';
import { type HostImages, hostImagesReconciler } from '../image-cache/reconciler.ts';
import { type HostImageRecords, hostImageRecords } from '../image-cache/store.ts';
import { listImagesInUse } from './store.ts';

export interface ContainerImages {
  driver: ContainerDriver;
  /** Archives on their way into the engine; what it has taken is not kept twice. */
  archives: ImageCache;
  /** Told what the engine has. */
  records?: CacheRecords;
}

export interface ContainerImagesDeps {
  db: Knex;
  log: Logger;
  hostName: string;
  driver: ContainerDriver;
  stores: ImageStores;
  /** Where archives wait until the engine has taken them. */
  directory: string;
  limits: CacheLimits;
}

/** The images of this host's engine, put together. */
export function containerImages(deps: ContainerImagesDeps): { images: ContainerImages; reconciler: Reconciler } {
  const { db, log, hostName, driver, stores, directory, limits } = deps;
  const kind = 'container';
  const records = hostImageRecords(db, hostName, kind);
  const archives = createImageCache({ directory, source: (id) => getImageData({ db, stores }, id), log });
  const listUsed = () => listImagesInUse(db, hostName);
  const images = ofEngine(driver, archives, records, listUsed);
  return {
    images: { driver, archives, records },
    reconciler: hostImagesReconciler('container-images', { db, log, hostName, kind, images, records, limits }),
  };
}

function ofEngine(
  driver: ContainerDriver,
  archives: HostImageCache,
  records: HostImageRecords,
  listUsed: HostImages['listUsed'],
): HostImages {
  return {
    async copies() {
      const [ids, sizes] = await Promise.all([driver.listImages(), records.sizes()]);
      return ids.map((imageId) => ({ imageId, sizeBytes: sizes.get(imageId) ?? 0, ownBytes: sizes.get(imageId) ?? 0 }));
    },
    bring: (imageId) => load({ driver, archives, records }, imageId),
    async removeUnless(imageId, isUsed) {
      if (await isUsed()) return;
      await archives.removeUnless(imageId, isUsed);
      await driver.removeImage(imageId);
      await records.removed(imageId);
    },
    listUsed,
    isBusy: archives.isBusy,
    async removeLeftovers(wanted) {
      const loaded = new Set(await driver.listImages());
      for (const imageId of await archives.list())
        if (loaded.has(imageId) || !wanted.has(imageId)) await archives.removeUnless(imageId, async () => false);
      await archives.removeLeftovers(wanted);
    },
    stop: archives.stop,
  };
}

/** Makes the engine have the image. Throws `PermanentFailure` when it is gone, or no image that a container can be made of. */
export async function ensureImage(images: ContainerImages, imageId: string): Promise<void> {
  if ((await images.driver.listImages()).includes(imageId)) await images.records?.used(imageId, 1);
  else await load(images, imageId).catch(imageGone);
}

async function load({ driver, archives, records }: ContainerImages, imageId: string): Promise<void> {
  const path = await archives.ensure(imageId);
  const archive = await stat(path).catch(missing(undefined));
  await driver.ensureImage(imageId, path);
  // Without one, another container's reconciler was quicker, and has told.
  if (archive !== undefined) await records?.placed(imageId, archive.size);
  await archives.removeUnless(imageId, async () => false);
}

/** Deleted before this host had it: it will not come back. */
function imageGone(error: unknown): never {
  throw error instanceof NotFound || error instanceof BadRequest
    ? new PermanentFailure(error.message, { cause: error })
    : error;
}
