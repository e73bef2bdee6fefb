import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { insertCopies, requestCopyDeletion } from '../images/copies.ts';
import { finishUpload, liveImages } from '../images/store.ts';
import { noRoom, type Quotas, roomFor } from '../images/usage.ts';
import type { ContainerFormat, DiskFormat } from '../inspection/inspector.ts';
import type { StoredData } from '../stores/store.ts';
import { beginTask, endTask } from '../tasks/store.ts';
import type { Task } from '../tasks/task.ts';

/** False when the image is not waiting for data. */
export async function startStaging(db: Knex, id: string, stagedId: string): Promise<boolean> {
  const count = await liveImages(db)
    .where({ id, status: 'queued' } as object)
    .update({
      staged_id: stagedId,
      upload_id: stagedId,
      upload_stores: [],
      upload_seen_at: db.fn.now(3),
      updated_at: db.fn.now(3),
    } as object);
  return count === 1;
}

/** The data is here; false when its upload has been given up meanwhile, or the image deleted. */
export async function finishStaging(db: Knex, id: string, stagedId: string, sizeBytes: number): Promise<boolean> {
  const count = await liveImages(db)
    .where({ id, upload_id: stagedId, staged_id: stagedId } as object)
    .update({ upload_id: null, upload_seen_at: null, staged_bytes: sizeBytes, updated_at: db.fn.now(3) } as object);
  return count === 1;
}

/**
 * Hands the image to its import, or to its copying; false while data of it is still on its way, or when another task is at it
 * already, and when there is nothing to copy.
 */
export async function startImport(trx: Knex, { id, imageId, method, stores }: Task): Promise<boolean> {
  const count = await liveImages(trx)
    .where({ id: imageId } as object)
    .whereIn('status', method.name === 'copy-image' ? ['active'] : ['queued', 'uploading'])
    .whereNull('upload_id')
    .whereNull('import_task_id')
    .update({
      import_task_id: id,
      importing_stores: stores,
      failed_stores: trx.raw('array(select unnest(failed_stores) except select unnest(?::text[]))', [stores]),
      updated_at: trx.fn.now(3),
    } as object);
  return count === 1;
}

/** What an import works on. */
export interface Importing {
  owner: string;
  stagedId: string | null;
  diskFormat: DiskFormat | null;
  containerFormat: ContainerFormat | null;
  /** What is to be copied; null while the image has no data. */
  data: Pick<StoredData, 'sizeBytes' | 'sha512'> | null;
  /** Where the data still has to go. */
  stores: string[];
  /** What an attempt that did not come to an end may have left in stores. */
  former: { attemptId: string; stores: string[] } | null;
}

/**
 * Begins an attempt at an import. Whoever was at it before, in a process that is gone or cut off, cannot finish any more.
 * Undefined when the image is gone.
 */
export async function claimImport(db: Knex, task: Task, attemptId: string): Promise<Importing | undefined> {
  return await db.transaction(async (trx) => {
    const row = (await liveImages(trx)
      .where({ id: task.imageId, import_task_id: task.id } as object)
      .forUpdate()
      .first()) as ClaimedRow | undefined;
    if (row === undefined) return undefined;
    // Copies are kept one by one; an import that must reach all stores begins anew.
    const stores = row.data_id === null ? task.stores : row.importing_stores;
    await trx('images')
      .where({ id: task.imageId })
      .update({
        upload_id: attemptId,
        upload_seen_at: trx.fn.now(3),
        upload_stores: stores,
        importing_stores: stores,
      });
    await beginTask(trx, task.id);
    return {
      owner: row.owner,
      stagedId: row.staged_id,
      diskFormat: row.disk_format,
      containerFormat: row.container_format,
      data: row.data_id === null ? null : { sizeBytes: row.size_bytes, sha512: row.sha512 },
      stores,
      former: row.upload_id === null ? null : { attemptId: row.upload_id, stores: row.upload_stores },
    };
  });
}

interface ClaimedRow {
  owner: string;
  staged_id: string | null;
  disk_format: DiskFormat | null;
  container_format: ContainerFormat | null;
  data_id: string | null;
  size_bytes: number;
  sha512: string;
  importing_stores: string[];
  upload_id: string | null;
  upload_stores: string[];
}

export interface Imported {
  data: StoredData & { virtualSizeBytes: number | null };
  /** What the data is in now. */
  diskFormat: DiskFormat | null;
  /** Where it is. */
  stores: string[];
}

/** The image, as long as this attempt is the one at its import. */
const attempted = (db: Knex, task: Task, attemptId: string) =>
  liveImages(db).where({ id: task.imageId, import_task_id: task.id, upload_id: attemptId } as object);

/**
 * Makes the image active; what stores are left are for the same task to copy to. False when the import was taken over by another
 * attempt, or the image deleted. Throws `OverQuota` when others have taken the room meanwhile.
 */
