/**
 * How a format looks at an upload that passes by once. A format is a generator that asks for bytes, always further on in
 * the stream, or for its end; it holds nothing but what it asked for, so memory is bounded by the largest request.
 */

/** What the data can turn out to be. The ones after `docker` are recognised only to be refused. */
export type ContentFormat =
  | 'raw'
  | 'qcow2'
  | 'vmdk'
  | 'vhd'
  | 'vhdx'
  | 'vdi'
  | 'iso'
  | 'docker'
  | 'mbr'
  | 'gpt'
  | 'luks'
  | 'qcow'
  | 'qed'
  | 'parallels'
  | 'bochs'
  | 'cloop'
  | 'dmg';

export interface Limits {
  /** Bytes a guest may see as its disk. */
  virtualSizeBytes: number;
}

/** What a format says about data that carries its signature. */
export interface Finding {
  format: ContentFormat;
  /** Bytes; null where the format has none (an archive) or the header is not to be trusted. */
  virtualSizeBytes: number | null;
  /** Why it must not be used, as the end of the sentence "The data was refused: …"; null when it may be. */
  refusal: string | null;
}

export interface End {
  /** The last bytes of the stream, at most `tailBytes`. */
  tail: Buffer;
  sizeBytes: number;
}

export type Request = { offset: number; length: number } | 'end';
type Answer = Buffer | End;

/** Runs until it knows; null when the data is not of its format. */
export type Reading<Result = Finding | null> = Generator<Request, Result, Answer>;

export interface Format {
  name: ContentFormat;
  read(limits: Limits): Reading;
}

/** The largest request a format may make; about twenty of them are open at once, most of them far smaller. */
export const maximumReadBytes = 256 * 1024;
/** Enough for a VMDK's footer marker, footer and end-of-stream marker, and for a VHD's or DMG's trailer. */
export const tailBytes = 1536;

/** Bytes at an offset not before the end of the last read; shorter than asked for where the stream ends. */
export function* read(offset: number, length: number): Reading<Buffer> {
  return (yield { offset, length }) as Buffer; // the runner answers an offset with bytes
}

/** Waits for the end of the stream. */
export function* end(): Reading<End> {
  return (yield 'end') as End; // the runner answers 'end' with the end
}

/** The reason of the first check that failed. */
export function firstRefusal(checks: [failed: boolean, reason: string][]): string | null {
  return checks.find(([failed]) => failed)?.[1] ?? null;
}

/** Above 2^53 the number is not exact, and far above every limit it is compared with. */
export const u64be = (bytes: Buffer, offset: number): number => Number(bytes.readBigUInt64BE(offset));
export const u64le = (bytes: Buffer, offset: number): number => Number(bytes.readBigUInt64LE(offset));

/** Feeds one format from the stream. `finding` is undefined until the format has made up its mind. */
export class ReadingRunner {
  finding: Finding | null | undefined;
  readonly #reading: Reading;
  #request: Request = 'end';
  #collected: Buffer[] = [];
  #collectedBytes = 0;
  #nextOffset = 0;

  constructor(format: Format, limits: Limits) {
    this.#reading = format.read(limits);
    this.#accept(this.#reading.next());
  }

  /** Bytes held for an open request. */
  get bufferedBytes(): number {
    return this.#collectedBytes;
  }

  write(chunk: Buffer, position: number): void {
    while (this.finding === undefined && this.#request !== 'end') {
      const { offset, length } = this.#request;
      const from = offset + this.#collectedBytes - position;
      if (from >= chunk.length && length > 0) return;
      const piece = chunk.subarray(from, from + length - this.#collectedBytes);
      // Copied: a slice would keep the whole chunk of the socket in memory.
      this.#collected.push(Buffer.from(piece));
      this.#collectedBytes += piece.length;
      if (this.#collectedBytes < length) return;
      this.#answerRead();
    }
  }

  finish(streamEnd: End): void {
    while (this.finding === undefined) {
      if (this.#request === 'end') this.#accept(this.#reading.next(streamEnd));
      else this.#answerRead();
    }
  }

  #answerRead(): void {
    const bytes = Buffer.concat(this.#collected);
    this.#collected = [];
    this.#collectedBytes = 0;
    this.#accept(this.#reading.next(bytes));
  }

  #accept(step: IteratorResult<Request, Finding | null>): void {
    if (step.done) {
      this.finding = step.value;
      return;
    }
    this.#request = step.value;
    if (step.value === 'end') return;
    const { offset, length } = step.value;
    if (offset < this.#nextOffset || !(length > 0 && length <= maximumReadBytes)) {
      throw new Error(`a format asked for ${length} bytes at ${offset}, having read up to ${this.#nextOffset}`);
    }
    this.#nextOffset = offset + length;
  }
}
