import { readFile } from 'node:fs/promises';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import { knownDataIds } from '../images/copies.ts';
import { openFileStore } from './files/files.ts';
import type { Owner } from './owner.ts';
import type { StoreSettings, StoresSettings } from './settings.ts';
import { findStore, type ImageStores, type NamedStore } from './stores.ts';

/**
 * Opens what the operator has configured; `more` are the cloud's own, which is told from others by `cloud`. Throws `BadRequest` that
 * names the store whose settings cannot be used. Asks none of them whether it works.
 */
export async function openStores(
  { defaultId, stores }: StoresSettings,
  cloud: StoreCloud,
  more: readonly NamedStore[] = [],
): Promise<ImageStores> {
  const all = [...(await Promise.all(stores.map((store) => openStore(store, cloud)))), ...more];
  return { all, default: all.find(({ id }) => id === defaultId)! }; // the settings made sure of it
}

async function openStore(settings: StoreSettings, cloud: StoreCloud): Promise<NamedStore> {
  const { id, description, weight, isReadOnly } = settings;
  const common = { id, description, weight, isReadOnly };
  const owner: Owner = {
    cloudId: cloud.id,
    storeId: id,
    isAtHome: settings.type === 'files' && settings.isAtHome,
    known: (ids) => cloud.known(id, ids),
  };
  if (settings.type === 'files') {
    const { directory } = settings;
    return { ...common, type: 'files', properties: { data_dir: directory }, data: openFileStore(directory, owner) };
  }
  const { s3, caFile } = settings;
  const caCertificates = caFile === null ? null : await readCertificates(id, caFile);
  const { openS3Store } = await import('./s3/s3.ts'); // 150 ms and 30 MB that only those who use it pay
  const properties = {
    s3_store_host: s3.endpoint,
    s3_store_bucket: s3.bucket,
    s3_store_large_object_chunk_size: s3.partBytes / 2 ** 20,
  };
  return { ...common, type: 's3', properties, data: openS3Store({ ...s3, caCertificates }, owner) };
}

async function readCertificates(id: string, path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new BadRequest(`The certificates of image store ${id}: ${(cause as Error).message}`, { cause });
  });
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new BadRequest(`The certificates of image store ${id}: there is none in ${path}.`);
  return text;
}

/** By which stores that several clouds could reach tell whose they are. */
export interface StoreCloud {
  id: string;
  /** Those of the ids that data in this store is known by. */
  known(store: string, ids: string[]): Promise<ReadonlySet<string>>;
}

export async function readStoreCloud(db: Knex): Promise<StoreCloud> {
  const { id } = await db('image_cloud').first('id');
  return { id, known: (store, ids) => knownDataIds(db, store, ids) };
}

/** Tells the operator of stores that images say they are in and that this cloud does not have. */
export async function reportMissingStores(db: Knex, stores: ImageStores, log: Logger): Promise<void> {
  const rows: { store: string; images: number }[] = await db('image_copies')
    .groupBy('store')
    .select('store', db.raw('count(*)::integer as images'));
  for (const { store, images } of rows)
    if (findStore(stores, store) === undefined)
      log.error({ store, images }, 'images have data in a store that the configuration does not name');
}
