import type { Knex } from '../../common/database/database.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import type { ImageStore } from '../stores/store.ts';
import { findUnsettled, giveUpUpload, knownDataIds, listUnsettledImageIds, removeImage } from './store.ts';
import { silenceSeconds } from './uploads.ts';

/** Makes the store hold the data of the images there are, and of uploads that live, and nothing else. */
export function imageReconciler({ db, store }: { db: Knex; store: ImageStore }): Reconciler {
  return {
    name: 'images',
    pending: (limit) => listUnsettledImageIds(db, silenceSeconds, limit),
    async reconcile(id) {
      const image = await findUnsettled(db, id, silenceSeconds);
      if (image === undefined) return;
      const { dataId, uploadId } = image;
      if (image.isDeletionRequested) {
        if (dataId !== null) await store.remove(dataId);
        if (uploadId !== null) await store.remove(uploadId);
        // Last: a crash before this line leaves a row by which the data is found again.
        await removeImage(db, id);
      } else if (image.isUploadLost && uploadId !== null) {
        // First, so that an upload that was only slow cannot finish without its data; a crash after this line leaves
        // data that no row knows, which the sweep removes. An upload that finished since we looked keeps its data.
        if (await giveUpUpload(db, id, uploadId, silenceSeconds)) await store.remove(uploadId);
      }
    },
    async sweep() {
      await store.sweep((ids) => knownDataIds(db, ids));
      return [];
    },
  };
}
