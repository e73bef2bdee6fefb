/**
 * A file without what is empty in it, as a stream: pieces one after the other, each its offset and its length in bytes (8 and 4
 * bytes, the highest first) and its data.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { PermanentFailure } from '../../../common/errors.ts';

const pieceBytes = 2 ** 20;
const headerBytes = 12;
const nothing = Buffer.alloc(pieceBytes);

/** Reading a hole costs no disk, and comparing it less than that: 100 GiB of them take about half a minute. */
export async function* readPieces(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    let piece = Buffer.allocUnsafe(headerBytes + pieceBytes);
    for (let offset = 0; ; offset += pieceBytes) {
      const bytesRead = await readWhole(file, piece.subarray(headerBytes), offset);
      if (bytesRead === 0) return;
      const data = piece.subarray(headerBytes, headerBytes + bytesRead);
      if (data.equals(nothing.subarray(0, bytesRead))) continue;
      piece.writeBigUInt64BE(BigInt(offset), 0);
      piece.writeUInt32BE(bytesRead, 8);
      yield piece.subarray(0, headerBytes + bytesRead);
      piece = Buffer.allocUnsafe(headerBytes + pieceBytes); // who got the last one may still be reading it
    }
  } finally {
    await file.close();
  }
}

/** Less than asked for only at the end of the file. */
async function readWhole(file: FileHandle, buffer: Buffer, offset: number): Promise<number> {
  for (let had = 0; had < buffer.length; ) {
    const { bytesRead } = await file.read(buffer, had, buffer.length - had, offset + had);
    if (bytesRead === 0) return had;
    had += bytesRead;
  }
  return buffer.length;
}

/** Into a file of that size which is all hole. @throws PermanentFailure when that is not what `readPieces` gave of one as large. */
export async function writePieces(file: FileHandle, sizeBytes: number, data: AsyncIterable<Buffer>): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  let [offset, left] = [0, 0];
  for await (const chunk of data) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      if (left === 0) {
        if (rest.length < headerBytes) break;
        [offset, left] = [Number(rest.readBigUInt64BE(0)), rest.readUInt32BE(8)];
        if (left === 0 || offset + left > sizeBytes)
          throw new PermanentFailure('What came is not a disk of that size.');
        rest = rest.subarray(headerBytes);
      }
      const mine = rest.subarray(0, left);
      if (mine.length === 0) break;
      await writeWhole(file, mine, offset);
      [offset, left, rest] = [offset + mine.length, left - mine.length, rest.subarray(mine.length)];
    }
  }
  if (left > 0 || rest.length > 0) throw new PermanentFailure('What came of a disk ends in the middle.');
}

async function writeWhole(file: FileHandle, data: Buffer, offset: number): Promise<void> {
  for (let done = 0; done < data.length; )
    done += (await file.write(data, done, data.length - done, offset + done)).bytesWritten;
}
