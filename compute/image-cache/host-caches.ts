/** What administrators ask of the images on hosts. Each host is asked by a row of its own, which its agent deletes when it has done it. */
import type { Knex } from '../../common/database/database.ts';
import type { HostCaches } from '../../image/cache/host-caches.ts';

/**
 * Nobody is woken: hosts look by themselves every two seconds, which is soon enough for what nobody waits for, and lets who
 * has queued an image see it queued.
 */
export const hostCaches: HostCaches = {
  async list(db) {
    const { rows } = await db.raw(`
      select i.image_id, sum(i.hits)::bigint as hits, max(i.used_at) as used_at, max(i.placed_at) as placed_at,
             max(i.size_bytes) as size_bytes
      from host_images i
      where not exists (
        select from host_image_wishes w
        where w.host_id = i.host_id and w.image_id = i.image_id and w.wanted = 'absent'
      )
      group by i.image_id order by i.image_id`);
    const queued = await db('host_image_wishes')
      .where({ wanted: 'present' })
      .distinct('image_id')
      .orderBy('image_id')
      .pluck('image_id');
    return {
      // biome-ignore lint/suspicious/noExplicitAny: a row of the statement above
      cached: rows.map((row: any) => ({
        imageId: row.image_id,
        hits: row.hits,
        lastAccessedAt: row.used_at,
        lastModifiedAt: row.placed_at,
        sizeBytes: row.size_bytes,
      })),
      queued,
    };
  },

  async queue(db, imageId, kind) {
    // A host that is just giving it up is asked to keep it.
    await db.raw(
      `insert into host_image_wishes (host_id, image_id, kind, wanted)
       select h.id, :imageId, :kind, 'present'
       from compute_hosts h
       where not h.is_disabled and (
         not exists (select from host_images i where i.host_id = h.id and i.image_id = :imageId)
         or exists (select from host_image_wishes w where w.host_id = h.id and w.image_id = :imageId)
       )
       on conflict (host_id, image_id) do update set wanted = 'present', kind = excluded.kind, asked_at = now()
         where host_image_wishes.wanted = 'absent'`,
      { imageId, kind },
    );
  },

  async remove(db, imageId) {
    return await db.transaction(async (trx) => {
      const unqueued = await trx('host_image_wishes').where({ image_id: imageId, wanted: 'present' }).delete();
      return (await askToGiveUp(trx, imageId)) + unqueued > 0;
    });
  },

  async clear(db, target) {
    if (target === 'queue') await db('host_image_wishes').where({ wanted: 'present' }).delete();
    else await askToGiveUp(db, null);
  },
};

/** One image, or all; the number of copies. */
async function askToGiveUp(db: Knex, imageId: string | null): Promise<number> {
  const { rowCount } = await db.raw(
    `insert into host_image_wishes (host_id, image_id, kind, wanted)
     select host_id, image_id, kind, 'absent' from host_images
     where :imageId::uuid is null or image_id = :imageId::uuid
     on conflict (host_id, image_id) do update set wanted = 'absent', asked_at = now()`,
    { imageId },
  );
  return rowCount;
}
