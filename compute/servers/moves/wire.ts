/** Lines and counted bytes, read one after the other from the same connection. */
import { type Duplex, Transform } from 'node:stream';
import { Unavailable } from '../../../common/errors.ts';

const longestLine = 65_536;

/** One line of JSON. Throws `Unavailable` when the connection ends before it does. */
export async function readMessage(stream: Duplex): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  for (let length = 0; length <= longestLine; ) {
    const chunk = await nextChunk(stream);
    const end = chunk.indexOf(10);
    parts.push(end === -1 ? chunk : chunk.subarray(0, end));
    length += chunk.length;
    if (end === -1) continue;
    if (end + 1 < chunk.length) stream.unshift(chunk.subarray(end + 1));
    return asMessage(Buffer.concat(parts).toString());
  }
  throw new Unavailable('The other host does not speak as agents do.');
}

export function writeMessage(stream: Duplex, message: object): void {
  stream.write(`${JSON.stringify(message)}\n`);
}

/** So many bytes as they come, no more. Throws `Unavailable` when the connection ends before them. */
export async function* takeBytes(stream: Duplex, count: number): AsyncGenerator<Buffer> {
  for (let left = count; left > 0; ) {
    const chunk = await nextChunk(stream);
    if (chunk.length > left) stream.unshift(chunk.subarray(left));
    const mine = chunk.subarray(0, left);
    left -= mine.length;
    yield mine;
  }
}

/** Whatever comes, each piece of it with its length before it, and at last a length of 0: so one sees where it ends. */
export function inPieces(onPiece: (piece: Buffer) => void): Transform {
  const lengthOf = (bytes: number) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes);
    return length;
  };
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      if (piece.length > 0) {
        onPiece(piece);
        this.push(lengthOf(piece.length));
        this.push(piece);
      }
      done();
    },
    flush(done) {
      done(null, lengthOf(0));
    },
  });
}

/** What was sent by `inPieces`, as it comes. Throws `Unavailable` when the connection ends before it does. */
export async function* takePieces(stream: Duplex): AsyncGenerator<Buffer> {
  for (;;) {
    const length = (await takeAll(stream, 4)).readUInt32BE();
    if (length === 0) return;
    yield* takeBytes(stream, length);
  }
}

/** So many bytes at once, of which there are few. */
export async function takeAll(stream: Duplex, count: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of takeBytes(stream, count)) parts.push(part);
  return Buffer.concat(parts);
}

async function nextChunk(stream: Duplex): Promise<Buffer> {
  for (;;) {
    const chunk: Buffer | null = stream.read();
    if (chunk !== null) return chunk;
    if (stream.destroyed || stream.readableEnded) throw broken(stream.errored);
    await new Promise<void>((resolve) => {
      const events = ['readable', 'end', 'close', 'error'] as const;
      const done = () => {
        for (const event of events) stream.off(event, done);
        resolve();
      };
      for (const event of events) stream.on(event, done);
    });
  }
}

function broken(cause: unknown): Unavailable {
  return new Unavailable('The connection to the other host was lost.', { cause });
}

function asMessage(text: string): Record<string, unknown> {
  try {
    const message: unknown = JSON.parse(text);
    if (typeof message === 'object' && message !== null) return message as Record<string, unknown>;
  } catch {
    // the same as anything else that is no object
  }
  throw new Unavailable('The other host does not speak as agents do.');
}
