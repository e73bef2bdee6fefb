import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { ProjectContext } from '../../common/context.ts';
import { BadRequest, type CloudError, Conflict, NotFound, OverQuota } from '../../common/errors.ts';
import { createInspector, type Inspector } from '../inspection/inspector.ts';
import { inBlocks } from '../stores/in-blocks.ts';
import { getStore } from '../stores/stores.ts';
import { declaredFormat } from './image.ts';
import { type ImageDeps, lockOwnImage } from './operations.ts';
import { findImage, finishUpload, giveUpUpload, keepUploadAlive, startUpload } from './store.ts';
import { checkOneMore, noRoom, roomFor, withinRoom } from './usage.ts';

/** What it takes to put data in; who may was decided before. */
export type UploadDeps = Omit<ImageDeps, 'enforcer' | 'protection'>;

/** The data is not what the image says, or not safe to use. The message says why. */
export class DataRefused extends BadRequest {}

const beatMs = 2000;
/** An upload that has not been heard of for so long has lost its process: ten missed beats. */
export const silenceSeconds = 20;
/** A client may pause for so long. */
const idleMs = 5 * 60_000;

/** In bytes. */
export interface SizeLimit {
  mostBytes: number;
  /** What the client has said that the size would be, if it has. */
  saidBytes?: number | undefined;
}

/**
 * Takes the data of an image from a stream: inspected and hashed as it passes by, and kept only when it is what it was
 * declared to be. However it fails, the image is queued again and nothing is kept. `storeId`: where to; the default store when it
 * is not said. `saidBytes`: its size, as far as the client knows it. Throws `Conflict` unless the image is queued and the store takes data, `BadRequest` for a store that is not there,
 * `DataRefused`, `OverQuota`, `BadRequest` when the stream is cut off, and
 * `NotFound` when the image is deleted meanwhile.
 */
export async function uploadImageData(
  deps: UploadDeps,
  ctx: Pick<ProjectContext, 'isAdmin' | 'projectId'>,
  id: string,
  body: Readable,
  { storeId, saidBytes }: { storeId?: string | undefined; saidBytes?: number | undefined } = {},
): Promise<void> {
  const { db, stores, log } = deps;
  const limit = { mostBytes: deps.imageSizeCap, saidBytes };
  const store = storeId === undefined ? stores.default : getStore(stores, storeId);
  if (store.isReadOnly) throw new Conflict(`The store ${store.id} takes no data.`);
  checkSaidSize(limit);
  const uploadId = randomUUID();
  const { declared, owner } = await db.transaction(async (trx) => {
    const image = await lockOwnImage(trx, ctx, id);
    const declared = declaredFormat(image);
    await checkOneMore({ ...deps, db: trx }, image.owner, 'image_count_uploading');
    if (!(await startUpload(trx, id, uploadId, store.id)))
      throw new Conflict(`Image ${id} is ${image.status}: data can be uploaded only while it is queued.`);
    return { declared, owner: image.owner };
  });
  const inspector = createInspector(declared, deps.inspection);
  const pulse = watchUpload(deps, id, uploadId, body);
  try {
    const room = await roomFor(deps, owner);
    const stored = await store.data.put(uploadId, withinRoom(room, inspected(body, inspector, pulse, limit)));
    const virtualSizeBytes = inspector.finish().virtualSizeBytes;
    const refusal = await finish(deps, id, uploadId, { ...stored, virtualSizeBytes }, store.id);
    if (refusal !== undefined) {
      await store.data.remove(uploadId);
      throw refusal;
    }
  } catch (error) {
    // Where even that fails, the loop finds the upload by its silence.
    await giveUpUpload(db, id, uploadId).catch((err) => log.warn({ err, image: id }, 'cannot give up an upload'));
    throw error;
  } finally {
    pulse.stop();
  }
}

/**
 * Makes the image active, or says why not: it was deleted, or the upload given up, meanwhile, or another upload took the room.
 * When it throws, it may have been made active all the same.
 */
async function finish(
  deps: UploadDeps,
  id: string,
  uploadId: string,
  data: Parameters<typeof finishUpload>[3],
  store: string,
): Promise<CloudError | undefined> {
  return await deps.db.transaction(async (trx) => {
    const owner = (await findImage(trx, 'everyone', id))?.owner;
    if (owner === undefined) return new NotFound('Image', id);
    const room = await roomFor({ ...deps, db: trx }, owner);
    if (room !== undefined && data.sizeBytes > room) return noRoom(room);
    return (await finishUpload(trx, id, uploadId, data, [store])) ? undefined : new NotFound('Image', id);
  });
}

export interface Pulse {
  /** Throws why the upload must end. */
  check(): void;
  stop(): void;
}

/** Tells the database that the upload lives, and ends it when the image is gone or the client silent. */
export function watchUpload(
  { db, log }: Pick<ImageDeps, 'db' | 'log'>,
  id: string,
  uploadId: string,
  body: Readable,
): Pulse {
  let reason: CloudError | undefined;
  let heardAt = Date.now();
  const beat = async () => {
    if (Date.now() - heardAt > idleMs) reason = new BadRequest('The upload was given up: no data came for minutes.');
    else if (!(await keepUploadAlive(db, id, uploadId))) reason = new NotFound('Image', id);
    // Nothing comes that could be answered by `check`.
    if (reason !== undefined && Date.now() - heardAt > beatMs) body.destroy(reason);
  };
  const timer = setInterval(() => {
    beat().catch((error) => log.warn({ err: error, image: id }, 'cannot say that an upload lives'));
  }, beatMs);
  return {
    check() {
      heardAt = Date.now();
      if (reason !== undefined) throw reason;
    },
    stop: () => clearInterval(timer),
  };
}

/** Passes the data on while the inspector has nothing against it. Throws `DataRefused`, and what `limited` throws. */
export async function* inspected(
  body: Readable,
  inspector: Inspector,
  pulse: Pulse,
  limit: SizeLimit,
): AsyncGenerator<Buffer> {
  for await (const chunk of limited(body, pulse, limit)) {
    inspector.write(chunk);
    const refusal = inspector.refusal();
    if (refusal !== null) throw new DataRefused(refusal);
    yield chunk;
  }
  const { refusal } = inspector.finish();
  if (refusal !== null) throw new DataRefused(refusal);
}

/**
 * Passes the data on, in blocks, up to the largest size of an image. Throws `OverQuota`, and `BadRequest` when it is cut off
 * or not of the size that was said.
 */
export async function* limited(body: Readable, pulse: Pulse, limit: SizeLimit): AsyncGenerator<Buffer> {
  let received = 0;
  yield* inBlocks(body, (piece) => {
    pulse.check();
    received += piece.length;
    if (received > limit.mostBytes) throw tooLarge(limit);
  });
  const { saidBytes = received } = limit;
  if (received !== saidBytes) throw new BadRequest(`The data has ${received} bytes and not ${saidBytes} as was said.`);
}

/** Throws `OverQuota` before a byte has come. */
export function checkSaidSize(limit: SizeLimit): void {
  if (limit.saidBytes !== undefined && limit.saidBytes > limit.mostBytes) throw tooLarge(limit);
}

const tooLarge = ({ mostBytes }: SizeLimit) => new OverQuota(`An image may have at most ${mostBytes} bytes.`);
