/**
 * The image configuration that the engine gets: written by us, from what was checked and nothing else. Bytes of the tenant's
 * would be read twice, and differently: the engine's decoder ignores the case of keys and takes the last of them, so that
 * after the `rootfs` that we looked at a `RootFS` could name another project's layers.
 */
import { BadArchive } from './archive-manifest.ts';

export interface ImageConfig {
  /** What the engine's image id is the digest of. The same configuration gives the same bytes. */
  bytes: Buffer;
  /** Empty when the image does not say. */
  architecture: string;
  /** Of the layers as unpacked: `sha256:` and 64 hexadecimal digits. Nobody has compared them with the layers yet. */
  diffIds: string[];
}

/** @throws BadArchive with the reason, for the user. */
export function rewrittenConfig(json: Buffer): ImageConfig {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json.toString('utf8'));
  } catch (error) {
    throw new BadArchive('its configuration is not JSON', { cause: error });
  }
  const image = record(parsed, 'whole');
  if ((image.os ?? 'linux') !== 'linux') throw new BadArchive('it is not for Linux');
  const diffIds = optional(image.rootfs, 'rootfs', record)?.diff_ids;
  if (!Array.isArray(diffIds)) throw new BadArchive('its configuration names no layers');
  if (!diffIds.every(isDiffId)) throw new BadArchive('a digest in its configuration is not a SHA-256');
  const architecture = optional(image.architecture, 'architecture', text) ?? '';
  const bytes = Buffer.from(
    // `undefined` is left out, and a key that is not here does not reach the engine.
    JSON.stringify({
      architecture: architecture === '' ? undefined : architecture,
      os: 'linux',
      variant: optional(image.variant, 'variant', text),
      'os.version': optional(image['os.version'], 'os.version', text),
      created: optional(image.created, 'created', time),
      author: optional(image.author, 'author', text),
      config: optional(image.config, 'config', containerDefaults),
      rootfs: { type: 'layers', diff_ids: diffIds },
      history: optional(image.history, 'history', (value) => history(value, diffIds.length)),
    }),
  );
  return { bytes, architecture, diffIds };
}

/**
 * What a container takes over from its image. Left out are Volumes, which would be mounts that nobody measures, and what no
 * container of ours uses: ExposedPorts, Healthcheck, OnBuild, Shell.
 */
function containerDefaults(value: unknown, name: string) {
  const config = record(value, name);
  return {
    User: optional(config.User, 'User', text),
    Env: optional(config.Env, 'Env', texts),
    Cmd: optional(config.Cmd, 'Cmd', argv),
    Entrypoint: optional(config.Entrypoint, 'Entrypoint', argv),
    WorkingDir: optional(config.WorkingDir, 'WorkingDir', text),
    Labels: optional(config.Labels, 'Labels', textsByName),
    StopSignal: optional(config.StopSignal, 'StopSignal', text),
  };
}

function history(value: unknown, layers: number) {
  const steps = list(value, 'history').map((one) => {
    const step = record(one, 'history');
    return {
      created: optional(step.created, 'history', time),
      created_by: optional(step.created_by, 'history', text),
      author: optional(step.author, 'history', text),
      comment: optional(step.comment, 'history', text),
      empty_layer: optional(step.empty_layer, 'history', truth),
    };
  });
  if (steps.filter((step) => step.empty_layer !== true).length > layers) throw wrong('history'); // the engine fails on it
  return steps;
}

/** What checks a value and gives it as it is to be written. */
type Check<T> = (value: unknown, name: string) => T;

/** `null` says nothing, as for the engine. */
function optional<T>(value: unknown, name: string, check: Check<T>): T | undefined {
  return value === undefined || value === null ? undefined : check(value, name);
}

function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(name);
  return value as Record<string, unknown>;
}

function list(value: unknown, name: string): unknown[] {
  if (!Array.isArray(value)) throw wrong(name);
  return value;
}

function text(value: unknown, name: string): string {
  if (typeof value !== 'string' || value.includes('\0')) throw wrong(name);
  return value;
}

function truth(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw wrong(name);
  return value;
}

const texts: Check<string[]> = (value, name) => list(value, name).map((one) => text(one, name));

/** Old images have one text for a list of one. */
const argv: Check<string[]> = (value, name) => (typeof value === 'string' ? [text(value, name)] : texts(value, name));

const textsByName: Check<Record<string, string>> = (value, name) =>
  Object.fromEntries(Object.entries(record(value, name)).map(([key, one]) => [text(key, name), text(one, name)]));

/** RFC 3339, to the millisecond: the engine fails on a date that is none, and on years of more than four digits. */
function time(value: unknown, name: string): string {
  const read = text(value, name);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(read)) throw wrong(name);
  const date = new Date(read);
  if (Number.isNaN(date.getTime())) throw wrong(name);
  const written = date.toISOString();
  if (!/^\d{4}-/.test(written)) throw wrong(name);
  return written;
}

function isDiffId(value: unknown): value is string {
  return typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value);
}

const wrong = (name: string) => new BadArchive(`its configuration is not valid (${name})`);
