/** Servers made into images: asked for by users, done by the server's host. */
import { randomUUID } from 'node:crypto';
import type { ProjectContext } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { CloudError, Unavailable } from '../../common/errors.ts';
import { newImage } from '../../image/images/image.ts';
import {
  discardReserved,
  fillReserved,
  propertiesFor,
  reserveImage,
  rotateImages,
  statusOfReserved,
} from '../../image/images/snapshots.ts';
import type { UploadDeps } from '../../image/images/uploads.ts';
import type { ServerDriver, ServerSpec } from '../drivers/driver.ts';
import { computeLimitsOf } from '../quotas/limits.ts';
import { checkMetadataItems } from '../quotas/quotas.ts';
import { failAction, finishAction, listUnfinished, recordEvent, type ServerAction } from './actions.ts';
import { ask } from './ask.ts';
import type { ServerDeps } from './create.ts';
import { watchingDeletion } from './deletion-watch.ts';
import { eventOf } from './event-names.ts';
import type { ImageProperties } from './image-properties.ts';
import type { Server } from './server.ts';
import { requirements } from './states.ts';
import { getBootData } from './store.ts';

export interface SnapshotRequest {
  name: string;
  /** Become properties of the image. */
  metadata: Record<string, string>;
}

export interface BackupRequest extends SnapshotRequest {
  /** `daily`, `weekly` …: of each kind so many are kept. */
  type: string;
  rotation: number;
}

/**
 * Gives the id of the image that the server's root disk will be in, as it is at one moment; `image_type` in its metadata is the
 * user's word against `snapshot`. Throws `Conflict`, `OverQuota`.
 */
export async function createImage(
  deps: ServerDeps,
  ctx: ProjectContext,
  id: string,
  asked: SnapshotRequest,
): Promise<string> {
  return reserve(deps, ctx, id, 'createImage', asked, { image_type: asked.metadata.image_type ?? 'snapshot' });
}

/** The same, and deletes older backups of that kind beyond `rotation` once it is there. */
export async function createBackup(
  deps: ServerDeps,
  ctx: ProjectContext,
  id: string,
  { type, rotation, ...asked }: BackupRequest,
): Promise<string> {
  return reserve(deps, ctx, id, 'createBackup', asked, { image_type: 'backup', backup_type: type }, rotation);
}

async function reserve(
  { db, region, imageProtection }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  action: 'createImage' | 'createBackup',
  { name, metadata }: SnapshotRequest,
  kind: Record<string, string>,
  rotation?: number,
): Promise<string> {
  const imageId = randomUUID();
  await ask(db, ctx, id, {
    action,
    api: action,
    requirement: requirements.snapshot,
    isFreeOfLocks: true,
    parameters: { imageId, ...(rotation !== undefined && { rotation, backupType: kind.backup_type }) },
    async change(trx, server) {
      checkMetadataItems(
        await computeLimitsOf(trx, { projectId: server.projectId, region }),
        Object.keys(metadata).length,
      );
      const { imageProperties, imageMinRamMib: minRamMib } = await getBootData(trx, server.id);
      const properties = propertiesFor(imageProtection, ctx, metadata, {
        ...without(imageProperties, metadata),
        ...origin(server),
        ...kind,
      });
      await reserveImageOf(trx, region, server, imageId, { name, properties, minRamMib });
      return {};
    },
  });
  return imageId;
}

/** Makes an image without data that the root disk of the server will be in. Throws `OverQuota`. */
export async function reserveImageOf(
  trx: Knex,
  region: string,
  server: Server,
  imageId: string,
  { name, properties, minRamMib }: { name: string; properties: Record<string, string>; minRamMib: number },
): Promise<void> {
  await reserveImage(trx, region, imageId, {
    ...newImage(server.projectId),
    name,
    diskFormat: 'qcow2',
    containerFormat: 'bare',
    visibility: 'private',
    minDiskGib: server.diskGib,
    minRamMib,
    properties,
  });
}

/** What the image of the server said goes for its copy, too, unless the user says otherwise. */
function without(inherited: ImageProperties, said: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(inherited).filter(([name]) => said[name] === undefined));
}

