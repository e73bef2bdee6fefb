/** What tests of the cache share: images whose data comes as the test says. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import type { ImageData } from '../../image/images/use.ts';

export const imageId = '0b8f1a0e-0000-4000-8000-000000000001';
export const anotherId = '0b8f1a0e-0000-4000-8000-000000000002';

export const sha512Of = (bytes: Buffer) => createHash('sha512').update(bytes).digest('hex');

/** An image in a store elsewhere; `opened` is where each reading of it began. */
export function remoteImage(bytes: Buffer, changes: Partial<ImageData> = {}): ImageData & { opened: number[] } {
  const opened: number[] = [];
  return {
    sizeBytes: bytes.length,
    sha512: sha512Of(bytes),
    localPath: async () => undefined,
    async open(range = { first: 0, last: bytes.length - 1 }) {
      opened.push(range.first);
      return Readable.from(pieces(bytes.subarray(range.first, range.last + 1)));
    },
    ...changes,
    opened,
  };
}

export function* pieces(bytes: Buffer, pieceBytes = 64 * 1024): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

export async function directoryFor(t: ExecutionContext): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'cirrostack-images-'));
  t.teardown(() => rm(parent, { recursive: true }));
  return join(parent, 'images');
}

export function recordingLog() {
  const lines: string[] = [];
  return { lines, log: pino({ level: 'debug', base: null }, { write: (line: string) => lines.push(line) }) };
}
