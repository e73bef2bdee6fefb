import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { ProjectContext } from '../../common/context.ts';
import { notify } from '../../common/database/notifications.ts';
import { BadRequest, Conflict, NotFound } from '../../common/errors.ts';
import { checkUrl } from '../../common/outgoing/fetch.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { declaredFormat, type Image } from '../images/image.ts';
import { lockOwnImage } from '../images/operations.ts';
import { giveUpUpload } from '../images/store.ts';
import { limited, watchUpload } from '../images/uploads.ts';
import { checkOneMore, roomFor, withinRoom } from '../images/usage.ts';
import { insertTask } from '../tasks/store.ts';
import type { ImportMethod, Task } from '../tasks/task.ts';
import { finishStaging, startImport, startStaging } from './store.ts';

export type StagingDeps = Pick<ImageModuleDeps, 'db' | 'log' | 'staging' | 'region'>;

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
): Promise<void> {
  const { db, log, staging } = deps;
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
    const room = await roomFor(deps, owner);
    await staging.put(stagedId, withinRoom(room, limited(body, pulse)));
    if (!(await finishStaging(db, id, stagedId))) {
      await staging.remove(stagedId);
      throw new NotFound('Image', id); // deleted, or given up, while its data came
    }
  } catch (error) {
    // Where even that fails, the loop finds the upload by its silence.
    await giveUpUpload(db, id, stagedId).catch((err) => log.warn({ err, image: id }, 'cannot give up an upload'));
    throw error;
  } finally {
    pulse.stop();
  }
}

/**
 * Has the loop import the image. Throws `BadRequest` for a method that is not offered or a source that may not be read, and
 * `Conflict` unless the image waits for what the method brings, and `OverQuota`.
 */
export async function importImage(
  { db, imports, region }: ImageModuleDeps,
  ctx: ProjectContext,
  id: string,
  method: ImportMethod,
): Promise<Task> {
  if (!imports.methods.includes(method.name)) throw new BadRequest(`Unknown import method name '${method.name}'.`);
  if (method.name === 'web-download') checkUrl(method.uri, imports.outgoing);
  return await db.transaction(async (trx) => {
    const image = await lockOwnImage(trx, ctx, id);
    checkImportable(image, method);
    if (image.status === 'queued') await checkOneMore({ db: trx, region }, image.owner, 'image_count_uploading');
    const task = await insertTask(trx, {
      owner: ctx.projectId,
      userId: ctx.userId,
      requestId: ctx.requestId,
      imageId: image.id,
      method,
      injectProperties: ctx.isAdmin ? {} : imports.injectProperties,
    });
    if (!(await startImport(trx, task))) throw new Conflict(`The data of image ${id} is still being staged.`);
    await notify(trx, 'image-imports', task.id);
    return task;
  });
}

/** In Glance's words, which clients show. */
function checkImportable(image: Image, { name }: ImportMethod): void {
  if (image.status === 'active' || image.status === 'deactivated')
    throw new Conflict(`Image with status ${image.status} cannot be target for import`);
  if (image.status === 'importing') throw new Conflict(`Image ${image.id} has an import under way.`);
  if (name === 'web-download' && image.status !== 'queued')
    throw new Conflict(`Image needs to be in 'queued' state to use '${name}' method`);
  if (name === 'glance-direct' && image.status !== 'uploading')
    throw new Conflict(`Image needs to be staged before '${name}' method can be used`);
  if (image.containerFormat === null) throw new Conflict("'container_format' needs to be set before import");
  if (image.diskFormat === null) throw new Conflict("'disk_format' needs to be set before import");
  declaredFormat(image);
}
