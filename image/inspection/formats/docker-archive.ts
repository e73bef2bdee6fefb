import { type Format, type Reading, read } from '../reader.ts';
import { behind, type Entry, isHeader, readEntry } from './tar.ts';

const block = 512;
/** An image has at most 127 layers, of up to four entries each; both bounds keep what is remembered below a MiB. */
const maximumEntries = 2048;
const maximumNameLength = 255;
const maximumManifestBytes = 128 * 1024;
const paddingReadBytes = 64 * 1024;
const documentNames = ['manifest.json', 'index.json'];

/**
 * What `docker save` writes, by Docker's image specification 1.2: a tar with a manifest.json that names one image's
 * configuration and layers, all of them in it. Or an OCI image layout in a tar (OCI image specification 1.1, image-layout.md),
 * whose index.json names one image. Nothing in it may point outside of it, for Docker unpacks it as root.
 */
export const dockerArchive: Format = {
  name: 'docker',
  *read() {
    const header = yield* read(0, block);
    if (!isHeader(header)) return null;
    return { format: 'docker', virtualSizeBytes: null, refusal: yield* archiveRefusal(header) };
  },
};

function* archiveRefusal(firstHeader: Buffer): Reading<string | null> {
  const files = new Set<string>();
  const documents = new Map<string, Buffer>();
  let header: Buffer | undefined = firstHeader;
  let offset = 0;
  for (let count = 0; count <= maximumEntries; count++) {
    const entry = yield* readEntry(offset, header);
    header = undefined;
    if (entry === 'end') return contentRefusal(documents, files) ?? (yield* paddingRefusal(offset + block));
    if ('refusal' in entry) return entry.refusal;
    const name = entry.name.replace(/^(\.\/)+/, '').replace(/\/$/, '');
    const bad = entryRefusal(entry, name);
    if (bad !== null) return bad;
    if (entry.kind !== 'directory') {
      if (files.has(name)) return 'its archive has an entry twice';
      files.add(name);
    }
    if (documentNames.includes(name)) {
      if (entry.kind !== 'file' || entry.sizeBytes === 0) return `its ${name} is not a file with content`;
      if (entry.sizeBytes > maximumManifestBytes) return `its ${name} is absurdly large`;
      documents.set(name, yield* read(entry.dataOffset, entry.sizeBytes));
    }
    offset = behind(entry);
  }
  return `its archive has more than ${maximumEntries} entries`;
}

function entryRefusal(entry: Entry, name: string): string | null {
  if (entry.kind === 'other') return 'its archive has an entry that is neither file, directory nor link';
  if (!staysInside(name)) return 'its archive has an entry whose name leads out of it';
  const base = entry.kind === 'symlink' ? `${name}/../` : '';
  const isLink = entry.kind === 'symlink' || entry.kind === 'hardlink';
  if (isLink && (entry.linkName.startsWith('/') || !staysInside(base + entry.linkName))) {
    return 'its archive has a link that leads out of it';
  }
  return null;
}

function staysInside(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (path.length > 2 * maximumNameLength || path.startsWith('/') || /[\x00-\x1f\x7f]/.test(path)) return false;
  let depth = 0;
  for (const part of path.split('/')) {
    if (part === '..') depth--;
    else if (part !== '' && part !== '.') depth++;
    if (depth < 0) return false;
  }
  return true;
}

/** Who finds a manifest.json looks no further, here as on hosts. */
function contentRefusal(documents: Map<string, Buffer>, files: Set<string>): string | null {
  const [manifest, index] = documentNames.map((name) => documents.get(name));
  if (manifest !== undefined) return manifestRefusal(manifest, files);
  if (index !== undefined && files.has('oci-layout')) return indexRefusal(index, files);
  return 'it is an archive without the manifest.json that `docker save` writes, and no OCI image layout';
}

/** Docker loads every image that the manifest lists; which of several a container should run would be a guess. */
function manifestRefusal(manifest: Buffer, files: Set<string>): string | null {
  let images: unknown;
  try {
    images = JSON.parse(manifest.toString('utf8'));
  } catch {
    return 'its manifest.json is not JSON';
  }
  if (!Array.isArray(images) || images.length !== 1) return 'its manifest.json does not list exactly one image';
  const { Config: config, Layers: layers } = (images[0] ?? {}) as { Config?: unknown; Layers?: unknown };
  if (typeof config !== 'string' || !Array.isArray(layers))
    return 'its manifest.json names no configuration and layers';
  const missing = [config, ...layers].find((path) => typeof path !== 'string' || !files.has(path));
  return missing === undefined ? null : 'its manifest.json names a file that is not in the archive';
}

/** What the one that it names is made of, hosts look at before they use it. */
function indexRefusal(index: Buffer, files: Set<string>): string | null {
  let manifests: unknown;
  try {
    manifests = (JSON.parse(index.toString('utf8')) as { manifests?: unknown } | null)?.manifests;
  } catch {
    return 'its index.json is not JSON';
  }
  const listed: unknown[] = Array.isArray(manifests) ? manifests : [];
  const images = listed.filter((one) => !isAttestation(one));
  if (images.length !== 1) return 'its index.json does not list exactly one image';
  const [, digest] = /^sha256:([0-9a-f]{64})$/.exec(String((images[0] as { digest?: unknown } | null)?.digest)) ?? [];
  if (digest === undefined) return 'its index.json names an image by something else than a SHA-256';
  return files.has(`blobs/sha256/${digest}`) ? null : 'its index.json names a file that is not in the archive';
}

/** What buildx stores beside an image, as if it were one. */
function isAttestation(descriptor: unknown): boolean {
  const { annotations } = (descriptor ?? {}) as { annotations?: Record<string, unknown> | null };
  return annotations?.['vnd.docker.reference.type'] === 'attestation-manifest';
}

/** After the end of the archive stand only zeros: anything else would be a second thing in the same file. */
function* paddingRefusal(offset: number): Reading<string | null> {
  for (let at = offset; ; at += paddingReadBytes) {
    const bytes = yield* read(at, paddingReadBytes);
    if (bytes.some((byte) => byte !== 0)) return 'it has data behind the end of its archive';
    if (bytes.length < paddingReadBytes) return null;
  }
}
