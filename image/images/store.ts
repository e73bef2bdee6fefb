import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { violatedConstraint } from '../../common/database/database.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import type { StoredData } from '../stores/store.ts';
import { insertCopies } from './copies.ts';
import type { EditableImage, Image } from './image.ts';

export interface ImageRow {
  id: string;
  owner: string;
  name: string | null;
  disk_format: Image['diskFormat'];
  container_format: Image['containerFormat'];
  visibility: Image['visibility'];
  min_disk_gib: number;
  min_ram_mib: number;
  is_protected: boolean;
  is_hidden: boolean;
  tags: string[];
  properties: Record<string, string>;
  status: Image['status'];
  data_id: string | null;
  size_bytes: number | null;
  virtual_size_bytes: number | null;
  md5: string | null;
  sha512: string | null;
  stores: string[];
  import_task_id: string | null;
  importing_stores: string[] | null;
  failed_stores: string[];
  created_at: Date;
  updated_at: Date;
}

export function fromRow(row: ImageRow): Image {
  return {
    id: row.id,
    owner: row.owner,
    name: row.name,
    diskFormat: row.disk_format,
    containerFormat: row.container_format,
    visibility: row.visibility,
    minDiskGib: row.min_disk_gib,
    minRamMib: row.min_ram_mib,
    isProtected: row.is_protected,
    isHidden: row.is_hidden,
    tags: row.tags,
    properties: row.properties,
    status: row.status,
    dataId: row.data_id,
    sizeBytes: row.size_bytes,
    virtualSizeBytes: row.virtual_size_bytes,
    md5: row.md5,
    sha512: row.sha512,
    stores: row.stores,
    importTaskId: row.import_task_id,
    importingStores: row.importing_stores,
    failedStores: row.failed_stores,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

const toRow = (image: EditableImage) => ({
  owner: image.owner,
  name: image.name,
  disk_format: image.diskFormat,
  container_format: image.containerFormat,
  visibility: image.visibility,
  min_disk_gib: image.minDiskGib,
  min_ram_mib: image.minRamMib,
  is_protected: image.isProtected,
  is_hidden: image.isHidden,
  tags: image.tags,
  properties: JSON.stringify(image.properties),
});

/** Images that exist for clients; one whose deletion was asked for does not. */
export const liveImages = (db: Knex) => db<ImageRow>('images').whereNull('images.deletion_requested_at');

/** Glance's rule for one image by id: the owner's, everybody's, the community's, and what was shared with the project. */
export function whereVisible(query: Knex.QueryBuilder, visible: Visible): void {
  if (visible === 'everyone') return;
  query.where((any) => {
    any
      .where('images.owner', visible.projectId)
      .orWhereIn('images.visibility', ['public', 'community'])
      .orWhere((shared) => {
        shared.where('images.visibility', 'shared').whereExists((member) => {
          member
            .from('image_members')
            .whereRaw('image_members.image_id = images.id')
            .where('image_members.project_id', visible.projectId);
        });
      });
  });
}

export async function findImage(db: Knex, visible: Visible, id: string): Promise<Image | undefined> {
  if (!isUuid(id)) return undefined;
  const row = await liveImages(db)
    .where('images.id', id)
    .modify((query) => whereVisible(query, visible))
    .first();
  return row && fromRow(row);
}

/** Another project's private image is not found rather than forbidden. */
export async function getImage(db: Knex, visible: Visible, id: string): Promise<Image> {
  const image = await findImage(db, visible, id);
  if (image === undefined) throw new NotFound('Image', id);
  return image;
}

/** Holds the row until the transaction ends. */
export async function lockImage(trx: Knex, visible: Visible, id: string): Promise<Image> {
  if (isUuid(id)) await trx('images').where({ id }).forUpdate().select('id');
  return await getImage(trx, visible, id);
}

export async function insertImage(db: Knex, id: string | undefined, image: EditableImage): Promise<Image> {
  const taken = id !== undefined && (await db('used_image_ids').where({ id }).first('id'));
  if (taken) throw new Conflict(`Image ID ${id} already exists!`);
  try {
    const [row] = await db<ImageRow>('images')
      .insert({ ...(id !== undefined && { id }), ...toRow(image) } as object)
      .returning('*');
    return fromRow(row!);
  } catch (error) {
    if (violatedConstraint(error) === 'images_pkey') throw new Conflict(`Image ID ${id} already exists!`);
    throw error;
  }
}

export async function updateImage(db: Knex, id: string, image: EditableImage): Promise<Image> {
  const [row] = await liveImages(db)
    .where({ id })
    .update({ ...toRow(image), updated_at: db.fn.now(3) } as object)
    .returning('*');
  if (row === undefined) throw new NotFound('Image', id);
  return fromRow(row as ImageRow);
}

export async function requestDeletion(db: Knex, id: string): Promise<void> {
  await liveImages(db)
    .where({ id })
    .update({ deletion_requested_at: db.fn.now(3) } as object);
}

/** Whether its data is kept from everybody but administrators. Only for an image that has data. */
export async function setDeactivated(db: Knex, id: string, isDeactivated: boolean): Promise<void> {
  await liveImages(db)
    .where({ id })
    .update({ is_deactivated: isDeactivated, updated_at: db.fn.now(3) } as object);
}

/** False when the image is not waiting for data. `store`: where the upload writes to. */
export async function startUpload(db: Knex, id: string, uploadId: string, store: string): Promise<boolean> {
  const count = await liveImages(db)
    .where({ id })
    .whereNull('upload_id')
    .whereNull('data_id')
    .whereNull('staged_id')
    .whereNull('import_task_id')
    .update({
      upload_id: uploadId,
      upload_stores: [store],
      upload_seen_at: db.fn.now(3),
      updated_at: db.fn.now(3),
    } as object);
  return count === 1;
}

/** Says that the upload lives; false when it has been given up, or the image deleted. */
export async function keepUploadAlive(db: Knex, id: string, uploadId: string): Promise<boolean> {
  const count = await liveImages(db)
    .where({ id, upload_id: uploadId } as object)
    .update({ upload_seen_at: db.fn.now(3) } as object);
  return count === 1;
}

/**
 * Makes the image active, with its data in the stores; false when the upload has been given up meanwhile, or the image deleted.
 * Call it in a transaction.
 */
export async function finishUpload(
  trx: Knex,
  id: string,
  uploadId: string,
  data: StoredData & { virtualSizeBytes: number | null },
  stores: string[],
): Promise<boolean> {
  const count = await liveImages(trx)
    .where({ id, upload_id: uploadId } as object)
    .update({
      upload_id: null,
      upload_seen_at: null,
      data_id: uploadId,
      size_bytes: data.sizeBytes,
      virtual_size_bytes: data.virtualSizeBytes,
      md5: data.md5,
      sha512: data.sha512,
      updated_at: trx.fn.now(3),
    } as object);
  if (count === 1) await insertCopies(trx, id, stores, uploadId);
  return count === 1;
}

/**
 * Back to queued: from here on this upload cannot finish any more. Gives the stores that may have something of it. Undefined when it
 * was not given up, and its data may be an image's: it has finished, or it was heard of within `silenceSeconds`.
 */
export async function giveUpUpload(
  db: Knex,
  id: string,
  uploadId: string,
  silenceSeconds?: number,
): Promise<string[] | undefined> {
  const [row] = await db('images')
    .where({ id, upload_id: uploadId })
    .modify((query) => {
      if (silenceSeconds !== undefined) query.whereRaw(lostUpload(db, silenceSeconds));
    })
    .update({
      upload_id: null,
      upload_seen_at: null,
      staged_id: db.raw('nullif(staged_id, upload_id)'), // what was being staged is gone, what waits for its import stays
      updated_at: db.fn.now(3),
    })
    .returning('upload_stores');
  return row?.upload_stores;
}

export interface Unsettled {
  uploadId: string | null;
  uploadStores: string[];
  isDeletionRequested: boolean;
  /** Nothing has been heard of the upload for longer than it may be silent. */
  isUploadLost: boolean;
}

const lostUpload = (db: Knex, silenceSeconds: number) =>
  db.raw('coalesce(upload_seen_at < now() - make_interval(secs => ?), false)', [silenceSeconds]);

export async function listUnsettledImageIds(db: Knex, silenceSeconds: number, limit: number): Promise<string[]> {
  return await db('images')
    .whereNotNull('deletion_requested_at')
    .orWhere((upload) => upload.whereNotNull('upload_id').whereRaw(lostUpload(db, silenceSeconds)))
    .orWhereIn('id', db('image_copies').whereNotNull('deletion_requested_at').select('image_id'))
    .orderByRaw('coalesce(deletion_requested_at, upload_seen_at)')
    .limit(limit)
    .pluck('id');
}

export async function findUnsettled(db: Knex, id: string, silenceSeconds: number): Promise<Unsettled | undefined> {
  return await db('images')
    .where({ id })
    .first({
      uploadId: 'upload_id',
      uploadStores: 'upload_stores',
      isDeletionRequested: db.raw('deletion_requested_at is not null'),
      isUploadLost: lostUpload(db, silenceSeconds),
    });
}

/** Its id stays used: a host may still have its data by that id, and must never take it for another image's. */
export async function removeImage(db: Knex, id: string): Promise<void> {
  await db.raw(
    `with gone as (delete from images where id = :id returning id)
     insert into used_image_ids (id) select id from gone on conflict do nothing`,
    { id },
  );
}
