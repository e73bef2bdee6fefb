import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Logger } from './logger.ts';

export interface FileWatch {
  stop(): Promise<void>;
}

export interface WatchedFile {
  path: string;
  /** `policy file`, as messages name it. */
  what: string;
  log: Logger;
  pollMs?: number;
}

/**
 * Calls `apply` whenever a file has changed, for as long as the process runs; what it returns is logged, and so is why it
 * throws. Polled, because an editor's rename, a mounted volume and a symbolic link that is pointed elsewhere are all a change,
 * and none of them is one that every kind of file system tells of.
 */
export async function watchFile(
  { path, what, log, pollMs = 500 }: WatchedFile,
  apply: () => Promise<unknown>,
): Promise<FileWatch> {
  let applied = await stateOf(path);
  let previous = applied;
  const look = async (): Promise<void> => {
    const now = await stateOf(path);
    const isSettled = now === previous; // somebody who writes in place is done by the second look
    previous = now;
    if (now === applied || !isSettled) return;
    applied = now;
    try {
      const changed = await apply();
      log.info({ path, changed }, `the ${what} has changed and is in force`);
    } catch (err) {
      log.error({ err, path }, `the ${what} is not valid: what it said before stays in force`);
    }
  };
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(look).catch((err) => log.error({ err, path }, `the ${what} could not be looked at`));
  }, pollMs);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}

/** The same as long as the file is the same, wherever its name leads. */
async function stateOf(path: string): Promise<string> {
  const found: BigIntStats | string = await stat(path, { bigint: true }).catch(
    (error: NodeJS.ErrnoException) => error.code ?? 'unknown',
  );
  if (typeof found === 'string') return found;
  return [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join();
}
