import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes a file that its readers see whole or not at all. */
export async function writeWhole(path: string, content: string, mode: number): Promise<void> {
  await writeFile(`${path}.new`, content, { mode });
  await rename(`${path}.new`, path);
}

/**
 * Makes the data directory. Everybody may pass through it, nobody may list it: QEMU and PostgreSQL run as users of their
 * own and reach what is theirs below it; what is secret is 0600.
 * @throws when a directory above lets them not pass.
 */
export async function makeDataDir(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  for (const name of ['run', 'log', 'cache']) await mkdir(`${dataDir}/${name}`, { recursive: true, mode: 0o755 });
  for (let path = dataDir; ; path = dirname(path)) {
    const { mode } = await stat(path);
    if ((mode & 0o001) === 0) {
      throw new Error(
        `QEMU and PostgreSQL, which run as users of their own, cannot pass ${path}: run chmod o+x ${path}, or choose another --data-dir`,
      );
    }
    if (path === dirname(path)) return;
  }
}
