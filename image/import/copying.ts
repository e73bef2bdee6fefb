/** Copies of an image's data in further stores. */
import type { Readable } from 'node:stream';
import { type CloudError, PermanentFailure, Unavailable } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import { type Copy, listCopies } from '../images/copies.ts';
import type { ImageStore, StoredData } from '../stores/store.ts';
import { findStore, type ImageStores, readable, unknownStore } from '../stores/stores.ts';
import type { Task } from '../tasks/task.ts';
import { type Attempt, BrokenOff, isFinal, mostAttempts } from './attempt.ts';
import type { ImportDeps } from './reconciler.ts';
import { endCopying, endOrphanedTask, failCopy, finishCopy } from './store.ts';

/** A copy cannot be read to its end now; another may be. */
class SourceFailed extends Unavailable {}

/** Throws `Unavailable` when the operator has taken it away. */
export function targetStore(stores: ImageStores, id: string): ImageStore {
  const store = findStore(stores, id);
  if (store === undefined) throw new Unavailable(unknownStore(id));
  return store.data;
}

/**
 * Puts a copy into another store, under the attempt's id: what arrives is what was uploaded, or nothing does. Throws `Unavailable`,
 * `OverQuota`, and `PermanentFailure` when no copy is what it was.
 */
export async function copyData(
  { stores, log }: { stores: ImageStores; log: Logger },
  copies: Copy[],
  expected: Pick<StoredData, 'sizeBytes' | 'sha512'>,
  to: string,
  attempt: Attempt,
): Promise<void> {
  const target = targetStore(stores, to);
  let failure: CloudError = new Unavailable('The data of the image is in stores that this cloud does not have now.');
  for (const { store, dataId } of readable(stores, copies)) {
    try {
      const stored = await target.put(
        attempt.id,
        readOut(() => store.data.open(dataId), attempt),
      );
      if (stored.sha512 === expected.sha512 && stored.sizeBytes === expected.sizeBytes) return;
      await target.remove(attempt.id);
      log.error({ store: store.id, data: dataId }, 'the data of an image is not what was uploaded');
      failure = new PermanentFailure(`The data in store ${store.id} is not what was uploaded.`);
    } catch (error) {
      if (!(error instanceof SourceFailed)) throw error;
      log.warn({ err: error, store: store.id, data: dataId }, 'cannot read the data of an image');
      failure = error;
    }
  }
  throw failure;
}

async function* readOut(open: () => Promise<Readable>, attempt: Attempt): AsyncGenerator<Buffer> {
  const failed = (cause: unknown) => new SourceFailed('The data of the image cannot be read now.', { cause });
  attempt.check();
  const source = await open().catch((error) => {
    throw failed(error);
  });
  const breakOff = () => source.destroy(new BrokenOff('The copying was broken off.'));
  attempt.signal.addEventListener('abort', breakOff);
  try {
    for await (const chunk of source) {
      attempt.check();
      attempt.count(chunk.length);
      yield chunk;
    }
  } catch (error) {
    throw error instanceof BrokenOff ? error : failed(error);
  } finally {
    attempt.signal.removeEventListener('abort', breakOff);
    source.destroy();
  }
}

/** One attempt at bringing the data of an image to all stores of the task that do not have it yet. */
export async function attemptCopies(
  deps: ImportDeps,
  task: Task,
  { data, stores }: { data: Pick<StoredData, 'sizeBytes' | 'sha512'>; stores: string[] },
  attempt: Attempt,
): Promise<void> {
  const { db } = deps;
  let retry: unknown;
  for (const store of stores) {
    try {
      if (task.attempts >= mostAttempts) throw new Unavailable('The copying did not come to an end; try again later.');
      await copyData(deps, await listCopies(db, task.imageId), data, store, attempt);
      if (await finishCopy(deps, task, attempt.id, store)) continue;
      await removeQuietly(deps, store, attempt.id);
      return await endOrphanedTask(db, task);
    } catch (error) {
      if (error instanceof BrokenOff || attempt.signal.aborted) return await endOrphanedTask(db, task);
      if (!isFinal(error, task)) {
        if (task.allStoresMustSucceed) throw error;
        retry = error; // when the others have had their turn
        continue;
      }
      if (!(await failCopy(db, task, attempt.id, store))) return await endOrphanedTask(db, task);
      await removeQuietly(deps, store, attempt.id); // it is there when there was no room for it in the end
      const message = `${store}: ${(error as Error).message}`;
      if (task.allStoresMustSucceed) return void (await endCopying(db, task, attempt.id, { message, undone: true }));
    }
  }
  if (retry !== undefined) throw retry;
  await endCopying(db, task, attempt.id, { message: '', undone: false });
}

/** Where that fails, the sweep finds it. */
export async function removeQuietly({ stores, log }: ImportDeps, store: string, dataId: string): Promise<void> {
  await findStore(stores, store)
    ?.data.remove(dataId)
    .catch((err) => log.warn({ err, store, data: dataId }, 'cannot remove data'));
}
