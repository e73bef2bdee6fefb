import type { Readable } from 'node:stream';

const mostBytes = 64 * 2 ** 20;
const mostMs = 5000;

/**
 * Throws the rest of an upload away, within bounds: many clients read an answer only once they have sent everything, and the
 * connection is closed under those that have not by then.
 */
export async function drain(body: Readable): Promise<void> {
  if (body.readableEnded || body.destroyed) return;
  const { promise: isOver, resolve } = Promise.withResolvers<void>();
  let left = mostBytes;
  const timer = setTimeout(resolve, mostMs);
  const count = (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) resolve();
  };
  body.on('data', count).once('end', resolve).once('error', resolve).once('close', resolve).resume();
  await isOver;
  clearTimeout(timer);
  body.off('data', count);
}
