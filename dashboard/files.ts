import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

export interface StaticFile {
  name: string;
  type: string;
  bytes: Buffer;
  /** The same, compressed once instead of at every request. */
  gzipped: Buffer;
  etag: string;
  /** Its name changes with its content, so that whoever has it never needs to ask again. */
  isNamedByContent: boolean;
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/** Reads the bundle whole; throws when it has no page. Requests are then answered from memory, and no path a client sends ever reaches the disk. */
export async function readFiles(folder: string): Promise<Map<string, StaticFile>> {
  const files = new Map<string, StaticFile>();
  for (const name of await readdir(folder)) {
    const type = types[extname(name)];
    if (type === undefined) continue;
    const bytes = await readFile(join(folder, name));
    const gzipped = await promisify(gzip)(bytes, { level: 9 });
    const etag = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
    files.set(name, { name, type, bytes, gzipped, etag, isNamedByContent: /-[A-Z0-9]{8}\./.test(name) });
  }
  if (!files.has('index.html')) throw new Error(`There is no page in ${folder}.`);
  return files;
}
