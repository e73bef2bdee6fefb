import type { Knex } from '../../../common/database/database.ts';
import { notify } from '../../../common/database/notifications.ts';
import { requestDeletion } from '../../images/store.ts';
import { OciError } from '../errors.ts';

/**
 * Hides the images whose tag is gone or means another manifest now; the loop of images removes them. Throws `OciError` DENIED
 * for one that is protected, unless `force`.
 */
export async function withdrawImages(trx: Knex, repositoryId: string, { force = false } = {}): Promise<void> {
  const stale = await trx('registry_images as i')
    .join('images', 'images.id', 'i.image_id')
    .where('i.repository_id', repositoryId)
    .whereNull('images.deletion_requested_at')
    .whereNotExists((tags) =>
      tags
        .from('registry_tags as t')
        .whereRaw('t.repository_id = i.repository_id and t.name = i.tag and t.manifest_digest = i.manifest_digest'),
    )
    .select('i.image_id as id', 'i.tag', 'images.is_protected');
  for (const { id, tag, is_protected: isProtected } of stale) {
    if (isProtected && !force) throw new OciError('DENIED', `Image ${id}, which stands for tag ${tag}, is protected.`);
    await requestDeletion(trx, id);
    await notify(trx, 'images', id);
  }
}

/** Whether an image that stands for this manifest, or for a list that it is in, is kept from everybody but administrators. */
export async function isDeactivated(db: Knex, repositoryId: string, digest: string): Promise<boolean> {
  const row = await db('registry_images as i')
    .join('images', 'images.id', 'i.image_id')
    .where({ 'i.repository_id': repositoryId, 'images.is_deactivated': true })
    .where((means) => means.where('i.manifest_digest', digest).orWhere('i.runs_digest', digest))
    .first('i.image_id');
  return row !== undefined;
}

/** Whether a blob is part of manifests that are all kept from them so. One that no manifest refers to (yet) is not. */
export async function isBlobDeactivated(db: Knex, repositoryId: string, digest: string): Promise<boolean> {
  const { rows } = await db.raw(
    `select bool_and(exists (
       select from registry_images i join images on images.id = i.image_id
       where i.repository_id = m.repository_id and images.is_deactivated
         and (i.manifest_digest = m.manifest_digest or i.runs_digest = m.manifest_digest)
     )) as is_kept
     from registry_manifest_blobs m
     where m.repository_id = ? and m.blob_digest = ?`,
    [repositoryId, digest],
  );
  return rows[0].is_kept ?? false;
}
