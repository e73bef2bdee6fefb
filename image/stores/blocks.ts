/**
 * Memory that image data passes through, used again and again. Memory that is new for each piece costs more than all else
 * that is done with it: a collection of garbage for every 64 MiB, each over the whole heap, and fresh pages from the kernel.
 */

export const blockBytes = 256 * 1024;
/** Kept for the next who need some. */
const mostKept = 32;

const kept: Buffer<ArrayBuffer>[] = [];

/** Holds what was in it before: send and keep only what you have filled. */
export function takeBlock(): Buffer<ArrayBuffer> {
  return kept.pop() ?? Buffer.alloc(blockBytes);
}

/** Once nobody reads or fills it any more: neither we nor a thread nor the kernel. */
export function returnBlock(block: Buffer<ArrayBuffer>): void {
  if (kept.length < mostKept) kept.push(block);
}

/** Frees the memory of a piece that is its own, such as those of a request's body, now instead of when garbage is collected. */
export function release(piece: Buffer): void {
  const { buffer } = piece;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === piece.byteLength) buffer.transfer(0);
}
