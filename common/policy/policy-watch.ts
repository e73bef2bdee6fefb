import { type BigIntStats, existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Logger } from '../logger.ts';
import type { Overrides } from './policy.ts';
import { readPolicyFile } from './policy-file.ts';

export interface PolicyWatch {
  stop(): Promise<void>;
}

/**
 * Applies an operator's policy file now, and again whenever it changes, for as long as the process runs. `apply` names the rules
 * that change, and throws for what is not valid: now that ends the start, later it is logged, and what was in force stays. So it does when the file goes
 * away: losing a file must not change who may do what. `optional`: there need not be one yet. Polled, because an editor's
 * rename, a mounted volume and a symbolic link that is pointed elsewhere are all a change, and none of them is one that
 * every kind of file system tells of.
 */
export async function watchPolicyFile(
  { path, optional, log, pollMs = 500 }: { path: string; optional: boolean; log: Logger; pollMs?: number },
  apply: (overrides: Overrides) => string[],
): Promise<PolicyWatch> {
  let applied = await stateOf(path);
  let previous = applied;
  if (!optional || existsSync(path)) await readPolicyFile(path, apply);

  const look = async (): Promise<void> => {
    const now = await stateOf(path);
    const isSettled = now === previous; // somebody who writes in place is done by the second look
    previous = now;
    if (now === applied || !isSettled) return;
    applied = now;
    try {
      const changed = await readPolicyFile(path, apply);
      log.info({ path, changed }, 'the policy file has changed and is in force');
    } catch (err) {
      log.error({ err, path }, 'the policy file is not valid: the policy from before stays in force');
    }
  };
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(look).catch((err) => log.error({ err, path }, 'the policy file could not be looked at'));
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
