/** What stands around the contents of plain files in a tar, by hand: names and modes that nobody chose. POSIX 1003.1 ustar. */

const blockBytes = 512;

/** Bytes; what eleven octal digits hold. */
export const largestTarEntry = 8 ** 11 - 1;

/** Two empty blocks. */
export const tarEnd = Buffer.alloc(2 * blockBytes);

/** Stands before `size` bytes of content. `name`: at most 100 ASCII characters. */
export function tarHeader(name: string, size: number): Buffer {
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
  return header;
}

/** Stands behind `size` bytes of content: zeros up to the next block, or nothing. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((blockBytes - (size % blockBytes)) % blockBytes);
}
