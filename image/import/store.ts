import type { Knex } from '../../common/database/database.ts';
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
      upload_seen_at: db.fn.now(3),
      updated_at: db.fn.now(3),
    } as object);
  return count === 1;
}

/** The data is here; false when its upload has been given up meanwhile, or the image deleted. */
export async function finishStaging(db: Knex, id: string, stagedId: string): Promise<boolean> {
  const count = await liveImages(db)
    .where({ id, upload_id: stagedId, staged_id: stagedId } as object)
    .update({ upload_id: null, upload_seen_at: null, updated_at: db.fn.now(3) } as object);
  return count === 1;
}

/** Hands the image to its import; false while data of it is still on its way, or when it has an import already. */
export async function startImport(trx: Knex, { id, imageId }: Task): Promise<boolean> {
  const count = await liveImages(trx)
    .where({ id: imageId } as object)
    .whereIn('status', ['queued', 'uploading'])
    .whereNull('upload_id')
    .update({ import_task_id: id, import_failed: false, updated_at: trx.fn.now(3) } as object);
  return count === 1;
}

/** What an import works on. */
export interface Importing {
  owner: string;
  stagedId: string | null;
  diskFormat: DiskFormat | null;
  containerFormat: ContainerFormat | null;
  /** By which the data is known of an attempt that did not come to an end. */
  formerAttemptId: string | null;
}

/**
 * Begins an attempt at an import. Whoever was at it before, in a process that is gone or cut off, cannot finish any more.
 * Undefined when the image is gone.
 */
export async function claimImport(db: Knex, task: Task, attemptId: string): Promise<Importing | undefined> {
  return await db.transaction(async (trx) => {
    const former = await liveImages(trx)
      .where({ id: task.imageId, import_task_id: task.id } as object)
      .forUpdate()
      .first({ attemptId: 'upload_id' });
    const [row] = await liveImages(trx)
      .where({ id: task.imageId, import_task_id: task.id } as object)
      .update({ upload_id: attemptId, upload_seen_at: trx.fn.now(3) } as object)
      .returning(['owner', 'staged_id', 'disk_format', 'container_format'] as never[]);
    if (row === undefined) return undefined;
    await beginTask(trx, task.id);
    const found = row as { owner: string; staged_id: string | null } & ImportedFormats;
    return {
      owner: found.owner,
      stagedId: found.staged_id,
      diskFormat: found.disk_format,
      containerFormat: found.container_format,
      formerAttemptId: former?.attemptId ?? null,
    };
  });
}

interface ImportedFormats {
  disk_format: DiskFormat;
  container_format: ContainerFormat;
}

export interface Imported {
  data: StoredData & { virtualSizeBytes: number | null };
  /** What the data is in now. */
  diskFormat: DiskFormat | null;
}

/**
 * Makes the image active; false when the import was taken over by another attempt, or the image deleted. Throws `OverQuota`
 * when others have taken the room meanwhile.
 */
export async function finishImport(
  { db, region }: Quotas,
  task: Task,
  attemptId: string,
  imported: Imported,
): Promise<boolean> {
  return await db.transaction(async (trx) => {
    const [image] = await liveImages(trx)
      .where({ id: task.imageId, import_task_id: task.id, upload_id: attemptId } as object)
      .update({
        import_task_id: null,
        staged_id: null,
        disk_format: imported.diskFormat,
        properties: trx.raw('properties || ?::jsonb', [JSON.stringify(task.injectProperties)]),
      } as object)
      .returning(['owner'] as never[]);
    if (image === undefined) return false;
    const room = await roomFor({ db: trx, region }, (image as { owner: string }).owner);
    if (room !== undefined && imported.data.sizeBytes > room) throw noRoom(room);
    if (!(await finishUpload(trx, task.imageId, attemptId, imported.data))) return false;
    await endTask(trx, task.id, 'success', '');
    return true;
  });
}

/** Back to queued, with the reason in the task; false when another attempt has taken over, or the image is gone. */
export async function failImport(db: Knex, task: Task, attemptId: string, message: string): Promise<boolean> {
  return await db.transaction(async (trx) => {
    const count = await liveImages(trx)
      .where({ id: task.imageId, import_task_id: task.id, upload_id: attemptId } as object)
      .update({
        import_task_id: null,
        import_failed: true,
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
