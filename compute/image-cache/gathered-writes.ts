import type { FileHandle } from 'node:fs/promises';

const gatheredBytes = 2 ** 20;

export interface GatheredWrites {
  /** Returns when more may come: one write is under way while the next is gathered. */
  add(chunk: Buffer): Promise<void>;
  /** Returns when all is written. */
  finish(): Promise<void>;
}

/** Writes what comes in small pieces to a file, from `position` on, a MiB at a time; `written` is told how far it is. */
export function gatherWrites(file: FileHandle, position: number, written: (to: number) => void): GatheredWrites {
  let gathered: Buffer[] = [];
  let bytes = 0;
  let underWay: Promise<void> = Promise.resolve();
  const flush = async () => {
    await underWay;
    const [chunks, from, to] = [gathered, position, position + bytes];
    [gathered, bytes, position] = [[], 0, to];
    underWay = writeAll(file, chunks, from, to).then(() => written(to));
    underWay.catch(() => undefined); // it is thrown to whoever comes next
  };
  return {
    async add(chunk) {
      gathered.push(chunk);
      bytes += chunk.length;
      if (bytes >= gatheredBytes) await flush();
    },
    async finish() {
      await flush();
      await underWay;
    },
  };
}

/** A file system that gets full takes a part, and tells only the next time. */
async function writeAll(file: FileHandle, chunks: Buffer[], from: number, to: number): Promise<void> {
  if (from === to) return;
  const { bytesWritten } = await file.writev(chunks, from);
  if (from + bytesWritten === to) return;
  const rest = Buffer.concat(chunks).subarray(bytesWritten);
  for (let at = from + bytesWritten; at < to; )
    at += (await file.write(rest, at - from - bytesWritten, to - at, at)).bytesWritten;
}
