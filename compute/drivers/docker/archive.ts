/**
 * Image archives are hostile. `docker load` tags whatever names an archive brings, another tenant's too, and unpacks it into
 * a directory of the daemon's. So the daemon never sees the archive: we read which image it holds, and write a new one with
 * that image's layers and a configuration of ours (`archive-config.ts`), under names of our own, tagged with our tag. Paths,
 * links, tags and whatever else the original holds end here.
 *
 * Read are `docker save` archives (a manifest.json, of any version of Docker), and OCI layouts (an index.json).
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { largestTarEntry, tarEnd } from '../../../common/tar.ts';
import { rewrittenConfig } from './archive-config.ts';
import { tarEntry } from './archive-entry.ts';
import { checkLayer } from './archive-layer.ts';
import { BadArchive, manifestOfLayout, manifestOfSave } from './archive-manifest.ts';

const maximumEntries = 20_000;
/** Bytes; what the OCI specification asks registries to accept. */
const maximumJson = 4 * 1024 * 1024;
const maximumUnpacked = 64 * 1024 ** 3;
const maximumLayers = 127; // what overlay2 can stack is 128

/** Where a file's content lies in the archive, in bytes. */
interface Extent {
  offset: number;
  size: number;
}

type Entries = Map<string, Extent | { link: string }>;

/** One image of an archive: how to read it, and its identity. */
export interface ArchivedImage {
  path: string;
  /** As the engine gets it, and not as the archive has it. */
  config: Buffer;
  /** The engine's image id: `sha256:` and the digest of `config`. */
  engineId: string;
  architecture: string;
  layers: Extent[];
}

/** @throws BadArchive with the reason, for the user. */
export async function readArchive(path: string): Promise<ArchivedImage> {
  const file = await open(path, 'r');
  try {
    const entries = await indexEntries(path, file);
    const readJson = async (name: string): Promise<Buffer> => {
      const extent = find(entries, name);
      if (extent.size > maximumJson) throw new BadArchive(`${JSON.stringify(name)} in it is too large`);
      const buffer = Buffer.alloc(extent.size);
      await file.read(buffer, 0, extent.size, extent.offset);
      return buffer;
    };
    const manifest = entries.has('manifest.json')
      ? manifestOfSave(await readJson('manifest.json'))
      : entries.has('index.json')
        ? await manifestOfLayout(await readJson('index.json'), readJson)
        : undefined;
    if (manifest === undefined) throw new BadArchive('it is neither a "docker save" archive nor an OCI layout');
    const { bytes: config, architecture, diffIds } = rewrittenConfig(await readJson(manifest.config));
    const layers = manifest.layers.map((name) => find(entries, name));
    if (layers.some(({ size }) => size === 0 || size > largestTarEntry)) {
      throw new BadArchive('a layer in it is empty or larger than 8 GiB');
    }
    if (diffIds.length !== layers.length || layers.length > maximumLayers) {
      throw new BadArchive('its layers are not those of its configuration, or too many');
    }
    let unpackedBytes = maximumUnpacked;
    for (const [n, { offset, size }] of layers.entries()) {
      const open = (bytes = size) => createReadStream(path, { start: offset, end: offset + Math.min(bytes, size) - 1 });
      unpackedBytes -= await checkLayer(open, diffIds[n]!, { unpackedBytes });
    }
    const engineId = `sha256:${createHash('sha256').update(config).digest('hex')}`;
    return { path, config, engineId, architecture, layers };
  } finally {
    await file.close();
  }
}

/** The archive that the daemon gets. The stream ends with an error when the original cannot be read to its end. */
export function cleanArchive(image: ArchivedImage, tag: string): Readable {
  const manifest = [{ Config: 'config.json', RepoTags: [tag], Layers: image.layers.map((_, n) => `${n}.tar`) }];
  async function* parts() {
    yield* tarEntry('config.json', image.config.length, [image.config]);
    for (const [n, { offset, size }] of image.layers.entries()) {
      yield* tarEntry(`${n}.tar`, size, createReadStream(image.path, { start: offset, end: offset + size - 1 }));
    }
    const json = Buffer.from(JSON.stringify(manifest));
    yield* tarEntry('manifest.json', json.length, [json]);
    yield tarEnd;
  }
  return Readable.from(parts(), { objectMode: false });
}

/** Names and places of all files and links; contents are passed over. A later entry replaces an earlier, as for tar. */
async function indexEntries(path: string, file: FileHandle): Promise<Entries> {
  await refuseCompressed(file);
  const entries: Entries = new Map();
  const reader = extract();
  // It tells some of its errors twice, the second time to nobody; `pipeline` has the first.
  const heard = () => {};
  reader.on('error', heard);
  let count = 0;
  reader.on('entry', (header, content, next) => {
    count += 1;
    if (count > maximumEntries) return next(new BadArchive('it has too many files'));
    const name = posix.normalize(header.name);
    if (header.type === 'file' || header.type === 'contiguous-file') {
      // tar-stream sets it, its types do not say so.
      entries.set(name, { offset: (header as { byteOffset?: number }).byteOffset!, size: header.size ?? 0 });
    } else if (header.type === 'symlink' && header.linkname) {
      // Older versions of Docker save a layer once and link to it from the images that share it.
      entries.set(name, { link: posix.join(posix.dirname(name), header.linkname) });
    } else if (header.type === 'link' && header.linkname) {
      entries.set(name, { link: posix.normalize(header.linkname) });
    }
    content.on('error', heard);
    content.on('end', next);
    content.resume();
  });
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), reader);
  } catch (error) {
    if (error instanceof BadArchive || (error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    throw new BadArchive('it is not a whole tar archive', { cause: error });
  }
  return entries;
}

async function refuseCompressed(file: FileHandle): Promise<void> {
  const { buffer } = await file.read(Buffer.alloc(6), 0, 6, 0);
  const start = buffer.toString('hex');
  if (
    start.startsWith('1f8b') ||
    start.startsWith('28b52ffd') ||
    start.startsWith('fd377a58') ||
    start.startsWith('425a')
  ) {
    throw new BadArchive('it is compressed; upload the archive as "docker save" writes it');
  }
}

/** Follows one link, to a file of this archive; a chain, or a way out of the archive, leads nowhere. */
function find(entries: Entries, name: string): Extent {
  const named = entries.get(posix.normalize(name));
  const found = named !== undefined && 'link' in named ? entries.get(named.link) : named;
  if (found === undefined || 'link' in found) throw new BadArchive(`${JSON.stringify(name)} is missing in it`);
  return found;
}
