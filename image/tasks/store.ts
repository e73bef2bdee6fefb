import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { type SortKey, selectPage } from '../../common/database/page.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { isUuid } from '../../common/ids.ts';
import { hoursToLive, type ImportMethod, type Task, type TaskStatus } from './task.ts';

interface TaskRow {
  id: string;
  owner: string;
  user_id: string;
  request_id: string;
  image_id: string;
  input: ImportMethod;
  stores: string[];
  all_stores_must_succeed: boolean;
  inject_properties: Record<string, string>;
  status: TaskStatus;
  message: string;
  attempts: number;
  created_at: Date;
  updated_at: Date;
  expires_at: Date | null;
}

const fromRow = (row: TaskRow): Task => ({
  id: row.id,
  owner: row.owner,
  userId: row.user_id,
  requestId: row.request_id,
  imageId: row.image_id,
  method: row.input,
  stores: row.stores,
  allStoresMustSucceed: row.all_stores_must_succeed,
  injectProperties: row.inject_properties,
  status: row.status,
  message: row.message,
  attempts: row.attempts,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  expiresAt: row.expires_at,
});

export type NewTask = Pick<
  Task,
  'owner' | 'userId' | 'requestId' | 'imageId' | 'method' | 'stores' | 'allStoresMustSucceed' | 'injectProperties'
>;

export async function insertTask(db: Knex, task: NewTask): Promise<Task> {
  const [row] = await db<TaskRow>('image_tasks')
    .insert({
      owner: task.owner,
      user_id: task.userId,
      request_id: task.requestId,
      image_id: task.imageId,
      input: JSON.stringify(task.method),
      stores: task.stores,
      all_stores_must_succeed: task.allStoresMustSucceed,
      inject_properties: JSON.stringify(task.injectProperties),
    } as object)
    .returning('*');
  return fromRow(row as TaskRow);
}

/** Another project's is not found. */
export async function getTask(db: Knex, visible: Visible, id: string): Promise<Task> {
  const row = isUuid(id)
    ? await db<TaskRow>('image_tasks')
        .where({ id })
        .modify((query) => whereOwn(query, visible))
        .first()
    : undefined;
  if (row === undefined) throw new NotFound('Task', id);
  return fromRow(row);
}

/** Without an error for one that is gone, as a loop asks. */
export async function findTask(db: Knex, id: string): Promise<Task | undefined> {
  const row = await db<TaskRow>('image_tasks').where({ id }).first();
  return row && fromRow(row);
}

/** The caller's tasks about an image, the newest first. */
export async function listTasksOfImage(db: Knex, visible: Visible, imageId: string): Promise<Task[]> {
  const rows = await db<TaskRow>('image_tasks')
    .where({ image_id: imageId })
    .modify((query) => whereOwn(query, visible))
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ]);
  return rows.map(fromRow);
}

export const taskSortColumns = {
  id: 'id',
  status: 'status',
  created_at: 'created_at',
  updated_at: 'updated_at',
};

export const newestTaskFirst: SortKey[] = [
  { column: 'created_at', direction: 'desc' },
  { column: 'id', direction: 'desc' },
];

export async function listTasks(
  db: Knex,
  visible: Visible,
  { status, owner }: { status?: TaskStatus; owner?: string },
  page: PageRequest,
  keys: SortKey[],
): Promise<{ tasks: Task[]; more: boolean }> {
  if (page.marker !== undefined && !isUuid(page.marker)) throw new BadRequest('Invalid marker format');
  const query = db('image_tasks').select('image_tasks.*');
  whereOwn(query, visible);
  if (status !== undefined) query.where({ status });
  if (owner !== undefined) query.where({ owner });
  const { rows, more } = await selectPage<TaskRow>(query, page, keys);
  return { tasks: rows.map(fromRow), more };
}

export async function listOpenTaskIds(db: Knex, limit: number): Promise<string[]> {
  return await db('image_tasks').whereNull('expires_at').orderBy('created_at').limit(limit).pluck('id');
}

/** Counts one more attempt. */
export async function beginTask(db: Knex, id: string): Promise<void> {
  await db('image_tasks')
    .where({ id })
    .whereNull('expires_at')
    .update({ status: 'processing', attempts: db.raw('attempts + 1'), updated_at: db.fn.now(3) });
}

/** Says how far it is. */
export async function tellTask(db: Knex, id: string, message: string): Promise<void> {
  await db('image_tasks')
    .where({ id })
    .whereNull('expires_at')
    .update({ message, updated_at: db.fn.now(3) });
}

/** Ends it; one that has ended stays as it is. */
export async function endTask(db: Knex, id: string, status: 'success' | 'failure', message: string): Promise<void> {
  await db('image_tasks')
    .where({ id })
    .whereNull('expires_at')
    .update({
      status,
      message,
      updated_at: db.fn.now(3),
      expires_at: db.raw('now() + make_interval(hours => ?)', [hoursToLive]),
    });
}

export async function removeExpiredTasks(db: Knex): Promise<void> {
  await db('image_tasks').where('expires_at', '<', db.fn.now()).delete();
}

function whereOwn(query: Knex.QueryBuilder, visible: Visible): void {
  if (visible !== 'everyone') query.where('owner', visible.projectId);
}
