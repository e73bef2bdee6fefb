/** How much a project has of images, and how much of it it may have by Identity's unified limits. */
import type { Knex } from '../../common/database/database.ts';
import { OverQuota } from '../../common/errors.ts';
import { effectiveLimit } from '../../identity/limits/effective.ts';
import { registryStoreId } from '../stores/stores.ts';

/** The registered limits that count here, by Glance's names. Sizes are MiB. */
export const imageResources = [
  'image_size_total',
  'image_stage_total',
  'image_count_total',
  'image_count_uploading',
] as const;
export type ImageResource = (typeof imageResources)[number];

export interface Quotas {
  db: Knex;
  /** Where the images are: a limit may be for one region. */
  region: string;
}

const mib = 2 ** 20;

/** In bytes, each copy by itself as in Glance, and counts. Data of an image that is being deleted takes room until it is gone. */
interface Used {
  sizeBytes: number;
  /** Of data that waits for its import, or is being imported. */
  stagedBytes: number;
  images: number;
  uploading: number;
}

async function usedBy(db: Knex, projectId: string): Promise<Used> {
  return await db('images')
    .where({ owner: projectId })
    .first({
      // Data that is in the registry counts there.
      sizeBytes: db.raw('coalesce(sum(size_bytes * cardinality(array_remove(stores, ?))), 0)::bigint', [
        registryStoreId,
      ]),
      stagedBytes: db.raw('coalesce(sum(staged_bytes) filter (where staged_id is not null), 0)::bigint'),
      images: db.raw('count(*) filter (where deletion_requested_at is null)'),
      // Also of images that are being deleted, until the data that still comes for them is gone.
      uploading: db.raw('count(coalesce(upload_id, staged_id, import_task_id))'),
    });
}

/** -1: as much as they like, which is so where nobody has registered a limit. */
async function limitOf({ db, region }: Quotas, projectId: string, resourceName: ImageResource): Promise<number> {
  const question = { projectId, serviceType: 'image', regionId: region, resourceName };
  return (await effectiveLimit(db, question)) ?? -1;
}

/** Limit and use of everything that can be limited. */
export async function imageUsage(
  quotas: Quotas,
  projectId: string,
): Promise<Record<ImageResource, { limit: number; usage: number }>> {
  const used = await usedBy(quotas.db, projectId);
  const usage: Record<ImageResource, number> = {
    image_size_total: Math.floor(used.sizeBytes / mib),
    image_stage_total: Math.floor(used.stagedBytes / mib),
    image_count_total: used.images,
    image_count_uploading: used.uploading,
  };
  const entries = imageResources.map(async (name) => [
    name,
    { limit: await limitOf(quotas, projectId, name), usage: usage[name] },
  ]);
  return Object.fromEntries(await Promise.all(entries));
}

/**
 * Throws `OverQuota` when the project may not have one more. Call it in the transaction that adds it: until that ends, others
 * who ask for the same project wait.
 */
export async function checkOneMore(
  { db: trx, region }: Quotas,
  projectId: string,
  name: 'image_count_total' | 'image_count_uploading',
): Promise<void> {
  const limit = await limitOf({ db: trx, region }, projectId, name);
  if (limit < 0) return;
  await holdProject(trx, projectId);
  const { images, uploading } = await usedBy(trx, projectId);
  const usage = name === 'image_count_total' ? images : uploading;
  if (usage + 1 > limit) throw exceeded(name, limit, usage, '1');
}

/**
 * Bytes that the project may still store, or stage; undefined where nothing limits it. In a transaction, others wait for its
 * end.
 */
export async function roomFor(
  { db, region }: Quotas,
  projectId: string,
  name: 'image_size_total' | 'image_stage_total' = 'image_size_total',
): Promise<number | undefined> {
  const limit = await limitOf({ db, region }, projectId, name);
  if (limit < 0) return undefined;
  if (db.isTransaction) await holdProject(db, projectId);
  const { sizeBytes, stagedBytes } = await usedBy(db, projectId);
  return limit * mib - (name === 'image_size_total' ? sizeBytes : stagedBytes);
}

/** Passes data on as long as there is room for it; ends it with `OverQuota` as soon as there is not. */
export async function* withinRoom(
  roomBytes: number | undefined,
  data: AsyncIterable<Buffer>,
  name: ImageResource = 'image_size_total',
): AsyncGenerator<Buffer> {
  let received = 0;
  for await (const chunk of data) {
    received += chunk.length;
    if (roomBytes !== undefined && received > roomBytes) throw noRoom(roomBytes, name);
    yield chunk;
  }
}

/** What an upload is told that does not fit into `roomBytes`. */
export function noRoom(roomBytes: number, name: ImageResource = 'image_size_total'): OverQuota {
  const left = Math.max(0, roomBytes);
  return new OverQuota(`The limit ${name} leaves the project ${left} bytes more for images, which is too little.`);
}

const exceeded = (name: ImageResource, limit: number, usage: number, asked: string) =>
  new OverQuota(`The limit ${name} of the project is ${limit}; ${usage} are in use, and ${asked} more was asked for.`);

async function holdProject(trx: Knex, projectId: string): Promise<void> {
  await trx.raw(`select pg_advisory_xact_lock(hashtextextended('images of ' || ?, 0))`, [projectId]);
}
