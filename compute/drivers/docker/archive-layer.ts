/**
 * Reads a layer to its end before the engine does. The engine takes a layer that it has already for the one in the archive,
 * going by the digest in the configuration: whoever knew the digest of another project's layer would get its content. Only
 * who brings a layer may use it.
 */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract } from 'tar-stream';
import { BadArchive } from './archive-manifest.ts';

export interface LayerLimits {
  /** Bytes of all layers of an image together, as unpacked. */
  unpackedBytes: number;
}

/**
 * @param open gives the layer's content from its beginning, each time.
 * @param diffId `sha256:` and the digest of the layer as unpacked, by the image's configuration.
 * @returns how many bytes it has as unpacked.
 * @throws BadArchive when it is another layer, damaged, too large, or would be larger on the disk than it is here.
 */
export async function checkLayer(
  open: (bytes?: number) => Readable,
  diffId: unknown,
  { unpackedBytes }: LayerLimits,
): Promise<number> {
  const unpack = await decompressor(open(6));
  const digest = createHash('sha256');
  const reader = sparseRefusing();
  let total = 0;
  const measured = async function* (content: AsyncIterable<Buffer>) {
    for await (const chunk of content) {
      total += chunk.length;
      if (total > unpackedBytes) throw new BadArchive('its layers are too large when unpacked');
      digest.update(chunk);
      yield chunk;
    }
  };
  try {
    await (unpack === undefined ? pipeline(open(), measured, reader) : pipeline(open(), unpack, measured, reader));
  } catch (error) {
    if (error instanceof BadArchive || (error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    throw new BadArchive('a layer in it is damaged', { cause: error });
  }
  if (`sha256:${digest.digest('hex')}` !== diffId)
    throw new BadArchive('a layer in it is not that of its configuration');
  return total;
}

async function decompressor(beginning: Readable) {
  const magic = Buffer.concat(await beginning.toArray()).toString('hex');
  if (magic.startsWith('1f8b')) return createGunzip();
  if (magic.startsWith('28b52ffd')) return createZstdDecompress();
  if (magic.startsWith('fd377a58') || magic.startsWith('425a68')) {
    throw new BadArchive('a layer in it is compressed with xz or bzip2; gzip and zstd can be read');
  }
  return undefined;
}

/** A sparse file says how large it is and holds next to nothing: the engine would write its zeros out, terabytes of them. */
function sparseRefusing() {
  // Types of tar-stream leave this out. A tar without a magic is one all the same, its checksums are looked at.
  const reader = extract({ allowUnknownFormat: true } as object);
  const heard = () => {}; // `pipeline` has the error; it is told once more, to nobody
  reader.on('error', heard);
  reader.on('entry', (header, content, next) => {
    content.on('error', heard);
    const extended = Object.keys((header.pax as object | null | undefined) ?? {});
    if (header.type === null || extended.some((key) => key.startsWith('GNU.sparse.'))) {
      return next(new BadArchive('a layer in it holds sparse files, or files of an unknown kind'));
    }
    content.on('end', next);
    content.resume();
  });
  return reader;
}
