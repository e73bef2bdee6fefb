import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { CloudError, Unavailable } from '../../common/errors.ts';
import { fetchOutside } from '../../common/outgoing/fetch.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { declaredFormat } from '../images/image.ts';
import { inspected } from '../images/uploads.ts';
import { createInspector } from '../inspection/inspector.ts';
import { DataMissing } from '../stores/store.ts';
import { findTask, listOpenTaskIds, removeExpiredTasks } from '../tasks/store.ts';
import { isOpen, type Task } from '../tasks/task.ts';
import { type Attempt, BrokenOff, watchAttempt } from './attempt.ts';
import {
  claimImport,
  endOrphanedTask,
  failImport,
  finishImport,
  type Imported,
  type Importing,
  knownStagedIds,
} from './store.ts';

export type ImportDeps = Pick<ImageModuleDeps, 'db' | 'log' | 'store' | 'staging' | 'imports'>;

/** An import that brought down whoever tried it so often is not tried again. */
const mostAttempts = 5;

/** Carries out the imports that were asked for, each from its beginning, and keeps nothing of those that are over. */
export function importReconciler(deps: ImportDeps): Reconciler {
  const { db, staging } = deps;
  const stopping = new AbortController();
  return {
    name: 'image-imports',
    pending: (limit) => listOpenTaskIds(db, limit),
    concurrency: 4,
    async reconcile(id) {
      const task = await findTask(db, id);
      if (task === undefined || !isOpen(task) || stopping.signal.aborted) return;
      const attemptId = randomUUID();
      const image = await claimImport(db, task, attemptId);
      if (image === undefined) return await endOrphanedTask(db, task);
      await attemptImport(deps, task, image, watchAttempt(deps, task, attemptId, stopping.signal));
    },
    async sweep() {
      await staging.sweep((ids) => knownStagedIds(db, ids));
      await removeExpiredTasks(db);
      return [];
    },
    stop: () => stopping.abort(),
  };
}

async function attemptImport(deps: ImportDeps, task: Task, image: Importing, attempt: Attempt): Promise<void> {
  const { db, store, staging } = deps;
  try {
    if (task.attempts >= mostAttempts) throw new Unavailable('The import did not come to an end; try again later.');
    const imported = await takeIn(deps, task, image, attempt);
    if (await finishImport(db, task, attempt.id, imported)) {
      // After a crash before this line the sweep removes it.
      if (image.stagedId !== null) await staging.remove(image.stagedId);
      return;
    }
    await store.remove(attempt.id);
    await endOrphanedTask(db, task);
  } catch (error) {
    await afterFailure(deps, task, image, attempt, error);
  } finally {
    attempt.stop();
  }
}

async function afterFailure(
  { db, staging }: ImportDeps,
  task: Task,
  image: Importing,
  attempt: Attempt,
  error: unknown,
): Promise<void> {
  if (error instanceof BrokenOff || attempt.signal.aborted) return await endOrphanedTask(db, task);
  const isFinal = error instanceof CloudError && (!(error instanceof Unavailable) || task.attempts >= mostAttempts);
  if (!isFinal) throw error; // the loop tries again, later each time
  const message = error instanceof DataMissing ? 'The staged data is no longer there.' : error.message;
  if (!(await failImport(db, task, attempt.id, message))) return await endOrphanedTask(db, task);
  if (image.stagedId !== null) await staging.remove(image.stagedId);
}

/** Has the data in the store when it returns, and nothing there when it throws. */
async function takeIn(deps: ImportDeps, task: Task, image: Importing, attempt: Attempt): Promise<Imported> {
  const declared = declaredFormat(image);
  const source = await openSource(deps, task, image, attempt);
  try {
    const inspector = createInspector(declared);
    const stored = await deps.store.put(attempt.id, counted(inspected(source, inspector, attempt), attempt));
    return {
      data: { ...stored, virtualSizeBytes: inspector.finish().virtualSizeBytes },
      diskFormat: declared.diskFormat,
    };
  } finally {
    source.destroy();
  }
}

async function openSource(
  { staging, imports }: ImportDeps,
  { method }: Task,
  { stagedId }: Importing,
  { signal }: Attempt,
): Promise<Readable> {
  if (method.name === 'web-download') return (await fetchOutside(method.uri, imports.outgoing, { signal })).body;
  if (stagedId === null) throw new DataMissing('Nothing is staged.');
  return await staging.open(stagedId);
}

async function* counted(data: AsyncIterable<Buffer>, attempt: Attempt): AsyncGenerator<Buffer> {
  for await (const chunk of data) {
    attempt.count(chunk.length);
    yield chunk;
  }
}
