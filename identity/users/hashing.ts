import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { Unavailable } from '../../common/errors.ts';

/** The input of argon2id (RFC 9106); memory in KiB. */
export interface Derivation {
  message: string;
  nonce: Uint8Array;
  memory: number;
  passes: number;
  parallelism: number;
  tagLength: number;
}

/** At once: one for each processor. */
const atOnce = availableParallelism();
/** Whoever comes when this many wait is told to come again: a flood of logins must not queue for minutes. */
const longestQueue = 64;

interface Job {
  derivation: Derivation;
  mayStart: () => void;
  resolve: (tag: Uint8Array) => void;
  reject: (error: unknown) => void;
}

const waiting: Job[] = [];
const idle: Worker[] = [];
const busy = new Map<Worker, Job>();

/** How many keys this process has derived: work that must not depend on who exists. */
export const derived = { count: 0 };

/**
 * Derives a key on a thread of its own and of low priority: libuv's are needed for files, name look-ups and libvirt, and
 * none of these should wait for passwords. `mayStart` is asked when its turn has come, and may throw.
 * @throws Unavailable when too many are waiting.
 */
export function derive(derivation: Derivation, mayStart: () => void): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (busy.size >= atOnce && waiting.length >= longestQueue)
      return reject(new Unavailable('Too many people are logging in; try again.'));
    waiting.push({ derivation, mayStart, resolve, reject });
    startNext();
  });
}

function startNext(): void {
  while (busy.size < atOnce) {
    const job = waiting.shift();
    if (!job) return;
    try {
      job.mayStart();
      const worker = idle.pop() ?? startWorker();
      busy.set(worker, job);
      worker.ref();
      worker.postMessage(job.derivation);
      derived.count += 1;
    } catch (error) {
      job.reject(error);
    }
  }
}

function startWorker(): Worker {
  const worker = new Worker(new URL('./password-worker.ts', import.meta.url));
  worker.on('message', (tag: Uint8Array) => {
    const job = busy.get(worker);
    busy.delete(worker);
    worker.unref(); // nobody waits for it: the process may end
    idle.push(worker);
    job?.resolve(tag);
    startNext();
  });
  worker.on('error', (error) => {
    const job = busy.get(worker);
    busy.delete(worker);
    const at = idle.indexOf(worker);
    if (at >= 0) idle.splice(at, 1);
    job?.reject(error);
    startNext();
  });
  return worker;
}
