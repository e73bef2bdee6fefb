import { randomUUID } from 'node:crypto';
import { Unavailable } from '../../common/errors.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { DataMissing } from '../stores/store.ts';
import { findStore } from '../stores/stores.ts';
import { findTask, listOpenTaskIds, removeExpiredTasks } from '../tasks/store.ts';
import { isOpen, type Task } from '../tasks/task.ts';
import { type Attempt, BrokenOff, isFinal, mostAttempts, watchAttempt } from './attempt.ts';
import { sweepConversions } from './conversion.ts';
import { attemptCopies, removeQuietly } from './copying.ts';
import { claimImport, endOrphanedTask, failImport, finishImport, type Importing, knownStagedIds } from './store.ts';
import { takeIn } from './take-in.ts';

export type ImportDeps = Pick<
  ImageModuleDeps,
  'db' | 'region' | 'log' | 'stores' | 'staging' | 'imports' | 'conversionDirectory' | 'inspection' | 'imageSizeCap'
>;

/** Carries out the imports and the copying that were asked for, and keeps nothing of those that are over. */
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
      const attempt = watchAttempt(deps, task, attemptId, stopping.signal);
      try {
        if (image.data === null) await attemptImport(deps, task, image, attempt);
        else {
          await removeFormer(deps, image);
          await attemptCopies(deps, task, { data: image.data, stores: image.stores }, attempt);
        }
      } finally {
        attempt.stop();
      }
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

/** What an attempt before left; the sweep would find it, later. */
async function removeFormer({ stores, staging }: ImportDeps, { former }: Importing): Promise<void> {
  if (former === null) return;
  for (const store of former.stores) await findStore(stores, store)?.data.remove(former.attemptId);
  await staging.remove(former.attemptId);
}

async function attemptImport(deps: ImportDeps, task: Task, image: Importing, attempt: Attempt): Promise<void> {
  const { db, staging } = deps;
  try {
    await removeFormer(deps, image);
    if (task.attempts >= mostAttempts) throw new Unavailable('The import did not come to an end; try again later.');
    const imported = await takeIn(deps, task, image, attempt);
    if (await finishImport(deps, task, attempt.id, imported)) {
      // After a crash before this line the sweep removes it.
      if (image.stagedId !== null) await staging.remove(image.stagedId);
      return;
    }
    for (const store of imported.stores) await removeQuietly(deps, store, attempt.id);
    await endOrphanedTask(db, task);
  } catch (error) {
    await afterFailure(deps, task, image, attempt, error);
  }
}

async function afterFailure(
  deps: ImportDeps,
  task: Task,
  image: Importing,
  attempt: Attempt,
  error: unknown,
): Promise<void> {
  const { db, staging } = deps;
  if (error instanceof BrokenOff || attempt.signal.aborted) return await endOrphanedTask(db, task);
  if (!isFinal(error, task)) throw error; // the loop tries again, later each time
  const message = error instanceof DataMissing ? 'The staged data is no longer there.' : (error as Error).message;
  if (!(await failImport(db, task, attempt.id, message))) return await endOrphanedTask(db, task);
  // It is there when another store failed, or others took the room for it at the last moment.
  for (const store of task.stores) await removeQuietly(deps, store, attempt.id);
  if (image.stagedId !== null) await staging.remove(image.stagedId);
}
