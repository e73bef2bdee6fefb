import { existsSync } from 'node:fs';
import { type FileWatch, watchFile } from '../file-watch.ts';
import type { Logger } from '../logger.ts';
import type { Overrides } from './policy.ts';
import { readPolicyFile } from './policy-file.ts';

/**
 * Applies an operator's policy file now, and again whenever it changes, for as long as the process runs. `apply` names the rules
 * that change, and throws for what is not valid: now that ends the start, later it is logged, and what was in force stays. So it does when the file goes
 * away: losing a file must not change who may do what. `optional`: there need not be one yet.
 */
export async function watchPolicyFile(
  { path, optional, log, pollMs }: { path: string; optional: boolean; log: Logger; pollMs?: number },
  apply: (overrides: Overrides) => string[],
): Promise<FileWatch> {
  const read = () => readPolicyFile(path, apply);
  // Watched from before it is read, so that no change falls between the two.
  const watch = await watchFile({ path, what: 'policy file', log, ...(pollMs !== undefined && { pollMs }) }, read);
  try {
    if (!optional || existsSync(path)) await read();
    return watch;
  } catch (error) {
    await watch.stop();
    throw error;
  }
}
