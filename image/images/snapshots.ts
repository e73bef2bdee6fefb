/**
 * Images that compute makes of servers. The row is made in the transaction that asks for it, so that its id is known at once;
 * the data comes later from the server's host, where nobody is logged in: whose image it is was decided before.
 */
import type { Readable } from 'node:stream';
import type { ProjectContext } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import type { PropertyProtection } from '../property-protection/protection.ts';
import type { EditableImage, ImageStatus } from './image.ts';
import { checkSizes } from './operations.ts';
import { checkProperties } from './properties.ts';
import { findImage, insertImage, liveImages, requestDeletion } from './store.ts';
import { type UploadDeps, uploadImageData } from './uploads.ts';
import { checkOneMore } from './usage.ts';

type Properties = Readonly<Record<string, string>>;

/**
 * The properties of an image that is made for somebody: what they asked for, as far as they could say it to the image service
 * themselves, and what is said of every such image, which wins. Throws `Forbidden`, `BadRequest`, and `OverQuota` for too many.
 */
export function propertiesFor(
  protection: PropertyProtection,
  ctx: ProjectContext,
  asked: Properties,
  own: Properties,
): Record<string, string> {
  checkProperties(Object.keys(asked));
  const properties = { ...protection.changed(ctx, {}, asked), ...own };
  checkSizes({ properties, tags: [] });
  return properties;
}

/** Makes an image without data. Throws `OverQuota` when the project may not have one more. */
export async function reserveImage(trx: Knex, region: string, id: string, image: EditableImage): Promise<void> {
  await checkOneMore({ db: trx, region }, image.owner, 'image_count_total');
  await insertImage(trx, id, image);
}

/** Undefined when it was deleted. */
export async function statusOfReserved(db: Knex, id: string): Promise<ImageStatus | undefined> {
  return (await findImage(db, 'everyone', id))?.status;
}

/** Whether its owner has said that it must not be deleted; false when it is gone. */
export async function isProtected(db: Knex, id: string): Promise<boolean> {
  return (await findImage(db, 'everyone', id))?.isProtected ?? false;
}

/** Throws as `uploadImageData` does. */
export async function fillReserved(deps: UploadDeps, owner: string, id: string, data: Readable): Promise<void> {
  await uploadImageData(deps, { projectId: owner, isAdmin: false }, id, data);
}

/** Deletes the oldest of the project's images with data and these properties, but for the newest `kept`; protected ones stay. */
export async function rotateImages(
  trx: Knex,
  owner: string,
  properties: Readonly<Record<string, string>>,
  kept: number,
): Promise<void> {
  const old = await liveImages(trx)
    .where({ owner, status: 'active' })
    .whereRaw('images.properties @> ?::jsonb', [JSON.stringify(properties)])
    .orderBy([
      { column: 'images.created_at', order: 'desc' },
      { column: 'images.id', order: 'desc' },
    ])
    .offset(kept)
    .select('images.id', 'images.is_protected');
  for (const image of old) if (!image.is_protected) await discardReserved(trx, image.id);
}

/** Deletes it, with whatever it has; one that is gone is a success. */
export async function discardReserved(trx: Knex, id: string): Promise<void> {
  await requestDeletion(trx, id);
  await notify(trx, 'images', id);
}
