/**
 * Locks on files that the kernel gives back however their holder ends (flock(2)), so that two processes on a host, of which
 * one may be about to die, do not do the same twice. Node.js has no call for it.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import koffi from 'koffi';

/** From <sys/file.h>: for one holder, and no waiting. */
const exclusively = 2 | 4;
const retryMs = 100;

let flock: ((descriptor: number, operation: number) => number) | undefined;

function isLocked({ fd }: FileHandle): boolean {
  flock ??= koffi.load('libc.so.6').func('int flock(int, int)');
  return flock?.(fd, exclusively) === 0;
}

/** The file, made if it is missing, or undefined while somebody else has it. Closing it gives the lock back. */
export async function tryLock(path: string): Promise<FileHandle | undefined> {
  for (;;) {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      const isMine = isLocked(file);
      // Whoever had it may have removed or renamed it since we opened it: then the lock is on what has no name any more.
      const isThere = await Promise.all([file.stat(), stat(path)]).then(
        ([mine, there]) => mine.ino === there.ino && mine.dev === there.dev,
        () => false,
      );
      if (isMine && isThere) return file;
      await file.close();
      if (isThere) return undefined;
    } catch (error) {
      await file.close();
      throw error;
    }
  }
}

/** As `tryLock`, and waits for its turn. Throws the signal's reason. */
export async function lock(path: string, signal: AbortSignal): Promise<FileHandle> {
  for (;;) {
    signal.throwIfAborted();
    const file = await tryLock(path);
    if (file !== undefined) return file;
    await delay(retryMs, undefined, { signal });
  }
}
