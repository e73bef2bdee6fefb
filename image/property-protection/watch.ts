import { existsSync } from 'node:fs';
import { type FileWatch, watchFile } from '../../common/file-watch.ts';
import type { Logger } from '../../common/logger.ts';
import type { PropertyProtection } from './protection.ts';
import { protectionFileOf, type RuleFormat, readProtectionFile } from './rules-file.ts';

/**
 * Puts an operator's file in force now, and again whenever it changes. What is not valid ends the start; later it is logged, and
 * what was in force stays, also when the file goes away. Throws `BadRequest`.
 */
export async function watchPropertyProtections(
  settings: { propertyProtectionFile: string; propertyProtectionRuleFormat: RuleFormat; dataDir: string },
  log: Logger,
  protection: PropertyProtection,
  pollMs = 500,
): Promise<FileWatch> {
  const { path, optional } = protectionFileOf(settings);
  const read = async () => {
    const rules = await readProtectionFile(path, settings.propertyProtectionRuleFormat);
    protection.replace(rules);
    return rules.map(({ expression }) => expression.source);
  };
  // Watched from before it is read, so that no change falls between the two.
  const watch = await watchFile({ path, what: 'property protection file', log, pollMs }, read);
  try {
    if (!optional || existsSync(path)) await read();
    return watch;
  } catch (error) {
    await watch.stop();
    throw error;
  }
}
