/** All the SQL of hosts' images: what each has (written by its agent alone), and what it is asked for (by administrators). */
import type { Knex } from '../../common/database/database.ts';
import type { CachedImageKind } from '../../image/cache/host-caches.ts';
import type { CacheRecords } from './cache.ts';

/** Where an agent writes down what its host has. */
export interface HostImageRecords extends CacheRecords {
  /** Makes the rows those of `here`, and says of the ones in `used` that they are in use now. */
  keep(here: readonly { imageId: string; sizeBytes: number }[], used: ReadonlySet<string>): Promise<void>;
  /** Seconds since each was last used, by image. */
  idleSeconds(): Promise<Map<string, number>>;
  /** Bytes of each when it was placed. */
  sizes(): Promise<Map<string, number>>;
}

/** Those of one host and kind. A host that has not reported yet has no rows, and gets them with its next sweep. */
export function hostImageRecords(db: Knex, hostName: string, kind: CachedImageKind): HostImageRecords {
  const ownHost = () => db('compute_hosts').where({ name: hostName });
  const own = () => db('host_images').where({ kind }).whereIn('host_id', ownHost().select('id'));
  const add = async (images: readonly { imageId: string; sizeBytes: number }[]) => {
    if (images.length === 0) return;
    await db.raw(
      `insert into host_images (host_id, image_id, kind, size_bytes)
       select h.id, i.image_id, :kind, i.size_bytes
       from compute_hosts h, unnest(:ids::uuid[], :sizes::bigint[]) as i (image_id, size_bytes)
       where h.name = :hostName
       on conflict (host_id, image_id) do update
         set kind = excluded.kind, size_bytes = excluded.size_bytes, placed_at = now(), used_at = now()
         where (host_images.kind, host_images.size_bytes) is distinct from (excluded.kind, excluded.size_bytes)`,
      { kind, hostName, ids: images.map(({ imageId }) => imageId), sizes: images.map(({ sizeBytes }) => sizeBytes) },
    );
  };
  return {
    placed: (imageId, sizeBytes) => add([{ imageId, sizeBytes }]),
    async used(imageId, times) {
      await own()
        .where({ image_id: imageId })
        .update({ hits: db.raw('hits + ?', [times]), used_at: db.fn.now() });
    },
    async removed(imageId) {
      await own().where({ image_id: imageId }).delete();
    },
    async keep(here, used) {
      const ids = here.map(({ imageId }) => imageId);
      await own().whereRaw('image_id <> all(?::uuid[])', [ids]).delete();
      await add(here);
      await own()
        .whereRaw('image_id = any(?::uuid[])', [[...used]])
        .whereRaw("used_at < now() - interval '1 minute'")
        .update({ used_at: db.fn.now() });
    },
    async idleSeconds() {
      const rows = await own().select('image_id', {
        seconds: db.raw('extract(epoch from now() - used_at)::float8'),
      });
      return new Map(rows.map((row) => [row.image_id, row.seconds]));
    },
    async sizes() {
      const rows = await own().select('image_id', 'size_bytes');
      return new Map(rows.map((row) => [row.image_id, row.size_bytes]));
    },
  };
}

export type Wanted = 'present' | 'absent';

/** What a host is asked for, oldest first. */
export async function listWishes(db: Knex, hostName: string, kind: CachedImageKind, limit: number): Promise<string[]> {
  return await wishesOf(db, hostName, kind).orderBy('asked_at').limit(limit).pluck('image_id');
}

export async function findWish(
  db: Knex,
  hostName: string,
  kind: CachedImageKind,
  imageId: string,
): Promise<Wanted | undefined> {
  const row = await wishesOf(db, hostName, kind).where({ image_id: imageId }).first('wanted');
  return row?.wanted;
}

/** The wish is granted, or cannot be. False when something else is wished by now. */
export async function settleWish(
  db: Knex,
  hostName: string,
  kind: CachedImageKind,
  imageId: string,
  wanted: Wanted,
): Promise<boolean> {
  return (await wishesOf(db, hostName, kind).where({ image_id: imageId, wanted }).delete()) > 0;
}

function wishesOf(db: Knex, hostName: string, kind: CachedImageKind): Knex.QueryBuilder {
  const host = db('compute_hosts').where({ name: hostName }).select('id');
  return db('host_image_wishes').where({ kind }).whereIn('host_id', host);
}

/** Whether the host has a whole copy of the image, whatever has become of that. */
export async function hasImage(db: Knex, hostId: string, imageId: string): Promise<boolean> {
  const row = await db('host_images').where({ host_id: hostId, image_id: imageId, kind: 'disk' }).first('image_id');
  return row !== undefined;
}