/** What Nova says of an image that was a server (nova/compute/api.py, `_initialize_instance_snapshot_metadata`). */
export function origin(server: Server): Record<string, string> {
  return {
    instance_uuid: server.id,
    base_image_ref: server.imageId,
    owner_id: server.projectId,
    user_id: server.userId,
    image_location: 'snapshot',
    image_state: 'available',
  };
}

export interface SnapshotDeps {
  db: Knex;
  driver: ServerDriver;
  hostName: string;
  images: UploadDeps;
}

/**
 * Makes the images that were asked for, of what is not done yet. One that cannot be made is told in the log of actions and is no fault of the server,
 * as in Nova. After a crash it is begun anew, once the upload that was cut off has been given up.
 */
export async function takeSnapshots(
  deps: SnapshotDeps,
  server: Server,
  spec: ServerSpec,
  actions: readonly ServerAction[],
): Promise<void> {
  for (const action of actions) {
    const { imageId } = action.parameters;
    const isAboutOthers = imageId === undefined || action.action === 'shelve'; // that one is the server's own state
    if (isAboutOthers || action.revision > server.revision) continue;
    const startedAt = new Date();
    const failure = await takeSnapshot(deps, server, spec, imageId);
    await deps.driver.dropSnapshot(server.id, imageId);
    await deps.db.transaction((trx) => settleSnapshot(trx, deps, server, action, { startedAt, failure }));
  }
}

/** Undefined when the image is there, or is wanted no more. Throws `Unavailable` while an upload that was cut off is not given up. */
export async function takeSnapshot(
  { db, driver, images }: SnapshotDeps,
  server: Server,
  spec: ServerSpec,
  imageId: string,
): Promise<Error | undefined> {
  const status = await statusOfReserved(db, imageId);
  if (status === undefined || status === 'active' || status === 'deactivated') return undefined;
  if (status !== 'queued') throw new Unavailable(`The image ${imageId} is ${status}; its last upload was cut off.`);
  try {
    await watchingDeletion(db, server.id, async (signal) => {
      const data = await driver.openSnapshot(spec, imageId, signal);
      signal.addEventListener('abort', () => data.destroy(signal.reason));
      await fillReserved(images, server.projectId, imageId, data);
    });
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

async function settleSnapshot(
  trx: Knex,
  { hostName }: SnapshotDeps,
  server: Server,
  action: ServerAction,
  { startedAt, failure }: { startedAt: Date; failure: Error | undefined },
): Promise<void> {
  const { imageId, rotation, backupType } = action.parameters;
  const reason = failure && reasonOf(failure);
  await recordEvent(trx, action.number, eventOf(action.action), startedAt, reason ?? null, hostName);
  if (failure !== undefined) {
    await discardReserved(trx, imageId as string);
    return failAction(trx, action.number);
  }
  await finishAction(trx, action.number);
  if (rotation === undefined || backupType === undefined) return;
  const ofThisKind = { instance_uuid: server.id, image_type: 'backup', backup_type: backupType };
  await rotateImages(trx, server.projectId, ofThisKind, rotation);
}

/** Why an image could not be made, for users. */
export function reasonOf(failure: Error): string {
  return failure instanceof CloudError ? failure.message : 'The host could not make the image.';
}

/** Images that were asked for of a server that goes, and are not there yet, go with it. */
export async function discardUnfinishedImages(trx: Knex, serverId: string): Promise<void> {
  for (const { parameters } of await listUnfinished(trx, serverId)) await discardUnfinished(trx, parameters.imageId);
}

/** Images that nobody is going to make any more, of all that led to `revision`; the log of actions says why. */
export async function giveUpSnapshots(trx: Knex, serverId: string, revision: number): Promise<void> {
  for (const action of await listUnfinished(trx, serverId)) {
    if (action.action === 'shelve' || action.parameters.imageId === undefined || action.revision > revision) continue;
    await discardUnfinished(trx, action.parameters.imageId);
    await failAction(trx, action.number);
  }
}

async function discardUnfinished(trx: Knex, imageId: string | undefined): Promise<void> {
  if (imageId === undefined) return;
  const status = await statusOfReserved(trx, imageId);
  if (status !== undefined && status !== 'active') await discardReserved(trx, imageId);
}
