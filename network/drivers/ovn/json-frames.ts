/**
 * Cuts a byte stream into JSON texts. OVSDB puts neither lengths nor line ends between its messages (RFC 7047, 4.1), so the
 * end of one is where its outermost bracket closes; brackets inside strings do not count.
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/** V8 makes no longer string than this; a message that big means that the stream is not what we take it for. */
const MAX_MESSAGE_BYTES = 512 * 1024 * 1024 - 32;

export class JsonFrames {
  #parts: Buffer[] = [];
  #bytes = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** Takes the next bytes; returns the messages that they complete. Throws when they are not JSON objects or arrays. */
  push(chunk: Buffer): unknown[] {
    const messages: unknown[] = [];
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      if (!this.#closes(chunk[at]!)) continue;
      this.#parts.push(chunk.subarray(start, at + 1));
      messages.push(JSON.parse(Buffer.concat(this.#parts).toString('utf8')));
      this.#parts = [];
      this.#bytes = 0;
      start = at + 1;
    }
    if (start < chunk.length) {
      this.#parts.push(start === 0 ? chunk : chunk.subarray(start));
      this.#bytes += chunk.length - start;
      if (this.#bytes > MAX_MESSAGE_BYTES) throw new Error(`A message is longer than ${MAX_MESSAGE_BYTES} bytes`);
    }
    return messages;
  }

  /** Whether this byte ends a message. */
  #closes(byte: number): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) this.#inString = false;
      return false;
    }
    if (byte === QUOTE) this.#inString = true;
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      this.#depth--;
      if (this.#depth < 0) throw new Error('A closing bracket without an opening one');
      return this.#depth === 0;
    }
    if (this.#depth === 0 && !isBlank(byte)) throw new Error(`Byte ${byte} between two messages`);
    return false;
  }
}

const isBlank = (byte: number) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
