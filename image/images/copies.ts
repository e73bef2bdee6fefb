/** Where the data of images is: the SQL of `image_copies`. */
import type { Knex } from '../../common/database/database.ts';

/** One whole copy of an image's data: in which store, and what that knows it by. */
export interface Copy {
  store: string;
  dataId: string;
}

const columns = { store: 'store', dataId: 'data_id' };

/** The oldest first. */
export async function listCopies(db: Knex, imageId: string): Promise<Copy[]> {
  return await db('image_copies')
    .where({ image_id: imageId })
    .whereNull('deletion_requested_at')
    .orderBy(['created_at', 'store'])
    .select(columns);
}

/** Says that the data is whole in each of the stores, under the same id. */
export async function insertCopies(db: Knex, imageId: string, stores: string[], dataId: string): Promise<void> {
  await db('image_copies').insert(stores.map((store) => ({ store, data_id: dataId, image_id: imageId })));
}

/** Hides the copies at once; the loop removes their data. */
export async function requestCopyDeletion(db: Knex, imageId: string, stores: string[]): Promise<void> {
  await db('image_copies')
    .where({ image_id: imageId })
    .whereIn('store', stores)
    .whereNull('deletion_requested_at')
    .update({ deletion_requested_at: db.fn.now(3) });
}

/** Copies whose data has to go; all of them when the image itself has to. */
export async function listCopiesToRemove(db: Knex, imageId: string, all: boolean): Promise<Copy[]> {
  const query = db('image_copies').where({ image_id: imageId }).select(columns);
  return await (all ? query : query.whereNotNull('deletion_requested_at'));
}

/** Only after its data: a crash in between leaves the row, by which the data is found again. */
export async function removeCopy(db: Knex, { store, dataId }: Copy): Promise<void> {
  await db('image_copies').where({ store, data_id: dataId }).delete();
}

/**
 * Those of the ids that a copy in this store, or an upload, is known by. In one statement: an upload that becomes a copy is seen as
 * one of them.
 */
export async function knownDataIds(db: Knex, store: string, ids: string[]): Promise<Set<string>> {
  // As one parameter: a store may hold more ids than a statement can have parameters.
  const copies = db('image_copies').where({ store }).whereRaw('data_id = any(?::uuid[])', [ids]).select('data_id');
  const rows: { data_id: string }[] = await copies.unionAll(
    db('images').whereRaw('upload_id = any(?::uuid[])', [ids]).select({ data_id: 'upload_id' }),
  );
  return new Set(rows.map((row) => row.data_id));
}
