import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { notify } from '../../common/database/notifications.ts';
import { BadRequest, Conflict, NotFound, type OverQuota } from '../../common/errors.ts';
import { checkUrl } from '../../common/outgoing/fetch.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { declaredFormat, type Image } from '../images/image.ts';
import { lockOwnImage } from '../images/operations.ts';
import { imagePolicy } from '../images/policy.ts';
import { giveUpUpload, lockImage } from '../images/store.ts';
import { checkSaidSize, limited, watchUpload } from '../images/uploads.ts';
import { checkOneMore, noRoom, roomFor, withinRoom } from '../images/usage.ts';
import { findStore, type ImageStores, unknownStore } from '../stores/stores.ts';
import { insertTask } from '../tasks/store.ts';
import type { ImportMethod, Task } from '../tasks/task.ts';
import { finishStaging, startImport, startStaging } from './store.ts';

export type StagingDeps = Pick<ImageModuleDeps, 'db' | 'log' | 'staging' | 'region' | 'imageSizeCap'>;

/**
 * Takes data that waits for its import; nobody looks at it until then. However it fails, the image is queued again. Throws
 * `Conflict` unless the image is queued, `OverQuota`, `BadRequest` when the stream is cut off, and `NotFound` when the image
 * is deleted meanwhile.
 */
export async function stageImageData(
  deps: StagingDeps,
  ctx: ProjectContext,
  id: string,
  body: Readable,
  saidBytes?: number,
): Promise<void> {
  const { db, log, staging } = deps;
  const limit = { mostBytes: deps.imageSizeCap, saidBytes };
  checkSaidSize(limit);
  const stagedId = randomUUID();
  const owner = await db.transaction(async (trx) => {
    const image = await lockOwnImage(trx, ctx, id);
    await checkOneMore({ ...deps, db: trx }, image.owner, 'image_count_uploading');
    if (!(await startStaging(trx, id, stagedId)))
      throw new Conflict(`Image ${id} is ${image.status}: data can be staged only while it is queued.`);
    return image.owner;
  });
  const pulse = watchUpload(deps, id, stagedId, body);
  try {
    const data = withinRoom(await roomFor(deps, owner), limited(body, pulse, limit));
    const room = await roomFor(deps, owner, 'image_stage_total');
    const { sizeBytes } = await staging.put(stagedId, withinRoom(room, data, 'image_stage_total'));
    const refusal = await finish(deps, { id, owner, stagedId, sizeBytes });
    if (refusal !== undefined) {
      await staging.remove(stagedId);
      throw refusal;
    }
  } catch (error) {
    // Where even that fails, the loop finds the upload by its silence.
    await giveUpUpload(db, id, stagedId).catch((err) => log.warn({ err, image: id }, 'cannot give up an upload'));
    throw error;
  } finally {
    pulse.stop();
  }
}

/** Why the data cannot stay: its image was deleted, or the upload given up, while it came, or others took the room. */
async function finish(
  deps: StagingDeps,
  { id, owner, stagedId, sizeBytes }: { id: string; owner: string; stagedId: string; sizeBytes: number },
): Promise<NotFound | OverQuota | undefined> {
  return await deps.db.transaction(async (trx) => {
    const room = await roomFor({ ...deps, db: trx }, owner, 'image_stage_total');
    if (room !== undefined && sizeBytes > room) return noRoom(room, 'image_stage_total');
    return (await finishStaging(trx, id, stagedId, sizeBytes)) ? undefined : new NotFound('Image', id);
  });
}

/** Where the data of an import is to be. */
export interface AskedStores {
  /** Ids; empty means the default store. */
  stores: string[];
  all: boolean;
  /** Whether one of them without it is a failure of the whole. */
  allMustSucceed: boolean;
}

/**
 * Has the loop import the image, or copy it to further stores; undefined when it is in all of them. Throws `BadRequest` for a method
 * that is not offered, a source that may not be read or a store that has the data, `Conflict` for a store that is not there and
 * unless the image waits for what the method brings, and `OverQuota`.
 */
