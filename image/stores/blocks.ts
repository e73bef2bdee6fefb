/**
 * Memory that image data passes through, used again and again. Memory that is new for each piece costs more than all else
 * that is done with it: a collection of garbage for every 64 MiB, each over the whole heap, and fresh pages from the kernel.
 */

export const blockBytes = 512 * 1024;
/** Kept for the next who need some. */
const mostKept = (8 * 2 ** 20) / blockBytes;

const kept: Buffer<ArrayBuffer>[] = [];
const lent = new WeakSet<Buffer>();

/** Holds what was in it before: send and keep only what you have filled. */
export function takeBlock(): Buffer<ArrayBuffer> {
  return kept.pop() ?? Buffer.alloc(blockBytes);
}

/** Once nobody reads or fills it any more: neither we nor a thread nor the kernel. */
export function returnBlock(block: Buffer<ArrayBuffer>): void {
  if (kept.length < mostKept) kept.push(block);
}

/**
 * Hands a full block on as a piece of a stream like any other, good until the next is asked for. Whoever knows what it is may
 * take it over instead of copying it.
 */
export function* lend(block: Buffer<ArrayBuffer>): Generator<Buffer> {
  lent.add(block);
  try {
    yield block;
  } finally {
    if (lent.delete(block)) returnBlock(block);
  }
}

/** Whether the piece was a full block that was lent; it is then the caller's, who returns it. */
export function takeOver(piece: Buffer): piece is Buffer<ArrayBuffer> {
  return lent.delete(piece);
}

/** Frees the memory of a piece that is its own, such as those of a request's body, now instead of when garbage is collected. */
export function release(piece: Buffer): void {
  const { buffer } = piece;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === piece.byteLength) buffer.transfer(0);
}
