import { randomUUID } from 'node:crypto';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, CloudError, NotFound, PermanentFailure } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import type { Secret } from '../../common/secret.ts';
import type { UploadDeps } from '../../image/images/uploads.ts';
import { guestPorts } from '../../network/ports.ts';
import { type ObservedGuest, type ServerDriver, type ServerSpec, ToldAtOnce } from '../drivers/driver.ts';
import { tuningOf } from '../flavors/guest-tuning.ts';
import { foreignGuests } from '../hosts/foreign.ts';
import { knownIds, sweepGuests } from '../hosts/sweep.ts';
import type { HostImageCache } from '../image-cache/cache.ts';
import { rebootGraceSeconds, shutdownGraceSeconds } from '../limits.ts';
import { driveOf } from '../metadata/drive.ts';
import type { VendorDataSettings } from '../metadata/vendor-data.ts';
import {
  finishAction,
  finishActionsUpTo,
  listUnfinished,
  recordEvent,
  recordOwnAction,
  type ServerAction,
} from './actions.ts';
import { forgetOldHistory, reclaimDeleted, removeServerRow } from './deletion.ts';
import { waitUnless, watchingDeletion } from './deletion-watch.ts';
import { eventOf } from './event-names.ts';
import { askGuest } from './guest-requests.ts';
import { hasGuestAgent, mustQuiesce, shutdownSecondsOf } from './image-properties.ts';
import { changeSize } from './live-resized.ts';
import { machineOf, specsWith } from './machine.ts';
import { handBack, handOver } from './moves/hand-over.ts';
import { noteArrival, onTheirWay } from './moves/store.ts';
import { acceptShutdown, type Fault, giveUpOn, recordFailure, settleServer, unsettle } from './observations.ts';
import { hasItsPorts, listWithOtherPorts } from './plugged-ports.ts';
import { forgetRemains, hasRemains, listRemains } from './remains.ts';
import type { Server, WantedPower } from './server.ts';
import { keepAsImage, leaveShelf, offload, offloadShelved, restoreLostDisk } from './shelved.ts';
import { giveUpSnapshots, takeSnapshots } from './snapshots.ts';
import { effectivePower } from './states.ts';
import { findServerOnHost, getBootData, listPowerOnHost, listUnsettledIds } from './store.ts';

export interface ServerReconcilerDeps {
  db: Knex;
  log: Logger;
  driver: ServerDriver;
  cache: Pick<HostImageCache, 'ensure' | 'copyOf'>;
  /** This host: the servers of others are none of its business. */
  hostName: string;
  /** How long deleted servers are kept on it. */
  reclaimSeconds: number;
  /** How long shelved servers keep their host; negative: until they are told to go. */
  shelvedOffloadSeconds: number;
  /** Who else tells servers of themselves. */
  vendors: VendorDataSettings;
  /** Where the images go that servers become. */
  images: UploadDeps;
  /** What keys of the road between hosts are made of. */
  master: Secret;
}

