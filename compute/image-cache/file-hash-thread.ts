/** A thread that hashes a file as it grows; see file-hash.ts. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { Written } from './file-hash.ts';

const file = openSync((workerData as { path: string }).path, 'r');
const hash = createHash('sha512');
const buffer = Buffer.allocUnsafe(2 ** 20);
let position = 0;

parentPort?.on('message', ({ bytes, isAll }: Written) => {
  while (position < bytes) {
    const read = readSync(file, buffer, 0, Math.min(buffer.length, bytes - position), position);
    if (read === 0) throw new Error(`the file ends at ${position}, before ${bytes}`);
    hash.update(buffer.subarray(0, read));
    position += read;
  }
  if (!isAll) return;
  closeSync(file);
  parentPort?.postMessage(hash.digest('hex'));
  parentPort?.close();
});
