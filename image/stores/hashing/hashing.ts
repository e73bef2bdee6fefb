import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { Unavailable } from '../../../common/errors.ts';

/** Hexadecimal. MD5 is what the Image API defines `checksum` as, and proves nothing. */
export interface Checksums {
  md5: string;
  sha512: string;
}

export interface Hashing {
  /** Takes the memory away and gives it back once it was hashed. Throws `Unavailable` when a thread broke down. */
  add(memory: ArrayBuffer, length: number): Promise<ArrayBuffer>;
  finish(): Promise<Checksums>;
  /** Instead of `finish`. */
  abandon(): void;
}

/** What a thread is given to do: it hashes what comes from one port and hands it on to the other. */
export interface HashTask {
  algorithm: keyof Checksums;
  from: MessagePort;
  to: MessagePort;
}

/** Memory of which `length` bytes count; without any it is the end, and each thread adds its checksum. */
export interface HashedBlock {
  memory?: ArrayBuffer;
  length?: number;
  checksums?: Partial<Checksums>;
}

interface Thread {
  worker: Worker;
  /** What it hashes, each as whom to tell when it breaks down. */
  hashes: Set<(error: Unavailable) => void>;
}

interface Waiting {
  resolve: (block: HashedBlock) => void;
  reject: (error: Unavailable) => void;
}

/** Two even for one processor, which shares them out better than we could. */
const mostThreads = Math.max(2, Math.min(8, availableParallelism()));
/** A thread takes some 10 MB: those that had nothing to do for so long end. */
const idleMs = 30_000;

const threads: Thread[] = [];
let idleTimer: NodeJS.Timeout | undefined;

/**
 * Both checksums of what is added, on a thread each: they take twice as long as everything else that is done with an upload,
 * and would keep this process from answering meanwhile. Memory goes from one thread to the next instead of being shared:
 * copying into shared memory takes ten times as long, and every message costs a thread its sleep.
 */
export function startHashing(): Hashing {
  const [first, between, last] = [new MessageChannel(), new MessageChannel(), new MessageChannel()];
  const [to, from] = [first.port1, last.port2];
  const waiting: Waiting[] = [];
  let failure: Unavailable | undefined;
  const fail = (error: Unavailable) => {
    failure = error;
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  const used = [
    startHash({ algorithm: 'md5', from: first.port2, to: between.port1 }, fail),
    startHash({ algorithm: 'sha512', from: between.port2, to: last.port1 }, fail),
  ];
  from.on('message', (block: HashedBlock) => {
    waiting.shift()?.resolve(block);
    if (waiting.length === 0) from.unref(); // nobody waits for it: the process may end
  });
  from.unref();
  const send = (block: HashedBlock): Promise<HashedBlock> =>
    new Promise((resolve, reject) => {
      if (failure) return reject(failure);
      waiting.push({ resolve, reject });
      from.ref();
      to.postMessage(block, block.memory ? [block.memory] : []);
    });
  const end = () => {
    for (const thread of used) thread.hashes.delete(fail);
    to.close();
    from.close();
    endIdleThreads();
  };
  return {
    add: async (memory, length) => (await send({ memory, length })).memory as ArrayBuffer,
    async finish() {
      try {
        return (await send({})).checksums as Checksums; // each thread has added its own
      } finally {
        end();
      }
    },
    abandon: end,
  };
}

function startHash(task: HashTask, fail: (error: Unavailable) => void): Thread {
  clearTimeout(idleTimer);
  const thread = leastBusy();
  thread.hashes.add(fail);
  thread.worker.postMessage(task, [task.from, task.to]);
  return thread;
}

function leastBusy(): Thread {
  const [least] = threads.toSorted((a, b) => a.hashes.size - b.hashes.size);
  return least && (least.hashes.size === 0 || threads.length >= mostThreads) ? least : startThread();
}

function startThread(): Thread {
  // Without our own arguments: some of them are only for a program's beginning.
  const worker = new Worker(new URL('./hash-worker.ts', import.meta.url), { execArgv: [] });
  const thread: Thread = { worker, hashes: new Set() };
  const remove = (cause?: unknown) => {
    if (threads.includes(thread)) threads.splice(threads.indexOf(thread), 1);
    const error = new Unavailable('The checksums of the data could not be computed; try again later.', { cause });
    for (const fail of thread.hashes) fail(error);
  };
  thread.worker.on('error', remove);
  thread.worker.on('exit', () => remove());
  thread.worker.unref();
  threads.push(thread);
  return thread;
}

function endIdleThreads(): void {
  clearTimeout(idleTimer);
  idleTimer = setTimeout(() => {
    for (const thread of threads.filter(({ hashes }) => hashes.size === 0)) {
      threads.splice(threads.indexOf(thread), 1);
      void thread.worker.terminate();
    }
  }, idleMs).unref();
}
