import type { FileHandle } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { blockBytes, returnBlock, takeBlock } from '../blocks.ts';
import { type ByteRange, DataMissing } from '../store.ts';

/** Of a read by those who keep what they get, for whom each needs memory of its own. */
const pieceBytes = 128 * 1024;

/**
 * A file, or a range of it, as a stream that closes it at its end. Read as any other stream it gives pieces to keep; an answer
 * to a client goes out by `writeToStream`, which hapi uses where a payload has it, through two blocks of memory however
 * long it is: reading into one while the other is sent.
 */
export class FileReading extends Readable {
  readonly #file: FileHandle;
  #position: number;
  /** Of the last byte; absent: to the end of the file. */
  readonly #last: number;
  readonly #isWhole: boolean;
  /** The last read: closed before its end, a file's number may be another file's. */
  #reading: Promise<unknown> = Promise.resolve();

  constructor(file: FileHandle, range?: ByteRange) {
    super({ highWaterMark: pieceBytes });
    this.#file = file;
    this.#position = range?.first ?? 0;
    this.#last = range?.last ?? Number.POSITIVE_INFINITY;
    this.#isWhole = range === undefined;
  }

  override _read(): void {
    const bytes = Buffer.allocUnsafeSlow(Math.min(pieceBytes, this.#left()));
    this.#fill(bytes).then(
      (filled) => this.push(filled === 0 ? null : bytes.subarray(0, filled)),
      (error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#reading
      .catch(() => undefined)
      .then(() => this.#file.close())
      .then(
        () => callback(error),
        (failure) => callback(error ?? failure),
      );
  }

  writeToStream(sink: Writable): void {
    this.#writeTo(sink)
      .then(
        () => sink.end(),
        (error) => sink.destroy(error),
      )
      .finally(() => this.destroy());
  }

  async #writeTo(sink: Writable): Promise<void> {
    let [reading, sending] = [takeBlock(), takeBlock()];
    let sent: Promise<void> = Promise.resolve();
    try {
      for (;;) {
        const filled = await this.#fill(reading.subarray(0, Math.min(blockBytes, this.#left())));
        await sent;
        if (filled === 0) return;
        [reading, sending] = [sending, reading];
        sent = written(sink, sending.subarray(0, filled));
        sent.catch(() => undefined); // it is awaited later, maybe after it has failed
      }
    } finally {
      await sent.catch(() => undefined); // told by the await above, unless the file failed before
      returnBlock(reading);
      returnBlock(sending);
    }
  }

  #left(): number {
    return this.#last - this.#position + 1;
  }

  /** How much of it was filled; 0 at the end. Throws `DataMissing` when a range is not all there. */
  async #fill(bytes: Buffer): Promise<number> {
    if (bytes.length === 0) return 0;
    const reading = this.#file.read(bytes, 0, bytes.length, this.#position);
    this.#reading = reading;
    const { bytesRead } = await reading;
    if (bytesRead === 0 && !this.#isWhole) throw new DataMissing('The data ended before its range did.');
    this.#position += bytesRead;
    return bytesRead;
  }
}

/** Resolves once the kernel has the bytes; rejects when the client is gone. */
async function written(sink: Writable, bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    sink.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}