/** Makes this host run the servers that were placed on it, as they were asked for, and no others. */
export function serverReconciler(deps: ServerReconcilerDeps): Reconciler {
  const { db, log, driver, hostName } = deps;
  const tellOfForeign = foreignGuests(driver, log);
  return {
    name: 'servers',
    concurrency: 64, // a step mostly waits for its guest; what costs the host something is bounded by the driver
    pending: async (limit) => [
      ...(await listUnsettledIds(db, hostName, limit)),
      ...(await listRemains(db, hostName, limit)),
    ],
    async reconcile(id) {
      const server = await findServerOnHost(db, hostName, id);
      if (server === undefined) return removeRemains(deps, id);
      const isLeaving = server.deletionRequestedAt !== null;
      try {
        await (isLeaving ? removeServer : settle)(deps, server);
      } catch (error) {
        const fault = faultOf(error);
        const mayEnd = !isLeaving && (server.softDeletedAt === null || (await isPutToRest(deps, id)));
        const isFinal = error instanceof PermanentFailure && mayEnd; // a deletion is never given up
        log.warn({ err: error, server: id, isFinal }, 'a server is not as asked');
        const [action] = await listUnfinished(db, id);
        if (action) await recordEvent(db, action.number, eventOf(action.action), new Date(), fault.details, hostName);
        if (!isFinal) {
          await recordFailure(db, server, fault);
          throw error; // the loop tries again, later each time
        }
        await db.transaction(async (trx) => {
          await giveUpOn(trx, server, fault);
          await giveUpSnapshots(trx, id, server.revision);
          await finishActionsUpTo(trx, id, server.revision, 'Error');
        });
      }
    },
    async sweep() {
      const reclaimed = await reclaimDeleted(db, hostName, deps.reclaimSeconds);
      const offloaded = await offloadShelved(db, hostName, deps.shelvedOffloadSeconds);
      await forgetOldHistory(db);
      await tellOfForeign();
      const rows = {
        onThisHost: () => listPowerOnHost(db, hostName),
        known: (ids: string[]) => knownIds(db, 'servers', ids),
        onTheirWay: (ids: string[]) => onTheirWay(db, hostName, ids),
      };
      const withOtherPorts = await listWithOtherPorts(db, hostName);
      return [...reclaimed, ...offloaded, ...withOtherPorts, ...(await sweepGuests(driver, rows, log))];
    },
  };
}

/** Whatever keeps a deleted server from being as its row says: it does not run. False while that cannot be had. */
async function isPutToRest({ driver, log }: ServerReconcilerDeps, id: string): Promise<boolean> {
  try {
    if ((await driver.observe(id)) !== undefined) await driver.power({ id }, 'shutdown', { graceSeconds: 0 });
    return true;
  } catch (error) {
    log.warn({ err: error, server: id }, 'a deleted server cannot be shut down');
    return false;
  }
}

/** The row goes last: a crash before that leaves it, and by it everything else is found again. */
async function removeServer({ db, driver }: ServerReconcilerDeps, server: Server): Promise<void> {
  await driver.remove(server.id);
  await db.transaction((trx) => removeServerRow(trx, server));
}

/** Of a server that was deleted while this host was dead. */
async function removeRemains({ db, driver, hostName }: ServerReconcilerDeps, id: string): Promise<void> {
  if (!(await hasRemains(db, hostName, id))) return;
  await driver.remove(id);
  await forgetRemains(db, hostName, id);
}

async function settle(deps: ServerReconcilerDeps, server: Server): Promise<void> {
  const { db, driver, hostName } = deps;
  if (server.move === 'live') return; // until it is there or stays, it is the business of moves/reconciler.ts
  if (server.move === 'back') return handBack(deps, server);
  if (server.move === 'cold') {
    const spec = await watchingDeletion(db, server.id, (signal) => specOf(deps, server, signal));
    return handOver(deps, server, spec, await shutdownGrace(db, server.id, 'shutdown'));
  }
  const wanted = effectivePower(server);
  if (server.observedShelved && server.offloadRequestedAt !== null) return offload(deps, server);
  if (server.observedShelved && server.shelvedAt === null && (await driver.observe(server.id)) === undefined)
    return restoreLostDisk(deps, server);
  if (server.settledRevision === server.revision) {
    if (server.isFaulty) return; // it gave up on this revision
    const guest = await driver.observe(server.id);
    const isAsked = guest !== undefined && isAs(guest, wanted);
    if (isAsked && (await hasItsPorts(db, server.id))) return;
    // Everything it had is in its image: a new disk would only look like it.
    if (server.observedShelved && guest === undefined) return offload(deps, server);
    if (wanted === 'running' && guest?.power === 'shutdown' && guest.stoppedItself) return letShutdownStand(db, server);
    if (!isAsked) await noteDrift(db, server, guest);
  }
  const spec = await watchingDeletion(db, server.id, async (signal) => {
    const spec = await specOf(deps, server, signal);
    await driver.ensure(spec, signal);
    await changeDisks(deps, server, spec, signal);
    return spec;
  });
  const actions = await listUnfinished(db, server.id);
  await reboot(deps, server, spec, actions);
  await driver.power(spec, wanted, { graceSeconds: await shutdownGrace(db, server.id, wanted) });
  // Of one that was suspended, nobody could change anything before.
  if (server.observedPower === 'suspended' && wanted === 'running') await driver.ensure(spec);
  if (!(await changeSize(deps, server, spec))) return;
  await askGuest(deps, server, actions);
  await takeSnapshots(deps, server, spec, actions);
  if (server.shelvedAt !== null && !server.observedShelved) {
    if (!(await keepAsImage(deps, server, spec))) return;
    if (server.offloadRequestedAt !== null) return offload(deps, server);
  }
  await db.transaction(async (trx) => {
    const pluggedPorts = spec.ports.map((port) => port.id);
    await settleServer(trx, server, wanted, pluggedPorts);
    await leaveShelf(trx, server);
    await noteArrival(trx, server.id, hostName);
    for (const action of await finishActionsUpTo(trx, server.id, server.revision, null))
      await recordEvent(trx, action.number, eventOf(action.action), action.startedAt, null, hostName);
  });
}

