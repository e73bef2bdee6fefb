/** Images of containers on this host: loaded into its engine from the image service, and removed once nothing is made of them. */
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, NotFound, PermanentFailure } from '../../common/errors.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import type { ContainerDriver } from '../drivers/driver.ts';
import type { ImageCache } from '../image-cache/cache.ts';
import { listImagesInUse } from './store.ts';

export interface ContainerImages {
  driver: ContainerDriver;
  /** Archives on their way into the engine; what it has taken is not kept twice. */
  archives: ImageCache;
}

/** Makes the engine have the image. Throws `PermanentFailure` when it is gone, or no image that a container can be made of. */
export async function ensureImage({ driver, archives }: ContainerImages, imageId: string): Promise<void> {
  if ((await driver.listImages()).includes(imageId)) return;
  const path = await archives.ensure(imageId).catch(imageGone);
  await driver.ensureImage(imageId, path);
  await archives.removeUnless(imageId, async () => false);
}

/** Keeps no image on this host that none of its containers is made of. */
export function containerImageReconciler(deps: ContainerImages & { db: Knex; hostName: string }): Reconciler {
  const { db, driver, archives, hostName } = deps;
  return {
    name: 'container-images',
    pending: async () => [], // nobody waits for room; the sweep is soon enough
    async reconcile(id) {
      const isUsed = async () => (await listImagesInUse(db, hostName)).has(id);
      if (await isUsed()) return;
      await archives.removeUnless(id, isUsed);
      await driver.removeImage(id);
    },
    async sweep() {
      const here = new Set([...(await archives.list()), ...(await driver.listImages())]);
      const used = await listImagesInUse(db, hostName); // after the images: what is loaded has its row first
      return [...here].filter((id) => !used.has(id));
    },
  };
}

/** Deleted before this host had it: it will not come back. */
function imageGone(error: unknown): never {
  throw error instanceof NotFound || error instanceof BadRequest
    ? new PermanentFailure(error.message, { cause: error })
    : error;
}