export async function importImage(
  deps: ImageModuleDeps,
  ctx: ProjectContext,
  id: string,
  method: ImportMethod,
  asked: AskedStores,
): Promise<Task | undefined> {
  const { db, imports, region, enforcer } = deps;
  const isCopy = method.name === 'copy-image';
  const isIgnored = ctx.roles.some((role) => imports.injectIgnoredRoles.has(role));
  if (!imports.methods.includes(method.name)) throw new BadRequest(`Unknown import method name '${method.name}'.`);
  if (method.name === 'web-download') checkUrl(method.uri, imports.outgoing);
  if (isCopy) enforcer.authorize(ctx, imagePolicy.copy_image);
  return await db.transaction(async (trx) => {
    const image = isCopy ? await lockImage(trx, visibleTo(ctx), id) : await lockOwnImage(trx, ctx, id);
    checkImportable(image, method);
    const stores = chooseStores(deps.stores, asked);
    const wanted = isCopy ? withoutData(stores, image, asked) : stores;
    if (wanted.length === 0) return undefined;
    if (image.status === 'queued' || isCopy)
      await checkOneMore({ db: trx, region }, image.owner, 'image_count_uploading');
    const room = isCopy ? await roomFor({ db: trx, region }, image.owner) : undefined;
    if (room !== undefined && (image.sizeBytes ?? 0) * wanted.length > room) throw noRoom(room);
    const task = await insertTask(trx, {
      owner: ctx.projectId,
      userId: ctx.userId,
      requestId: ctx.requestId,
      imageId: image.id,
      method,
      stores: wanted,
      allStoresMustSucceed: asked.allMustSucceed,
      injectProperties: isCopy || isIgnored ? {} : imports.injectProperties,
    });
    if (!(await startImport(trx, task))) throw new Conflict(`The data of image ${id} is still being staged.`);
    await notify(trx, 'image-imports', task.id);
    return task;
  });
}

/** Throws `Conflict` as Glance does for imports (glance/common/utils.py, get_stores_from_request); uploads are told otherwise. */
function chooseStores(stores: ImageStores, { stores: named, all }: AskedStores): string[] {
  if (all) return stores.all.filter(({ isReadOnly }) => !isReadOnly).map((store) => store.id);
  if (named.length === 0) return [stores.default.id];
  for (const id of named) {
    const store = findStore(stores, id);
    if (store === undefined) throw new Conflict(unknownStore(id));
    if (store.isReadOnly) throw new Conflict(`The store ${id} takes no data.`);
  }
  return [...new Set(named)];
}

/** Those that have no copy yet. Throws `BadRequest` for one that has and was named. */
function withoutData(stores: string[], image: Image, { all }: AskedStores): string[] {
  const there = stores.find((store) => image.stores.includes(store));
  if (there !== undefined && !all) throw new BadRequest(`Image is already present at store '${there}'`);
  return stores.filter((store) => !image.stores.includes(store));
}

/** In Glance's words, which clients show. */
function checkImportable(image: Image, { name }: ImportMethod): void {
  if (image.importTaskId !== null) throw new Conflict(`Image ${image.id} has an import under way.`);
  if (name === 'copy-image') {
    if (image.status !== 'active') throw new Conflict('Only images with status active can be targeted for copying');
    return;
  }
  if (image.status === 'active' || image.status === 'deactivated')
    throw new Conflict(`Image with status ${image.status} cannot be target for import`);
  if (name === 'web-download' && image.status !== 'queued')
    throw new Conflict(`Image needs to be in 'queued' state to use '${name}' method`);
  if (name === 'glance-direct' && image.status !== 'uploading')
    throw new Conflict(`Image needs to be staged before '${name}' method can be used`);
  if (image.containerFormat === null) throw new Conflict("'container_format' needs to be set before import");
  if (image.diskFormat === null) throw new Conflict("'disk_format' needs to be set before import");
  declaredFormat(image);
}
