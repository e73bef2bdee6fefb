import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { notify } from '../../common/database/notifications.ts';
import { Conflict, Forbidden, NotFound } from '../../common/errors.ts';
import { requestCopyDeletion } from '../images/copies.ts';
import type { ImageDeps } from '../images/operations.ts';
import { lockImage } from '../images/store.ts';
import { findStore } from './stores.ts';

/**
 * Takes the data of an image out of one of its stores; the loop removes it. Throws, as Glance does, `Conflict` for a store that is
 * not there, an image that is not active or one that is being copied, `Forbidden` for the only copy, and `NotFound` where there is
 * none.
 */
export async function removeFromStore(
  { db, stores }: Pick<ImageDeps, 'db' | 'stores'>,
  ctx: ProjectContext,
  storeId: string,
  imageId: string,
): Promise<void> {
  if (findStore(stores, storeId) === undefined)
    throw new Conflict(`The selected store ${storeId} is not available on this node.`);
  await db.transaction(async (trx) => {
    const image = await lockImage(trx, visibleTo(ctx), imageId);
    if (image.status !== 'active')
      throw new Conflict("It's not allowed to remove image data from store if image status is not 'active'");
    if (image.importTaskId !== null) throw new Conflict(`Image ${imageId} is being copied.`);
    if (image.stores.length === 1)
      throw new Forbidden(
        'Cannot delete image data from the only store containing it. Consider deleting the image instead.',
      );
    if (!image.stores.includes(storeId)) throw new NotFound(`Data of image ${imageId} in store`, storeId);
    await requestCopyDeletion(trx, imageId, [storeId]);
    await notify(trx, 'images', imageId);
  });
}
