import { CloudError, PermanentFailure, Unavailable } from '../../common/errors.ts';
import { keepUploadAlive } from '../images/store.ts';
import type { Pulse } from '../images/uploads.ts';
import { tellTask } from '../tasks/store.ts';
import type { Task } from '../tasks/task.ts';
import type { ImportDeps } from './reconciler.ts';

/** Another attempt is at it, or the image is gone, or the process ends: this one must neither finish nor fail. */
export class BrokenOff extends PermanentFailure {}

/** An import that brought down whoever tried it so often is not tried again. */
export const mostAttempts = 5;

/** Whether trying again cannot help, or has been tried often enough. */
export const isFinal = (error: unknown, task: Task): boolean =>
  error instanceof CloudError && (!(error instanceof Unavailable) || task.attempts >= mostAttempts);

const beatMs = 2000;

export interface Attempt extends Pulse {
  /** Data of this attempt is known by it. */
  id: string;
  /** Breaks off what waits for others. */
  signal: AbortSignal;
  /** So many more bytes have come. */
  count(bytes: number): void;
}

/** Says that the attempt lives and how far it is, and breaks it off when it is nobody's any more. */
export function watchAttempt({ db, log }: ImportDeps, task: Task, id: string, stopping: AbortSignal): Attempt {
  const lost = new AbortController();
  const signal = AbortSignal.any([lost.signal, stopping]);
  let copied = 0;
  const beat = async () => {
    if (await keepUploadAlive(db, task.imageId, id))
      await tellTask(db, task.id, `Copied ${Math.floor(copied / 2 ** 20)} MiB`);
    else lost.abort();
  };
  const timer = setInterval(() => {
    beat().catch((err) => log.warn({ err, image: task.imageId }, 'cannot say that an import lives'));
  }, beatMs);
  return {
    id,
    signal,
    count(bytes) {
      copied += bytes;
    },
    check() {
      if (signal.aborted) throw new BrokenOff('The import was broken off.');
    },
    stop: () => clearInterval(timer),
  };
}
