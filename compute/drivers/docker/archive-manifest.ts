/** Which configuration and layers make up the one image of an archive, by their names in it. */
import { PermanentFailure } from '../../../common/errors.ts';

/** The message tells the user why. */
export class BadArchive extends PermanentFailure {
  constructor(why: string, options?: ErrorOptions) {
    super(`The container image cannot be used: ${why}.`, options);
  }
}

export interface ArchiveManifest {
  config: string;
  layers: string[];
}

/** `manifest.json` of `docker save`: https://github.com/moby/moby/blob/v20.10.24/image/spec/v1.2.md */
export function manifestOfSave(json: Buffer): ArchiveManifest {
  const images = parse(json);
  if (!Array.isArray(images)) throw new BadArchive('its manifest.json is not a list');
  if (images.length !== 1) throw new BadArchive(`it holds ${images.length} images; save one alone`);
  const { Config: config, Layers: layers } = (images[0] ?? {}) as { Config?: unknown; Layers?: unknown };
  if (typeof config !== 'string' || !isTexts(layers)) throw new BadArchive('its manifest.json is not complete');
  return { config, layers };
}

/** `index.json` of an OCI layout: one image, directly or below one more index. */
export async function manifestOfLayout(
  json: Buffer,
  readJson: (name: string) => Promise<Buffer>,
): Promise<ArchiveManifest> {
  let document = parse(json) as OciDocument;
  for (let depth = 0; depth < 3; depth += 1) {
    if (Array.isArray(document?.manifests)) {
      const [only, ...more] = (document.manifests as Descriptor[]).filter((one) => !isAttestation(one));
      if (only === undefined || more.length > 0) {
        throw new BadArchive('it does not hold exactly one image; save one image for one platform');
      }
      document = parse(await readJson(blobOf(only))) as OciDocument;
    } else if (Array.isArray(document?.layers) && document.config !== undefined) {
      return { config: blobOf(document.config), layers: (document.layers as Descriptor[]).map(blobOf) };
    }
  }
  throw new BadArchive('its index.json leads to no image');
}

interface Descriptor {
  digest?: unknown;
  annotations?: Record<string, unknown> | null;
}

interface OciDocument {
  manifests?: unknown;
  layers?: unknown;
  config?: Descriptor;
}

/** What buildx stores beside an image, as if it were one. */
function isAttestation(descriptor: Descriptor): boolean {
  return descriptor?.annotations?.['vnd.docker.reference.type'] === 'attestation-manifest';
}

function blobOf(descriptor: Descriptor): string {
  const [, digest] = /^sha256:([0-9a-f]{64})$/.exec(String(descriptor?.digest)) ?? [];
  if (digest === undefined) throw new BadArchive('a digest in it is not a SHA-256');
  return `blobs/sha256/${digest}`;
}

function parse(json: Buffer): unknown {
  try {
    return JSON.parse(json.toString('utf8'));
  } catch (error) {
    throw new BadArchive('its manifest is not JSON', { cause: error });
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
