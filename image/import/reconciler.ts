import { randomUUID } from 'node:crypto';
import { CloudError, Unavailable } from '../../common/errors.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { DataMissing } from '../stores/store.ts';
import { findTask, listOpenTaskIds, removeExpiredTasks } from '../tasks/store.ts';
import { isOpen, type Task } from '../tasks/task.ts';
import { type Attempt, BrokenOff, watchAttempt } from './attempt.ts';
import { sweepConversions } from './conversion.ts';
import { claimImport, endOrphanedTask, failImport, finishImport, type Importing, knownStagedIds } from './store.ts';
import { takeIn } from './take-in.ts';

export type ImportDeps = Pick<
  ImageModuleDeps,
  'db' | 'region' | 'log' | 'store' | 'staging' | 'imports' | 'conversionDirectory'
>;

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
      await sweepConversions(deps.conversionDirectory, (ids) => knownStagedIds(db, ids));
      await removeExpiredTasks(db);
      return [];
    },
    stop: () => stopping.abort(),
  };
}

async function attemptImport(deps: ImportDeps, task: Task, image: Importing, attempt: Attempt): Promise<void> {
  const { db, store, staging } = deps;
  try {
    // What it left; the sweep would find it, later.
    if (image.formerAttemptId !== null) {
      await store.remove(image.formerAttemptId);
      await staging.remove(image.formerAttemptId);
    }
    if (task.attempts >= mostAttempts) throw new Unavailable('The import did not come to an end; try again later.');
    const imported = await takeIn(deps, task, image, attempt);
    if (await finishImport(deps, task, attempt.id, imported)) {
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
  { db, store, staging }: ImportDeps,
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
  await store.remove(attempt.id); // it is there when others took the room for it at the last moment
  if (image.stagedId !== null) await staging.remove(image.stagedId);
}
