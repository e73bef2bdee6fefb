/** A directory: the file that says whose it is. */
import { randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ownerKey, type Place } from '../owner.ts';

/** `ids` of what is there. The directory has to be there when the mark is written. */
export function placeInDirectory(directory: string, ids: () => Promise<Iterable<string>>): Place {
  const name = join(directory, ownerKey);
  return {
    name,
    async *ids() {
      yield* await ids();
    },
    async readMark() {
      const text = await readFile(name, 'utf8').catch((error) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      return text?.trim();
    },
    /** Whole or not at all, for those who start at the same time. */
    async writeMark(text) {
      const draft = `${name}.${randomUUID()}`;
      try {
        await writeFile(draft, `${text}\n`, { flag: 'wx', flush: true });
        await link(draft, name).catch((error) => {
          if (error.code !== 'EEXIST') throw error;
        });
      } finally {
        await rm(draft, { force: true });
      }
    },
  };
}
