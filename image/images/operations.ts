import type { Readable } from 'node:stream';
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { Forbidden, OverQuota } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import type { Enforcer } from '../../common/policy/enforcer.ts';
import type { Limits } from '../inspection/reader.ts';
import type { PropertyProtection } from '../property-protection/protection.ts';
import type { ByteRange } from '../stores/store.ts';
import { type ImageStores, openCopy } from '../stores/stores.ts';
import { listCopies } from './copies.ts';
import { type EditableImage, type Image, maximumProperties, maximumTags } from './image.ts';
import { imagePolicy } from './policy.ts';
import { getImage, insertImage, lockImage, requestDeletion, setDeactivated, updateImage } from './store.ts';
import { checkOneMore } from './usage.ts';

export interface ImageDeps {
  db: Knex;
  stores: ImageStores;
  /** Asked for a visibility that has a rule of its own. */
  enforcer: Pick<Enforcer, 'authorize'>;
  /** Of this cloud, as the catalog names it: limits may be for one. */
  region: string;
  /** What is refused of images, whoever brings them. */
  inspection: Limits;
  /** Who may do what with which property. */
  protection: PropertyProtection;
  /** Bytes of the largest image (Glance's `image_size_cap`). */
  imageSizeCap: number;
  log: Logger;
}

/** The image, held for the transaction. One that the caller may see but does not own is `Forbidden`; any other `NotFound`. */
export async function lockOwnImage(
  trx: Knex,
  ctx: Pick<ProjectContext, 'isAdmin' | 'projectId'>,
  id: string,
): Promise<Image> {
  const image = await lockImage(trx, visibleTo(ctx), id);
  if (image.owner !== ctx.projectId && !ctx.isAdmin) throw new Forbidden(`You are not the owner of image ${id}.`);
  return image;
}

/** Creates an image without data. `id`: as the client wishes, or made here. Throws `Conflict` when the id is taken, `OverQuota`. */
export async function createImage(
  deps: ImageDeps,
  ctx: ProjectContext,
  id: string | undefined,
  asked: EditableImage,
): Promise<Image> {
  checkVisibility(deps, ctx, asked);
  checkOwner(ctx, asked, ctx.projectId);
  checkSizes(asked);
  const properties = deps.protection.changed(ctx, {}, asked.properties);
  return await deps.db.transaction(async (trx) => {
    await checkOneMore({ ...deps, db: trx }, asked.owner, 'image_count_total');
    return await insertImage(trx, id, { ...asked, properties });
  });
}

/** Changes an image to what `edit` makes of it, or of what the caller may see of it, atomically. */
export async function changeImage(
  deps: Pick<ImageDeps, 'db' | 'enforcer' | 'protection'>,
  ctx: ProjectContext,
  id: string,
  edit: (image: Image) => EditableImage,
): Promise<Image> {
  return await deps.db.transaction(async (trx) => {
    const image = await lockOwnImage(trx, ctx, id);
    const edited = edit(deps.protection.readable(ctx, image));
    const wanted = { ...edited, properties: deps.protection.changed(ctx, image.properties, edited.properties) };
    if (wanted.visibility !== image.visibility) checkVisibility(deps, ctx, wanted);
    checkOwner(ctx, wanted, image.owner);
    checkSizes(wanted);
    const isFormatChanged = wanted.diskFormat !== image.diskFormat || wanted.containerFormat !== image.containerFormat;
    // Data is inspected against the formats once, as it arrives.
    if (isFormatChanged && image.status !== 'queued')
      throw new Forbidden('Attributes disk_format, container_format can be only replaced for a queued image.');
    return await updateImage(trx, id, wanted);
  });
}

/** Hides the image at once; the loop removes its data. An upload under way ends. */
export async function deleteImage({ db }: Pick<ImageDeps, 'db'>, ctx: ProjectContext, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    const image = await lockOwnImage(trx, ctx, id);
    if (image.isProtected) throw new Forbidden(`Image ${id} is protected and cannot be deleted.`);
    await requestDeletion(trx, id);
    await notify(trx, 'images', id);
  });
}

/**
 * Keeps the data of an image from everybody but administrators, or no longer; again is no harm. Throws `Forbidden` for an
 * image without data, as Glance does.
 */
export async function deactivateImage(
  { db }: ImageDeps,
  ctx: ProjectContext,
  id: string,
  isDeactivated: boolean,
): Promise<void> {
  await db.transaction(async (trx) => {
    const { dataId, status } = await lockOwnImage(trx, ctx, id);
    if (dataId === null)
      throw new Forbidden(`Not allowed to ${isDeactivated ? 'deactivate' : 'reactivate'} image in status '${status}'`);
    await setDeactivated(trx, id, isDeactivated);
  });
}

/** The image and, once it has any, the way to its data. Throws `Forbidden` where that is kept from the caller. */
export async function getImageData(
  { db, stores }: ImageDeps,
  ctx: ProjectContext,
  id: string,
): Promise<{ image: Image; open: ((range?: ByteRange) => Promise<Readable>) | undefined }> {
  const image = await getImage(db, visibleTo(ctx), id);
  if (image.status === 'deactivated' && !ctx.isAdmin)
    throw new Forbidden('The requested image has been deactivated. Image data download is forbidden.');
  if (image.dataId === null) return { image, open: undefined };
  return { image, open: async (range) => await openCopy(stores, await listCopies(db, id), range) };
}

function checkVisibility(
  { enforcer }: Pick<ImageDeps, 'enforcer'>,
  ctx: ProjectContext,
  { visibility }: EditableImage,
): void {
  if (visibility === 'public') enforcer.authorize(ctx, imagePolicy.publicize_image);
  if (visibility === 'community') enforcer.authorize(ctx, imagePolicy.communitize_image);
}

function checkOwner(ctx: ProjectContext, { owner }: EditableImage, before: string): void {
  if (owner !== before && !ctx.isAdmin)
    throw new Forbidden(`You are not permitted to give images to project ${owner}.`);
}

/** Throws `OverQuota` for more properties or tags than an image may have. */
export function checkSizes({ tags, properties }: Pick<EditableImage, 'tags' | 'properties'>): void {
  const count = Object.keys(properties).length;
  if (count > maximumProperties)
    throw new OverQuota(`An image may have at most ${maximumProperties} properties, not ${count}.`);
  if (tags.length > maximumTags)
    throw new OverQuota(`An image may have at most ${maximumTags} tags, not ${tags.length}.`);
}
