/** What the host of a server does to put it away, step by step: each may be the last before its process dies. */
import { randomUUID } from 'node:crypto';
import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { discardReserved, isProtected, statusOfReserved } from '../../image/images/snapshots.ts';
import { bindPorts } from '../../network/ports.ts';
import type { ServerSpec } from '../drivers/driver.ts';
import { failAction, finishActionsUpTo, listUnfinished, recordEvent, recordOwnAction } from './actions.ts';
import { eventOf } from './event-names.ts';
import type { Server } from './server.ts';
import { reasonOf, type SnapshotDeps, takeSnapshot } from './snapshots.ts';

/**
 * Has everything on the disk of a server, which is shut down by now, in its image. Where that cannot be had, it is not
 * shelved after all, as nothing may be lost: false, and it goes back to what it did.
 */
export async function keepAsImage(deps: SnapshotDeps, server: Server, spec: ServerSpec): Promise<boolean> {
  const imageId = server.shelveImageId as string;
  const startedAt = new Date();
  const failure = await takeSnapshot(deps, server, spec, imageId);
  await deps.driver.dropSnapshot(server.id, imageId);
  if (failure === undefined && (await isThere(deps.db, imageId))) return true;
  const reason = failure ? reasonOf(failure) : 'The image was deleted before it was there.';
  await callOff(deps, server, startedAt, reason);
  return false;
}

/**
 * Gives up the host. The order is what keeps the disk safe: it goes only once the row says that the image has everything, and
 * the row gives up the host only once nothing is left there.
 */
export async function offload(deps: SnapshotDeps, server: Server): Promise<void> {
  const { db, driver, hostName } = deps;
  const isHere = (await driver.observe(server.id)) !== undefined;
  if (isHere && !(await isThere(db, server.shelveImageId as string)))
    return callOff(deps, server, new Date(), 'The image was deleted before the disk was.');
  const { id, revision } = server;
  const marked = await db('servers')
    .where({ id, revision })
    .whereNotNull('shelved_at')
    .update({
      observed_shelved: true,
      observed_power: 'shutdown',
      offload_requested_at: db.raw('coalesce(offload_requested_at, now())'),
    });
  if (marked === 0) return; // something else is asked for by now, which this host is told of, too
  await driver.remove(server.id);
  await db.transaction(async (trx) => {
    const gone = { host_id: null, observed_power: null, observed_disk_generation: null, observed_shelved: false };
    const healed = { is_faulty: false, failing_since: null, settled_revision: server.revision };
    const left = await trx('servers')
      .where({ id, revision })
      .whereNotNull('offload_requested_at')
      .update({ ...gone, ...healed, updated_at: trx.fn.now() });
    if (left === 0) return; // it is to be deleted by now, which finds nothing left to do here
    await bindPorts(trx, server.id, { hostName: null });
    for (const action of await listUnfinished(trx, server.id))
      await recordEvent(trx, action.number, eventOf(action.action), action.startedAt, null, hostName);
    await finishActionsUpTo(trx, server.id, server.revision, null);
  });
}

/** A server is to run again whose disk was lost meanwhile: it gets one of the image that it was kept in. */
export async function restoreLostDisk({ db }: SnapshotDeps, { id, revision, shelveImageId }: Server): Promise<void> {
  const disk = { disk_image_id: shelveImageId, disk_image_format: 'qcow2', disk_copied_from: null };
  const seen = { observed_shelved: false, observed_power: null, observed_disk_generation: null };
  await db('servers')
    .where({ id, revision })
    .update({ ...disk, ...seen, disk_generation: revision, updated_at: db.fn.now() });
  await notify(db, 'servers', id);
}

/** What it was kept in goes once it runs again, as in Nova; what its owner protects stays. */
export async function discardShelveImage(trx: Knex, { shelveImageId }: Server): Promise<void> {
  if (shelveImageId !== null && !(await isProtected(trx, shelveImageId))) await discardReserved(trx, shelveImageId);
}

/** The server runs, or is deleted: it is no longer kept in an image. */
export async function leaveShelf(trx: Knex, server: Server): Promise<void> {
  if (server.shelvedAt !== null || server.shelveImageId === null) return;
  await discardShelveImage(trx, server);
  await trx('servers').where({ id: server.id, shelved_at: null }).update({ shelve_image_id: null });
}

/** Has those give up this host that were shelved for so long (negative: never); gives their ids. */
export async function offloadShelved(db: Knex, hostName: string, seconds: number): Promise<string[]> {
  if (seconds < 0) return [];
  const host = db('compute_hosts').where({ name: hostName }).select('id');
  return db.transaction(async (trx) => {
    const rows = await trx('servers')
      .whereIn('host_id', host)
      .where({ observed_shelved: true, offload_requested_at: null, deletion_requested_at: null })
      .whereRaw("shelved_at <= now() - ? * interval '1 second'", [seconds])
      .update({
        offload_requested_at: trx.fn.now(),
        revision: trx.raw('revision + 1'),
        updated_at: trx.fn.now(),
      })
      .returning(['id', 'project_id', 'revision']);
    for (const { id: serverId, project_id: projectId, revision } of rows) {
      const message = 'It has been shelved for as long as servers keep their host.';
      const requestId = `req-${randomUUID()}`;
      await recordOwnAction(trx, { serverId, projectId, revision, requestId, action: 'shelveOffload', message });
    }
    return rows.map((row) => row.id);
  });
}

async function isThere(db: Knex, imageId: string): Promise<boolean> {
  const status = await statusOfReserved(db, imageId);
  return status === 'active' || status === 'deactivated';
}

/** Unless something else is asked for by now, the server does again what it did. */
async function callOff({ db, hostName }: SnapshotDeps, server: Server, startedAt: Date, reason: string): Promise<void> {
  await db.transaction(async (trx) => {
    const { id, revision, shelveImageId } = server;
    const changed = await trx('servers')
      .where({ id, revision, deletion_requested_at: null })
      .update({
        shelved_at: null,
        offload_requested_at: null,
        shelve_image_id: null,
        observed_shelved: false,
        revision: revision + 1,
        updated_at: trx.fn.now(),
      });
    if (changed === 0) return;
    await discardReserved(trx, shelveImageId as string);
    for (const action of await listUnfinished(trx, id)) {
      if (action.action !== 'shelve' && action.action !== 'shelveOffload') continue;
      await recordEvent(trx, action.number, eventOf(action.action), startedAt, reason, hostName);
      await failAction(trx, action.number);
    }
    await notify(trx, 'servers', id);
  });
}
