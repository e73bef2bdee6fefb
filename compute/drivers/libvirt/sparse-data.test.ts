import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { PermanentFailure } from '../../../common/errors.ts';
import { readPieces, writePieces } from './sparse-data.ts';

const mib = 2 ** 20;

async function emptyFile(t: ExecutionContext, sizeBytes: number) {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-sparse-'));
  const file = await open(join(directory, 'disk.raw'), 'wx+');
  await file.truncate(sizeBytes);
  t.teardown(async () => {
    await file.close();
    await rm(directory, { recursive: true });
  });
  return { file, path: join(directory, 'disk.raw') };
}

async function* inBitsOf(bytes: number, data: Buffer): AsyncGenerator<Buffer> {
  for (let from = 0; from < data.length; from += bytes) yield data.subarray(from, from + bytes);
}

async function all(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const piece of pieces) parts.push(Buffer.from(piece));
  return Buffer.concat(parts);
}

test('a file arrives as it was, and what is empty in it neither travels nor takes room', async (t) => {
  const size = 64 * mib + 512;
  const from = await emptyFile(t, size);
  for (const offset of [0, 3 * mib - 5, 40 * mib, size - 512]) await from.file.write(randomBytes(512), 0, 512, offset);
  const sent = await all(readPieces(from.path));
  t.true(sent.length < 5 * mib + 1024, `${sent.length} bytes travel`);
  for (const bytes of [4099, 65_536, sent.length]) {
    const to = await emptyFile(t, size);
    await writePieces(to.file, size, inBitsOf(bytes, sent));
    t.true((await readFile(to.path)).equals(await readFile(from.path)), `in bits of ${bytes}`);
    t.true((await stat(to.path)).blocks * 512 < 6 * mib);
  }
});

test('an empty file is nothing on the way, and whole where it arrives', async (t) => {
  const { path } = await emptyFile(t, 5 * mib);
  t.is((await all(readPieces(path))).length, 0);
  const to = await emptyFile(t, 5 * mib);
  await writePieces(to.file, 5 * mib, inBitsOf(1, Buffer.alloc(0)));
  t.is((await stat(to.path)).size, 5 * mib);
});

test('what another host says is beyond the end of the disk, or ends in the middle, is refused', async (t) => {
  const to = await emptyFile(t, mib);
  const piece = (offset: bigint, length: number, data = Buffer.alloc(length, 1)) => {
    const header = Buffer.alloc(12);
    header.writeBigUInt64BE(offset, 0);
    header.writeUInt32BE(length, 8);
    return Buffer.concat([header, data]);
  };
  const broken = [
    piece(BigInt(mib), 1),
    piece(BigInt(mib) - 1n, 2),
    piece(2n ** 63n, 1),
    piece(0n, 0),
    piece(0n, 100, Buffer.alloc(99)),
    piece(0n, 100).subarray(0, 5),
  ];
  for (const data of broken)
    await t.throwsAsync(writePieces(to.file, mib, inBitsOf(1000, data)), { instanceOf: PermanentFailure });
  t.is((await stat(to.path)).size, mib);
});