/** One that crashed is down. A guest whose memory was lost has none to keep: it is shut down, and starts when it is resumed. */
function isAs({ power }: ObservedGuest, wanted: WantedPower): boolean {
  const isDown = power === 'shutdown' || power === 'crashed';
  return power === wanted || (isDown && (wanted === 'suspended' || wanted === 'shutdown'));
}

/** What its image says, else what every guest has. */
async function shutdownGrace(db: Knex, id: string, wanted: WantedPower): Promise<number> {
  if (wanted !== 'shutdown') return shutdownGraceSeconds;
  return shutdownSecondsOf((await getBootData(db, id)).imageProperties) ?? shutdownGraceSeconds;
}

/** A guest that runs from other disks than it is to run from is taken down for that. */
async function changeDisks(
  { db, driver }: ServerReconcilerDeps,
  server: Server,
  spec: ServerSpec,
  signal: AbortSignal,
): Promise<void> {
  if (server.observedPower === null) return;
  const isOtherDisk = server.observedDiskGeneration !== server.diskGeneration;
  const isRescue = server.rescueImageId !== null;
  if (!isOtherDisk && server.observedRescue === isRescue) return;
  // Where what it has not written yet would be thrown away all the same, nobody waits for it.
  const isKept = isRescue || spec.rootDiskCopiedFrom !== null;
  const graceSeconds = isKept ? await shutdownGrace(db, server.id, 'shutdown') : 0;
  await driver.power(spec, 'shutdown', { graceSeconds });
  await driver.ensure(spec, signal);
}

/** Each reboot that was asked for happens at least once; those that a later shutdown overtook are let go. */
async function reboot(
  { db, driver, hostName }: ServerReconcilerDeps,
  server: Server,
  spec: ServerSpec,
  actions: readonly ServerAction[],
): Promise<void> {
  if (effectivePower(server) !== 'running') return;
  for (const action of actions) {
    if (action.action !== 'reboot' || action.revision > server.revision) continue;
    const kind = action.parameters.type === 'SOFT' ? 'soft' : 'hard';
    await driver.reboot(spec, kind, { graceSeconds: rebootGraceSeconds });
    await recordEvent(db, action.number, eventOf(action.action), action.startedAt, null, hostName);
    await finishAction(db, action.number);
  }
}

async function letShutdownStand(db: Knex, server: Server): Promise<void> {
  await db.transaction(async (trx) => {
    await acceptShutdown(trx, server);
    await recordOwnAction(trx, ownAction(server, 'stop', 'The guest shut itself down.'));
    await finishActionsUpTo(trx, server.id, server.revision, null);
  });
}

