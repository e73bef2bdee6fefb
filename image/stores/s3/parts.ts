/** A piece of the data, of the full size unless it is the last. */
export interface Part {
  bytes: Buffer;
  /** The memory may be used for another part. */
  release(): void;
}

/** Cuts data into parts of one size, in as many buffers as are not released yet. */
export async function* inParts(data: AsyncIterable<Buffer>, partBytes: number): AsyncGenerator<Part> {
  const free: Buffer[] = [];
  const take = () => free.pop() ?? Buffer.allocUnsafeSlow(partBytes);
  const part = (buffer: Buffer, length: number): Part => ({
    bytes: buffer.subarray(0, length),
    release: () => void free.push(buffer),
  });
  let buffer: Buffer | undefined;
  let filled = 0;
  for await (const chunk of data) {
    for (let used = 0; used < chunk.length; ) {
      buffer ??= take();
      const copied = chunk.copy(buffer, filled, used);
      used += copied;
      filled += copied;
      if (filled < partBytes) continue;
      yield part(buffer, filled);
      buffer = undefined;
      filled = 0;
    }
  }
  if (buffer !== undefined) yield part(buffer, filled);
}
