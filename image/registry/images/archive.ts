/**
 * An image of the registry as one file, put together while it is read: an OCI layout with the `manifest.json` of `docker save`
 * beside it, so that whoever reads either finds it. The same manifest makes the same bytes, whatever its tag and whichever part is
 * asked for, and has to for ever: checksums of images are of them.
 */
import { Readable } from 'node:stream';
import { tarEnd, tarHeader, tarPadding } from '../../../common/tar.ts';
import type { ByteRange } from '../../stores/store.ts';
import { digestOf, type Manifest } from '../content/manifest.ts';
import type { Upstream } from '../upstream.ts';

/** Where the bytes come from. */
export interface ArchiveSource {
  upstream: Pick<Upstream, 'openBlob'>;
  repositoryId: string;
  manifest: Manifest;
  manifestBytes: Buffer;
}

interface Segment {
  size: number;
  /** From `first` to `last` of its own bytes. */
  open(range: ByteRange): AsyncIterable<Buffer> | Promise<AsyncIterable<Buffer>>;
}

export interface Archive {
  sizeBytes: number;
  /** Both ends of a range belong to it. */
  open(range?: ByteRange): Readable;
}

export function archiveOf(source: ArchiveSource): Archive {
  const segments = segmentsOf(source);
  const sizeBytes = segments.reduce((sum, { size }) => sum + size, 0);
  return {
    sizeBytes,
    open: (range = { first: 0, last: sizeBytes - 1 }) =>
      Readable.from(read(segments, range), { objectMode: false, highWaterMark: 256 * 1024 }),
  };
}

async function* read(segments: Segment[], { first, last }: ByteRange): AsyncGenerator<Buffer> {
  let start = 0;
  for (const segment of segments) {
    const end = start + segment.size - 1;
    if (end >= first && start <= last && segment.size > 0)
      yield* await segment.open({ first: Math.max(0, first - start), last: Math.min(end, last) - start });
    start = end + 1;
  }
}

function segmentsOf({ upstream, repositoryId, manifest, manifestBytes }: ArchiveSource): Segment[] {
  const { config, layers } = manifest;
  if (config === null) throw new Error(`${manifest.digest} is no image`);
  const path = (digest: string) => `blobs/sha256/${digest.slice('sha256:'.length)}`;
  const described = { mediaType: manifest.mediaType, digest: manifest.digest, size: manifestBytes.length };
  const documents: [string, unknown][] = [
    ['oci-layout', { imageLayoutVersion: '1.0.0' }],
    ['index.json', { schemaVersion: 2, manifests: [described] }],
    [
      'manifest.json',
      [{ Config: path(config.digest), RepoTags: null, Layers: layers.map(({ digest }) => path(digest)) }],
    ],
  ];
  const blobs = new Map([config, ...layers].map(({ digest, size }) => [digest, size]));
  return [
    ...documents.flatMap(([name, value]) => file(name, inMemory(Buffer.from(JSON.stringify(value))))),
    ...file(path(manifest.digest), inMemory(manifestBytes)),
    ...[...blobs].flatMap(([digest, size]) =>
      file(path(digest), { size, open: (range) => blobBytes(upstream, repositoryId, digest, size, range) }),
    ),
    inMemory(tarEnd),
  ];
}

const inMemory = (bytes: Buffer): Segment => ({
  size: bytes.length,
  open: async function* ({ first, last }) {
    yield bytes.subarray(first, last + 1);
  },
});

async function* blobBytes(
  upstream: Pick<Upstream, 'openBlob'>,
  repositoryId: string,
  digest: string,
  size: number,
  { first, last }: ByteRange,
): AsyncGenerator<Buffer> {
  const isWhole = first === 0 && last === size - 1;
  const headers = isWhole ? {} : { range: `bytes=${first}-${last}` };
  let received = 0;
  for await (const chunk of await upstream.openBlob(repositoryId, digest, headers)) {
    received += (chunk as Buffer).length;
    yield chunk as Buffer;
  }
  if (received !== last - first + 1) throw new Error(`blob ${digest} came with ${received} bytes`);
}

function file(name: string, content: Segment): Segment[] {
  const padding = tarPadding(content.size);
  return [inMemory(tarHeader(name, content.size)), content, ...(padding.length > 0 ? [inMemory(padding)] : [])];
}

/** Throws when the bytes are not those of `digest`: what the registry server gives is as it was pushed. */
export function checkDigest(bytes: Buffer, digest: string): Buffer {
  if (digestOf(bytes) !== digest) throw new Error(`the registry gave other bytes for ${digest}`);
  return bytes;
}
