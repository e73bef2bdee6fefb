import { hash } from 'node:crypto';
import { blockBytes, returnBlock, takeBlock, takeOver } from '../blocks.ts';
import type { StoredData } from '../store.ts';
import { type Hashing, startHashing } from './hashing.ts';

/** Of one stream: being filled, hashed or written. */
const mostBlocks = (5 * 2 ** 20) / blockBytes;

/**
 * Hands data on in blocks while it is hashed on other threads, at most so many blocks at once; the source waits meanwhile.
 * `write` gets one block after the other and where it begins, and is done with it when it resolves.
 * What it throws, and what the source throws, is thrown once nothing is under way any more.
 */
export async function hashedWrite(
  data: AsyncIterable<Buffer>,
  write: (bytes: Buffer, position: number) => Promise<void>,
): Promise<StoredData> {
  const underWay = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  let hashing: Hashing | undefined;
  let position = 0;
  let writing: Promise<void> = Promise.resolve();
  let block: Buffer<ArrayBuffer> | undefined;
  let filled = 0;

  const handOn = (full: Buffer<ArrayBuffer>) => {
    const hashes = hashing ?? startHashing();
    hashing = hashes;
    const [length, at] = [filled, position];
    writing = writing.then(() => write(full.subarray(0, length), at));
    const done = writing
      .then(() => hashes.add(full.buffer, length))
      .then(
        (memory) => returnBlock(Buffer.from(memory)),
        (error) => {
          failure ??= { error };
        },
      )
      .finally(() => underWay.delete(done));
    underWay.add(done);
    position += filled;
    block = undefined;
    filled = 0;
  };

  const roomForOne = async () => {
    for (const oldest of underWay) {
      if (underWay.size < mostBlocks) break;
      await oldest; // they are done in the order in which they came
    }
    if (failure) throw failure.error;
  };

  try {
    for await (const piece of data) {
      if (block !== undefined && filled === blockBytes) handOn(block);
      if (block === undefined && takeOver(piece)) {
        block = piece;
        filled = piece.length;
        await roomForOne();
        continue;
      }
      for (let taken = 0; taken < piece.length; ) {
        if (block !== undefined && filled === blockBytes) handOn(block);
        await roomForOne();
        block ??= takeBlock();
        const copied = piece.copy(block, filled, taken);
        filled += copied;
        taken += copied;
      }
    }
    if (hashing === undefined) return await writeOne(block?.subarray(0, filled) ?? Buffer.alloc(0), write);
    if (block !== undefined) handOn(block);
    await Promise.all(underWay);
    if (failure) throw failure.error;
    const ending = hashing.finish();
    hashing = undefined;
    return { sizeBytes: position, ...(await ending) };
  } finally {
    await Promise.all(underWay);
    hashing?.abandon();
    if (block !== undefined) returnBlock(block);
  }
}

/** What fits into one block is hashed sooner than a thread could be asked to. */
async function writeOne(bytes: Buffer, write: (bytes: Buffer, position: number) => Promise<void>): Promise<StoredData> {
  if (bytes.length > 0) await write(bytes, 0);
  return { sizeBytes: bytes.length, md5: hash('md5', bytes), sha512: hash('sha512', bytes) };
}
