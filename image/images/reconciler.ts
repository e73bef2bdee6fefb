import type { Knex } from '../../common/database/database.ts';
import type { Logger } from '../../common/logger.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import { findStore, type ImageStores } from '../stores/stores.ts';
import { type Copy, knownDataIds, listCopiesToRemove, removeCopy } from './copies.ts';
import { findUnsettled, giveUpUpload, listUnsettledImageIds, removeImage } from './store.ts';
import { silenceSeconds } from './uploads.ts';

interface ImageReconcilerDeps {
  db: Knex;
  stores: ImageStores;
  log: Logger;
}

/** Makes the stores hold the data of the images there are, and of uploads that live, and nothing else. */
export function imageReconciler(deps: ImageReconcilerDeps): Reconciler {
  const { db, stores } = deps;
  return {
    name: 'images',
    pending: (limit) => listUnsettledImageIds(db, silenceSeconds, limit),
    async reconcile(id) {
      const image = await findUnsettled(db, id, silenceSeconds);
      if (image === undefined) return;
      const { uploadId, uploadStores, isDeletionRequested, isUploadLost } = image;
      if (uploadId !== null && (isDeletionRequested || isUploadLost)) {
        // Given up first, so that an upload that was only slow cannot finish without its data; a crash after that leaves data
        // that no row knows, which the sweep removes. An upload that finished since we looked keeps its data.
        const left = isDeletionRequested ? uploadStores : await giveUpUpload(db, id, uploadId, silenceSeconds);
        for (const store of left ?? []) await removeData(deps, { store, dataId: uploadId });
      }
      for (const copy of await listCopiesToRemove(db, id, isDeletionRequested)) {
        await removeData(deps, copy);
        await removeCopy(db, copy);
      }
      // Last: a crash before this line leaves a row by which the data is found again.
      if (isDeletionRequested) await removeImage(db, id);
    },
    async sweep() {
      const sweeps = stores.all.map(({ id, data }) => data.sweep((ids) => knownDataIds(db, id, ids)));
      const failures = (await Promise.allSettled(sweeps)).filter((sweep) => sweep.status === 'rejected');
      if (failures.length > 0)
        throw new AggregateError(
          failures.map(({ reason }) => reason),
          'Not every store of images could be swept.',
        );
      return [];
    },
  };
}

/** What is in a store that the operator has taken away is theirs: waiting for it would keep the image for ever. */
async function removeData({ stores, log }: ImageReconcilerDeps, { store: id, dataId }: Copy): Promise<void> {
  const store = findStore(stores, id);
  if (store === undefined) log.warn({ store: id, data: dataId }, 'data is left in a store that is not there any more');
  else await store.data.remove(dataId);
}
