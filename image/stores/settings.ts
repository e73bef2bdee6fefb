import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { type Static, Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { validator } from '../../common/http/validate.ts';
import { Secret } from '../../common/secret.ts';
import type { S3Settings } from './s3/client.ts';
import { registryStoreId } from './stores.ts';

const closed = { additionalProperties: false } as const;

/** What every store has. */
const common = {
  id: Type.String({ minLength: 1, maxLength: 64 }),
  /** For people. */
  description: Type.Optional(Type.String({ maxLength: 255 })),
  /** Data is read where this is highest. */
  weight: Type.Optional(Type.Integer({ minimum: -1000, maximum: 1000 })),
  /** Nothing is added. */
  readOnly: Type.Optional(Type.Boolean()),
};

const FilesSchema = Type.Object(
  {
    ...common,
    type: Type.Literal('files'),
    /** Of its own, and the same on all hosts that run the API or controllers. */
    directory: Type.String({ minLength: 1, maxLength: 1024 }),
  },
  closed,
);

const S3Schema = Type.Object(
  {
    ...common,
    type: Type.Literal('s3'),
    endpoint: Type.String({ minLength: 1, maxLength: 1024 }),
    region: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    bucket: Type.String({ minLength: 3, maxLength: 63 }),
    prefix: Type.Optional(Type.String({ maxLength: 255 })),
    accessKeyId: Type.String({ minLength: 1, maxLength: 255 }),
    secretAccessKey: Type.String({ minLength: 1, maxLength: 255 }),
    /** The bucket in the path and not in the host's name; Amazon wants the latter. */
    pathStyle: Type.Optional(Type.Boolean()),
    /** Who vouches for the server's certificate, PEM; absent: whoever usually does. */
    caFile: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
    /** MiB; the largest image is 10,000 times this. */
    partMib: Type.Optional(Type.Integer({ minimum: 5, maximum: 512 })),
  },
  closed,
);

const StoresSchema = Type.Object(
  {
    /** Where data goes when nobody says otherwise; absent: the first. */
    default: Type.Optional(Type.String()),
    stores: Type.Array(Type.Union([FilesSchema, S3Schema]), { minItems: 1, maxItems: 100 }),
  },
  closed,
);

interface CommonSettings {
  id: string;
  description: string;
  weight: number;
  isReadOnly: boolean;
}
export type StoreSettings = CommonSettings &
  /** `isAtHome`: in the data directory. */
  (
    | { type: 'files'; directory: string; isAtHome: boolean }
    | { type: 's3'; s3: Omit<S3Settings, 'caCertificates'>; caFile: string | null }
  );

/** What the operator decided about where images are kept. */
export interface StoresSettings {
  defaultId: string;
  stores: StoreSettings[];
}

const check = validator(StoresSchema, 'body');
/** Glance's default s3_store_large_object_chunk_size. */
const usualPartMib = 10;

/**
 * Reads the operator's file: the one that `imageStoresFile` names or, when that is empty, image-stores.json in the data directory, if
 * there is one; without it images are kept in the data directory. Throws `BadRequest` that says what of it is wrong.
 */
export async function readStoresFile({
  imageStoresFile,
  dataDir,
}: {
  imageStoresFile: string;
  dataDir: string;
}): Promise<StoresSettings> {
  const path = imageStoresFile || join(dataDir, 'image-stores.json');
  try {
    return storesSettings(JSON.parse(await readFile(path, 'utf8')), dataDir);
  } catch (cause) {
    if (imageStoresFile === '' && (cause as { code?: string }).code === 'ENOENT') return usualStores(dataDir);
    throw new BadRequest(`The file of image stores, ${path}: ${(cause as Error).message}`, { cause });
  }
}

const usualStores = (dataDir: string) =>
  storesSettings({ stores: [{ id: 'default', type: 'files', directory: join(dataDir, 'images') }] }, dataDir);

/** Throws `BadRequest`. */
export function storesSettings(content: unknown, dataDir: string): StoresSettings {
  const { default: named, stores: written } = check(content) as Static<typeof StoresSchema>;
  const stores = written.map((store) => ({ ...commonOf(store), ...placeOf(store, dataDir) }));
  const twice = duplicate(stores.map(({ id }) => id));
  if (twice !== undefined) throw new BadRequest(`The store ${twice} is there twice.`);
  // Each sweeps what is in its place and nobody's: two in one place would remove each other's data.
  const place = duplicate(stores.map(placeName));
  if (place !== undefined) throw new BadRequest(`Two stores are in the same place, ${place}.`);
  const usual = named === undefined ? stores[0] : stores.find(({ id }) => id === named);
  if (usual === undefined) throw new BadRequest(`The default store ${named} is none of the stores.`);
  if (usual.isReadOnly) throw new BadRequest(`The default store ${usual.id} cannot be one that takes no data.`);
  return { defaultId: usual.id, stores };
}

type Written = Static<typeof StoresSchema>['stores'][number];

function commonOf({ id, description = '', weight = 0, readOnly = false }: Written): CommonSettings {
  // They are joined by commas, and stand in paths and headers.
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(id) || id.startsWith('os_glance_') || id === registryStoreId)
    throw new BadRequest(
      `${id} cannot be the id of a store: letters, digits, _ . and -, and not os_glance_… or ${registryStoreId}.`,
    );
  return { id, description, weight, isReadOnly: readOnly };
}

