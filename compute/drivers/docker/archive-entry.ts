/** Writes plain files as tar: a stream of ours, that fails as streams do. */
import { tarHeader, tarPadding } from '../../../common/tar.ts';

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
  yield tarHeader(name, size);
  let written = 0;
  for await (const chunk of content) {
    written += chunk.length;
    yield chunk;
  }
  if (written !== size) throw new Error(`${name} has ${written} bytes and not ${size}`);
  const padding = tarPadding(size);
  if (padding.length > 0) yield padding;
}
