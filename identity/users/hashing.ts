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

/** At once: one for each processor. More take longer together, as each wants a processor's cache for itself. */
const atOnce = availableParallelism();
/** One being derived and one behind it: no thread waits for the next while the main one is busy with a request. */
const mostPerThread = 2;
/** Whoever comes when this many wait is told to come again: a flood of logins must not queue for minutes. */
const longestQueue = 64;

interface Job {
  derivation: Derivation;
  mayStart: () => void;
  resolve: (tag: Uint8Array) => void;
  reject: (error: unknown) => void;
}

interface Thread {
  worker: Worker;
  /** In the order in which it does them. */
  jobs: Job[];
}

const waiting: Job[] = [];
const threads: Thread[] = [];

/** How many keys this process has derived: work that must not depend on who exists. */
export const derived = { count: 0 };

/**
 * Derives a key on a thread of its own and of low priority: libuv's are needed for files, name look-ups and libvirt, and
 * none of these should wait for passwords. `mayStart` is asked when its turn has come, and may throw.
 * @throws Unavailable when too many are waiting.
 */
export function derive(derivation: Derivation, mayStart: () => void): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (waiting.length >= longestQueue) return reject(new Unavailable('Too many people are logging in; try again.'));
    waiting.push({ derivation, mayStart, resolve, reject });
    handOut();
  });
}

function handOut(): void {
  while (waiting.length > 0) {
    const thread = freest();
    if (!thread) return;
    const job = waiting.shift() as Job;
    try {
      job.mayStart();
      thread.worker.ref();
      thread.worker.postMessage(job.derivation);
      thread.jobs.push(job);
      derived.count += 1;
    } catch (error) {
      job.reject(error);
    }
  }
}

/** Undefined when every thread has enough to do. */
function freest(): Thread | undefined {
  const [least] = threads.toSorted((a, b) => a.jobs.length - b.jobs.length);
  if (least?.jobs.length === 0) return least;
  if (threads.length < atOnce) return startThread();
  return least && least.jobs.length < mostPerThread ? least : undefined;
}

function startThread(): Thread {
  const thread: Thread = { worker: new Worker(new URL('./password-worker.ts', import.meta.url)), jobs: [] };
  threads.push(thread);
  thread.worker.unref();
  thread.worker.on('message', (tag: Uint8Array) => {
    const job = thread.jobs.shift();
    if (thread.jobs.length === 0) thread.worker.unref(); // nobody waits for it: the process may end
    job?.resolve(tag);
    handOut();
  });
  thread.worker.on('error', (error) => {
    threads.splice(threads.indexOf(thread), 1);
    for (const job of thread.jobs) job.reject(error);
    handOut();
  });
  return thread;
}
