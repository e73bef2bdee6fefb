/** The SHA-512 of a file, also of one that is still being written: read back from the file, so that it is of what will be used. */
import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';

/** What is smaller is hashed before a thread has started. */
const threadFromBytes = 16 * 2 ** 20;

export interface FileHash {
  /** So many bytes from the beginning may be read. */
  writtenTo(bytes: number): void;
  /** Hexadecimal, once all that was written is read. */
  finish(): Promise<string>;
  /** For when nobody wants to know any more. */
  abandon(): void;
}

/** Follows a file that will have `sizeBytes`; a large one in a thread of its own, as this one also answers requests. */
export function startFileHash(path: string, sizeBytes: number): FileHash {
  return sizeBytes < threadFromBytes ? hashedAtEnd(path) : hashedInThread(path);
}

/** Whether a file is, byte for byte, what has that size and checksum. Throws when it cannot be read. */
export async function isIntact(path: string, wanted: { sizeBytes: number; sha512: string }): Promise<boolean> {
  const { size } = await stat(path);
  if (size !== wanted.sizeBytes) return false;
  const hash = startFileHash(path, size);
  hash.writtenTo(size);
  return (await hash.finish()) === wanted.sha512;
}

function hashedAtEnd(path: string): FileHash {
  let end = 0;
  return {
    writtenTo: (bytes) => {
      end = bytes;
    },
    async finish() {
      const hash = createHash('sha512');
      if (end === 0) return hash.digest('hex');
      const file = await open(path);
      for await (const chunk of file.createReadStream({ end: end - 1 })) hash.update(chunk);
      return hash.digest('hex');
    },
    abandon: () => undefined,
  };
}

/** What the thread is told: how far the file is written, and whether that is all. */
export interface Written {
  bytes: number;
  isAll: boolean;
}

function hashedInThread(path: string): FileHash {
  const thread = new Worker(new URL('./file-hash-thread.ts', import.meta.url), { workerData: { path } });
  const digest = new Promise<string>((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', () => reject(new Error(`hashing of ${path} ended before its end`)));
  });
  digest.catch(() => undefined); // whoever abandons it does not listen
  let last = 0;
  const tell = (written: Written) => thread.postMessage(written);
  return {
    writtenTo(bytes) {
      last = bytes;
      tell({ bytes, isAll: false });
    },
    async finish() {
      tell({ bytes: last, isAll: true });
      return await digest;
    },
    abandon() {
      void thread.terminate();
    },
  };
}
