import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { notify } from '../../common/database/notifications.ts';
import { CloudError, Conflict, Forbidden, NotFound } from '../../common/errors.ts';
import { type Copy, listCopies, requestCopyDeletion } from '../images/copies.ts';
import type { Image } from '../images/image.ts';
import type { ImageDeps } from '../images/operations.ts';
import { getImage, lockImage } from '../images/store.ts';
import { findStore, type ImageStores, readable } from './stores.ts';

/**
 * Takes the data of an image out of one of its stores; the loop removes it. Throws, as Glance does, `Conflict` for a store that is
 * not there, an image that is not active or one that is being copied, `Forbidden` for the only copy, and `NotFound` where there is
 * none. Unlike Glance it counts only copies that can be read now.
 */
export async function removeFromStore(
  { db, stores }: Pick<ImageDeps, 'db' | 'stores'>,
  ctx: ProjectContext,
  storeId: string,
  imageId: string,
): Promise<void> {
  if (findStore(stores, storeId) === undefined)
    throw new Conflict(`The selected store ${storeId} is not available on this node.`);
  const seen = await getImage(db, visibleTo(ctx), imageId);
  checkRemovable(seen, storeId);
  const others = (await listCopies(db, imageId)).filter(({ store }) => store !== storeId);
  const kept = await findReadable(stores, others, seen.sizeBytes ?? 0); // stores may be slow, so not while the row is held
  await db.transaction(async (trx) => {
    const image = await lockImage(trx, visibleTo(ctx), imageId);
    checkRemovable(image, storeId);
    if (kept === undefined || !image.stores.includes(kept)) throw onlyCopy();
    await requestCopyDeletion(trx, imageId, [storeId]);
    await notify(trx, 'images', imageId);
  });
}

function checkRemovable({ id, status, importTaskId, stores }: Image, storeId: string): void {
  if (status !== 'active')
    throw new Conflict("It's not allowed to remove image data from store if image status is not 'active'");
  if (importTaskId !== null) throw new Conflict(`Image ${id} is being copied.`);
  if (stores.length === 1) throw onlyCopy();
  if (!stores.includes(storeId)) throw new NotFound(`Data of image ${id} in store`, storeId);
}

const onlyCopy = () =>
  new Forbidden('Cannot delete image data from the only store containing it. Consider deleting the image instead.');

/** The store of the first copy whose last byte can be read; undefined when there is none now. */
async function findReadable(stores: ImageStores, copies: Copy[], sizeBytes: number): Promise<string | undefined> {
  const range = sizeBytes === 0 ? undefined : { first: sizeBytes - 1, last: sizeBytes - 1 };
  for (const { store, dataId } of readable(stores, copies)) {
    try {
      const bytes = Buffer.concat(await (await store.data.open(dataId, range)).toArray());
      if (bytes.length === Math.min(1, sizeBytes)) return store.id;
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
    }
  }
  return undefined;
}
