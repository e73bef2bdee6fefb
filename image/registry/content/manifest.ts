/** Manifests as clients push them: read once, and bounded. The registry server keeps their bytes as they are. */
import { createHash } from 'node:crypto';
import { OciError } from '../errors.ts';
import { isDigest } from '../names.ts';

/** What the specification asks registries to accept at least, and clients to keep to. */
export const largestManifestBytes = 4 * 1024 * 1024;

/** More than any container can be made of; a manifest of 4 MiB could name 40,000. */
const mostReferences = 1000;
const mostAnnotationBytes = 256 * 1024;
/** Of a manifest that is about another: lists of those tell all of them. */
export const mostReferrerAnnotationBytes = 8 * 1024;

const ociImage = 'application/vnd.oci.image.manifest.v1+json';
const dockerImage = 'application/vnd.docker.distribution.manifest.v2+json';
const ociIndex = 'application/vnd.oci.image.index.v1+json';
const dockerList = 'application/vnd.docker.distribution.manifest.list.v2+json';

/** Images, and lists of images for several platforms. */
export const imageTypes = [ociImage, dockerImage];
export const indexTypes = [ociIndex, dockerList];

/** What of a container is configured by: only with one of these is it a container's image. */
export const imageConfigTypes = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os: string; architecture: string };
}

export interface Manifest {
  digest: string;
  mediaType: string;
  sizeBytes: number;
  /** Null for a list of manifests. */
  config: Descriptor | null;
  layers: Descriptor[];
  /** Of a list. */
  manifests: Descriptor[];
  subjectDigest: string | null;
  artifactType: string | null;
  annotations: Record<string, string>;
}

export const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** @throws OciError MANIFEST_INVALID with what is wrong. */
export function readManifest(bytes: Buffer, contentType: string): Manifest {
  const document = parsed(bytes);
  const mediaType = contentType.split(';')[0]!.trim().toLowerCase();
  if (![...imageTypes, ...indexTypes].includes(mediaType))
    throw wrong(`its media type ${JSON.stringify(mediaType)} is not served here`);
  if (document.schemaVersion !== 2) throw wrong('schemaVersion is not 2');
  if (document.mediaType !== undefined && document.mediaType !== mediaType)
    throw wrong('its mediaType is not the Content-Type that it was sent with');
  const isIndex = indexTypes.includes(mediaType);
  // One that is both would be an image to some and a list to others (GHSA-mc8v-mgrf-8f4m).
  if (isIndex ? 'config' in document || 'layers' in document : 'manifests' in document)
    throw wrong('it is an image and a list of images at once');
  const config = isIndex ? null : descriptor(document.config, 'config');
  const artifactType = document.artifactType ?? config?.mediaType ?? null;
  return {
    digest: digestOf(bytes),
    mediaType,
    sizeBytes: bytes.length,
    config,
    layers: isIndex ? [] : descriptors(document.layers, 'layers'),
    manifests: isIndex ? descriptors(document.manifests, 'manifests') : [],
    subjectDigest: document.subject ? descriptor(document.subject, 'subject').digest : null,
    artifactType: typeof artifactType === 'string' ? artifactType.slice(0, 255) : null,
    annotations: annotationsOf(document.annotations),
  };
}

function parsed(bytes: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw wrong('it is not JSON', { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('it is no object');
  return value as Record<string, unknown>;
}

function descriptors(value: unknown, name: string): Descriptor[] {
  if (!Array.isArray(value)) throw wrong(`${name} is not a list`);
  if (value.length > mostReferences) throw wrong(`${name} has more than ${mostReferences} entries`);
  return value.map((one) => descriptor(one, name));
}

function descriptor(value: unknown, name: string): Descriptor {
  const { mediaType, digest, size, urls, platform } = (value ?? {}) as Record<string, unknown>;
  if (typeof mediaType !== 'string' || mediaType.length > 255) throw wrong(`an entry of ${name} has no mediaType`);
  if (typeof digest !== 'string' || !isDigest(digest)) throw wrong(`a digest in ${name} is not a SHA-256`);
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw wrong(`a size in ${name} is no number of bytes`);
  // Whoever pulled it would fetch that from elsewhere.
  if (urls !== undefined && !(Array.isArray(urls) && urls.length === 0)) throw wrong(`an entry of ${name} has URLs`);
  const { os, architecture } = (platform ?? {}) as Record<string, unknown>;
  const isNamed = typeof os === 'string' && typeof architecture === 'string';
  return { mediaType, digest, size: size as number, ...(isNamed && { platform: { os, architecture } }) };
}

function annotationsOf(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw wrong('annotations is no object');
  const entries = Object.entries(value as object);
  if (!entries.every(([, text]) => typeof text === 'string')) throw wrong('an annotation is no text');
  if (JSON.stringify(value).length > mostAnnotationBytes) throw wrong('its annotations are too large');
  if (/\\u0000/i.test(JSON.stringify(value))) throw wrong('an annotation holds a NUL');
  return Object.fromEntries(entries);
}

const wrong = (why: string, options?: ErrorOptions) =>
  new OciError('MANIFEST_INVALID', `The manifest is not valid: ${why}.`, options);