/** Somebody else's doing: it is put right, and the owner can read why the server was away. */
async function noteDrift(db: Knex, server: Server, guest: ObservedGuest | undefined): Promise<void> {
  const how = {
    none: 'The guest was gone from its host',
    crashed: 'The guest had crashed',
    shutdown: "The guest's power had been cut",
    paused: 'The guest had been paused',
    suspended: 'The guest had been suspended',
    running: 'The guest had been started on its host',
  }[guest?.power ?? 'none'];
  const [action, consequence] = {
    running: ['start', 'it is started again'],
    shutdown: ['stop', 'it is stopped again'],
    paused: ['pause', 'it is paused again'],
    suspended: ['suspend', 'it is suspended again'],
  }[effectivePower(server)];
  await db.transaction(async (trx) => {
    await unsettle(trx, server, guest?.power ?? 'shutdown');
    await recordOwnAction(trx, ownAction(server, action as string, `${how}; ${consequence}.`));
  });
}

function ownAction(server: Server, action: string, message: string) {
  const { id: serverId, projectId, revision } = server;
  return { serverId, projectId, revision, action, message, requestId: `req-${randomUUID()}` };
}

/** Everything the host has to know, read afresh: ports and addresses may have changed since the server was made. */
export async function specOf(
  deps: Pick<ServerReconcilerDeps, 'db' | 'log' | 'vendors'> & { cache: Pick<HostImageCache, 'ensure'> },
  server: Server,
  signal: AbortSignal,
): Promise<ServerSpec> {
  const { db, cache } = deps;
  const pathOf = (imageId: string) => waitUnless(signal, cache.ensure(imageId)).catch(imageGone);
  const path = await pathOf(server.diskImageId);
  const { rescueImageId, rescueImageFormat } = server;
  const rescuePath = rescueImageId === null ? null : await pathOf(rescueImageId);
  const ports = (await guestPorts(db, [server.id])).get(server.id) ?? [];
  const { imageProperties } = await getBootData(db, server.id);
  const size = server.liveResize?.to ?? server;
  return {
    id: server.id,
    name: server.name,
    vcpus: size.vcpus,
    memoryMib: size.memoryMib,
    ...(server.liveLimits !== null && { liveLimits: server.liveLimits }),
    rootDiskGib: server.diskGib,
    image: { path, format: server.diskImageFormat },
    rootDisk: server.diskGeneration,
    rootDiskCopiedFrom: server.diskCopiedFrom,
    rescueImage: rescuePath && rescueImageFormat ? { path: rescuePath, format: rescueImageFormat } : null,
    localDisks: server.localDisks,
    ports,
    configDrive: await driveOf(deps, server),
    ...(hasGuestAgent(imageProperties) && { guestAgent: { mustQuiesce: mustQuiesce(imageProperties) } }),
    machine: machineOf(imageProperties),
    tuning: tuningOf(specsWith(imageProperties, size.extraSpecs), size.vcpus),
  };
}

/** Deleted before this host had it: it will not come back. */
function imageGone(error: unknown): never {
  throw error instanceof NotFound || error instanceof BadRequest
    ? new PermanentFailure(error.message, { cause: error })
    : error;
}

/** Our own failures are worded for users; what anything else says stays with administrators. */
function faultOf(error: unknown): Fault {
  const chain: string[] = [];
  for (let cause: unknown = error; cause instanceof Error && chain.length < 10; cause = cause.cause)
    chain.push(`${cause.name}: ${cause.message}`);
  const details = chain.join('\n') || String(error);
  if (error instanceof CloudError)
    return { message: error.message, details, isToldAtOnce: error instanceof ToldAtOnce };
  if ((error as { code?: string }).code === 'ENOSPC')
    return { message: "The server's host has no disk space left.", details, isToldAtOnce: true };
  return { message: "The server's host failed in a way that only its operator can see; it goes on trying.", details };
}