function placeOf(store: Written, dataDir: string) {
  if (store.type === 'files') return { type: store.type, ...directoryOf(store.directory, dataDir) };
  const { prefix = '' } = store;
  if (prefix !== '' && !/^([^/]+\/)+$/.test(prefix))
    throw new BadRequest(`The prefix ${prefix} does not end with a slash, or has an empty part.`);
  return {
    type: store.type,
    caFile: store.caFile ?? null,
    s3: {
      endpoint: addressOf(store.endpoint),
      region: store.region ?? 'us-east-1',
      bucket: store.bucket,
      prefix,
      accessKeyId: store.accessKeyId,
      secretAccessKey: new Secret(store.secretAccessKey),
      isPathStyle: store.pathStyle ?? true,
      partBytes: (store.partMib ?? usualPartMib) * 2 ** 20,
    },
  };
}

/** The data directory has other files named by ids, which are not for a store to sweep. */
function directoryOf(directory: string, dataDir: string): { directory: string; isAtHome: boolean } {
  if (!isAbsolute(directory)) throw new BadRequest(`The directory ${directory} is not a path from the root.`);
  const home = join(dataDir, 'images');
  const leadsHome = isWithin(realPath(home), realPath(directory));
  const isElsewhere = isWithin(dataDir, directory) && !isWithin(home, directory);
  const leadsElsewhere = isWithin(realPath(dataDir), realPath(directory)) && !leadsHome;
  if (isElsewhere || leadsElsewhere)
    throw new BadRequest(`The directory ${directory} is in the data directory, where stores are in images only.`);
  return { directory: resolve(directory), isAtHome: leadsHome && isWithin(home, directory) };
}

function isWithin(outer: string, inner: string): boolean {
  const way = relative(resolve(outer), resolve(inner));
  return way !== '..' && !way.startsWith('../') && !isAbsolute(way);
}

/** Where it leads through symbolic links, as far as it is there. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return dirname(path) === path ? path : join(realPath(dirname(path)), basename(path));
  }
}

function addressOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!isPlain || !['http:', 'https:'].includes(url.protocol))
    throw new BadRequest(`${text} is not the address of an S3 server.`);
  return url.href;
}

const placeName = (store: StoreSettings): string =>
  store.type === 'files' ? realPath(store.directory) : `${store.s3.endpoint} ${store.s3.bucket}/${store.s3.prefix}`;

const duplicate = (names: string[]): string | undefined => names.find((name, i) => names.indexOf(name) !== i);
