import { finished, type Readable } from 'node:stream';
import { BadRequest, CloudError } from '../../common/errors.ts';
import { IncomingMessage } from '../../common/http/node-http.ts';
import { blockBytes, lend, release, returnBlock, takeBlock } from './blocks.ts';

/** Full, and not asked for yet; the stream pauses meanwhile. */
const mostWaiting = (1 * 2 ** 20) / blockBytes;

/**
 * The bytes of a stream in full blocks and what is left of the last one, each good until the next is asked for. `see` gets every
 * piece as it comes, and ends all by throwing. Whatever is done with them is done once for a block instead of for each piece
 * of a socket, of which there are many more. Throws `BadRequest` when the stream is cut off; ended early, the stream is
 * left paused, not destroyed: that would close the connection before the client has read why.
 */
export async function* inBlocks(body: Readable, see: (piece: Buffer) => void): AsyncGenerator<Buffer> {
  const isOwn = body instanceof IncomingMessage; // each piece is memory that nobody else knows
  const full: Buffer<ArrayBuffer>[] = [];
  let block: Buffer<ArrayBuffer> | undefined;
  let filled = 0;
  let isOver = false;
  let failure: { error: unknown } | undefined;
  let wake = () => {};

  const take = (piece: Buffer) => {
    for (let taken = 0; taken < piece.length; ) {
      block ??= takeBlock();
      const copied = piece.copy(block, filled, taken);
      taken += copied;
      filled += copied;
      if (filled < blockBytes) continue;
      full.push(block);
      block = undefined;
      filled = 0;
    }
    if (isOwn) release(piece);
  };
  const onData = (piece: Buffer) => {
    if (failure) return;
    try {
      see(piece);
      take(piece);
    } catch (error) {
      failure = { error };
    }
    if (failure || full.length >= mostWaiting) body.pause();
    if (failure || full.length > 0) wake();
  };
  const forget = finished(body, { writable: false }, (error) => {
    isOver = true;
    if (error) failure ??= { error: cutOff(error) };
    wake();
  });
  body.on('data', onData);

  try {
    for (;;) {
      if (failure) throw failure.error;
      const next = full.shift();
      if (next !== undefined) {
        yield* lend(next);
        if (full.length < mostWaiting && body.isPaused()) body.resume();
      } else if (isOver) {
        if (block !== undefined) yield block.subarray(0, filled);
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    forget();
    body.off('data', onData);
    if (!isOver) body.pause();
    for (const unread of full) returnBlock(unread);
    if (block !== undefined) returnBlock(block);
  }
}

/** What goes wrong with the stream itself is the client's doing, unless it was ended by one of us who says why. */
function cutOff(error: Error): CloudError {
  if (error instanceof CloudError) return error;
  return new BadRequest('The upload ended before all of its data had come.', { cause: error });
}