export async function finishImport(
  { db, region }: Quotas,
  task: Task,
  attemptId: string,
  imported: Imported,
): Promise<boolean> {
  const left = task.stores.filter((store) => !imported.stores.includes(store));
  return await db.transaction(async (trx) => {
    const [image] = await attempted(trx, task, attemptId)
      .update({
        import_task_id: left.length > 0 ? task.id : null,
        importing_stores: left,
        staged_id: null,
        disk_format: imported.diskFormat,
        properties: trx.raw('properties || ?::jsonb', [JSON.stringify(task.injectProperties)]),
      } as object)
      .returning(['owner'] as never[]);
    if (image === undefined) return false;
    const room = await roomFor({ db: trx, region }, (image as { owner: string }).owner);
    if (room !== undefined && imported.data.sizeBytes * imported.stores.length > room) throw noRoom(room);
    if (!(await finishUpload(trx, task.imageId, attemptId, imported.data, imported.stores))) return false;
    if (left.length === 0) await endTask(trx, task.id, 'success', '');
    else {
      await trx('image_tasks').where({ id: task.id }).update({ attempts: 0 }); // those of the copying are counted by themselves
      await notify(trx, 'image-imports', task.id);
    }
    return true;
  });
}

/** Says that the data is in this store, before the image has it. */
export async function tellStored(db: Knex, task: Task, attemptId: string, store: string): Promise<void> {
  await attempted(db, task, attemptId).update({
    importing_stores: db.raw('array_remove(importing_stores, ?)', [store]),
  } as object);
}

/** Back to queued, with the reason in the task; false when another attempt has taken over, or the image is gone. */
export async function failImport(db: Knex, task: Task, attemptId: string, message: string): Promise<boolean> {
  return await db.transaction(async (trx) => {
    const count = await attempted(trx, task, attemptId).update({
      import_task_id: null,
      importing_stores: [],
      failed_stores: task.stores,
      staged_id: null,
      upload_id: null,
      upload_seen_at: null,
      updated_at: trx.fn.now(3),
    } as object);
    if (count !== 1) return false;
    await endTask(trx, task.id, 'failure', message);
    return true;
  });
}

/** The copy is the image's; false when another attempt has taken over, or the image is gone. Throws `OverQuota`. */
export async function finishCopy(
  { db, region }: Quotas,
  task: Task,
  attemptId: string,
  store: string,
): Promise<boolean> {
  return await db.transaction(async (trx) => {
    const [row] = await attempted(trx, task, attemptId)
      .update({ ...withoutStore(trx, store), updated_at: trx.fn.now(3) } as object)
      .returning(['owner', 'size_bytes'] as never[]);
    if (row === undefined) return false;
    const image = row as { owner: string; size_bytes: number };
    const room = await roomFor({ db: trx, region }, image.owner);
    if (room !== undefined && image.size_bytes > room) throw noRoom(room);
    await insertCopies(trx, task.imageId, [store], attemptId);
    return true;
  });
}

/** The store is given up, the others are not; false when another attempt has taken over, or the image is gone. */
export async function failCopy(db: Knex, task: Task, attemptId: string, store: string): Promise<boolean> {
  const count = await attempted(db, task, attemptId).update({
    ...withoutStore(db, store),
    failed_stores: db.raw('array_append(array_remove(failed_stores, ?), ?)', [store, store]),
  } as object);
  return count === 1;
}

/** The attempt is over with this store, and what is there under its id is not for others to remove. */
const withoutStore = (db: Knex, store: string) => ({
  importing_stores: db.raw('array_remove(importing_stores, ?)', [store]),
  upload_stores: db.raw('array_remove(upload_stores, ?)', [store]),
});

/**
 * The copying is over: `undone` takes back what it brought. False when another attempt has taken over, or the image is gone.
 */
export async function endCopying(
  db: Knex,
  task: Task,
  attemptId: string,
  { message, undone }: { message: string; undone: boolean },
): Promise<boolean> {
  return await db.transaction(async (trx) => {
    const before = (await attempted(trx, task, attemptId).forUpdate().first()) as
      | { importing_stores: string[]; failed_stores: string[] }
      | undefined;
    if (before === undefined) return false;
    const { importing_stores: left, failed_stores: failed } = before;
    const done = task.stores.filter((store) => !left.includes(store) && !failed.includes(store));
    await trx('images')
      .where({ id: task.imageId })
      .update({
        import_task_id: null,
        importing_stores: [],
        upload_id: null,
        upload_seen_at: null,
        updated_at: trx.fn.now(3),
      });
    if (undone) {
      await requestCopyDeletion(trx, task.imageId, done);
      await notify(trx, 'images', task.imageId);
    }
    await endTask(trx, task.id, undone || done.length === 0 ? 'failure' : 'success', message);
    return true;
  });
}

/** Ends the task of an image that is gone. */
export async function endOrphanedTask(db: Knex, task: Task): Promise<void> {
  const image = await liveImages(db)
    .where({ id: task.imageId, import_task_id: task.id } as object)
    .first('id');
  if (image === undefined)
    await endTask(db, task.id, 'failure', `Image ${task.imageId} was deleted before its import was done.`);
}

/** Those of the ids that staged data, or what an import works on, is known by. */
export async function knownStagedIds(db: Knex, ids: string[]): Promise<Set<string>> {
  const rows = await liveImages(db)
    .where((any) => any.whereIn('staged_id', ids).orWhereIn('upload_id', ids))
    .select('staged_id', 'upload_id');
  return new Set(rows.flatMap((row) => Object.values(row as object)).filter((id) => id !== null));
}
