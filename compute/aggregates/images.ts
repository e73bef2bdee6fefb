import type { Knex } from '../../common/database/database.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { getUsableImage } from '../../image/images/use.ts';
import { getAggregate } from './store.ts';

/**
 * Asks the hosts of an aggregate, those that take guests, to have these images before anybody needs them; each does so in its own
 * time (image-cache/). Throws `BadRequest` for an image that is not there or has no data, and then asks for none.
 */
export async function queueImages(db: Knex, number: number, imageIds: readonly string[]): Promise<void> {
  if (new Set(imageIds).size < imageIds.length) throw new BadRequest('Duplicate images in request');
  await db.transaction(async (trx) => {
    await getAggregate(trx, number);
    for (const id of imageIds) {
      const image = await getUsableImage(trx, 'everyone', id).catch((error) => {
        throw error instanceof NotFound ? new BadRequest(error.message, { cause: error }) : error;
      });
      const kind = image.containerFormat === 'docker' ? 'container' : 'disk';
      await trx.raw(
        `insert into host_image_wishes (host_id, image_id, kind, wanted)
         select h.id, :id, :kind, 'present'
         from compute_aggregate_hosts a join compute_hosts h on h.id = a.host_id
         where a.aggregate_number = :number and not h.is_disabled
           and (
             not exists (select from host_images i where i.host_id = h.id and i.image_id = :id)
             or exists (select from host_image_wishes w where w.host_id = h.id and w.image_id = :id) -- it is given up just now
           )
         on conflict (host_id, image_id) do update set wanted = 'present', kind = excluded.kind, asked_at = now()`,
        { id, kind, number },
      );
    }
  });
}
