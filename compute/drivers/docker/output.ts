/**
 * The engine's framing of a program's output without a terminal: a header of eight bytes (stream number, three zeros, length
 * as a big-endian 32-bit integer), then the content. https://docs.docker.com/reference/api/engine/version/v1.41/
 */
const headerBytes = 8;

/** Takes frames as they arrive and keeps the first `limit` bytes of their contents. */
export class OutputCollector {
  readonly #limit: number;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  #header = Buffer.alloc(0);
  #left = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  write(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#left === 0) {
        const missing = headerBytes - this.#header.length;
        this.#header = Buffer.concat([this.#header, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (this.#header.length < headerBytes) return;
        this.#left = this.#header.readUInt32BE(4);
        this.#header = Buffer.alloc(0);
        continue;
      }
      const content = rest.subarray(0, this.#left);
      this.#left -= content.length;
      rest = rest.subarray(content.length);
      const room = content.subarray(0, this.#limit - this.#keptBytes);
      this.#kept.push(Buffer.from(room));
      this.#keptBytes += room.length;
    }
  }

  text(): string {
    return Buffer.concat(this.#kept).toString('utf8');
  }
}

/** Both streams of a whole answer, in the order in which they came. */
export function demultiplexed(framed: Buffer): string {
  const collector = new OutputCollector(framed.length);
  collector.write(framed);
  return collector.text();
}
