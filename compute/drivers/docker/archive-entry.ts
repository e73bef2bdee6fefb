/** Writes plain files as tar, by hand: a stream of ours, that fails as streams do, and names and modes that nobody chose. */

/** Bytes; what eleven octal digits hold. */
export const largestEntry = 8 ** 11 - 1;

const blockBytes = 512;

/** Two empty blocks. */
export const tarEnd = Buffer.alloc(2 * blockBytes);

/**
 * One file: POSIX 1003.1 ustar.
 * @param name at most 100 ASCII characters.
 * @throws when `content` is not of `size` bytes.
 */
export async function* tarEntry(
  name: string,
  size: number,
  content: AsyncIterable<Buffer> | Buffer[],
): AsyncGenerator<Buffer> {
  const header = Buffer.alloc(blockBytes);
  header.write(name, 0, 100, 'ascii');
  header.write('0000644\0', 100);
  header.write('0000000\0', 108); // owner
  header.write('0000000\0', 116); // group
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136); // time
  header.write('        0', 148); // the checksum counts as spaces; a regular file
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  yield header;
  let written = 0;
  for await (const chunk of content) {
    written += chunk.length;
    yield chunk;
  }
  if (written !== size) throw new Error(`${name} has ${written} bytes and not ${size}`);
  const rest = size % blockBytes;
  if (rest > 0) yield Buffer.alloc(blockBytes - rest);
}
