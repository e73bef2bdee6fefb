/** Servers that are put away as images, and come back from them, on whichever host has room then. */
import { randomUUID } from 'node:crypto';
import type { ProjectContext } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Conflict, NotFound } from '../../common/errors.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import { propertiesFor } from '../../image/images/snapshots.ts';
import { getUsableImage } from '../../image/images/use.ts';
import { bindPorts } from '../../network/ports.ts';
import { deviceOwnerOn, requireZone, zonesByHost } from '../aggregates/zones.ts';
import { findHostId } from '../hosts/store.ts';
import { availabilityZone } from '../limits.ts';
import { claimHost } from '../scheduler/claim.ts';
import { placed } from '../scheduler/no-valid-host.ts';
import { ask } from './ask.ts';
import type { ServerDeps } from './create.ts';
import { lastingDemand } from './lasting-demand.ts';
import { extraDiskGib } from './local-disks.ts';
import type { Server } from './server.ts';
import { origin, reserveImageOf } from './snapshots.ts';
import { requirements, statusOf } from './states.ts';
import { getBootData } from './store.ts';

export const shelvingPolicy = definePolicy({
  'os_compute_api:os-shelve:unshelve_to_host': projectAdmin('Choose the host on which a shelved server comes back'),
});
const toHost = shelvingPolicy['os_compute_api:os-shelve:unshelve_to_host'];

/**
 * Shuts the server down and keeps its disk as an image; its host gets rid of it as soon as the site says (Nova's
 * `shelved_offload_time`). Throws `Conflict`, and `OverQuota` when the project may not have one more image.
 */
export async function shelveServer(deps: ServerDeps, ctx: ProjectContext, id: string): Promise<void> {
  const { db, region, imageProtection, shelvedOffloadSeconds } = deps;
  const imageId = randomUUID();
  await ask(db, ctx, id, {
    action: 'shelve',
    api: 'shelve',
    requirement: requirements.shelve,
    parameters: { imageId },
    async change(trx, server) {
      const { imageProperties, imageMinRamMib: minRamMib } = await getBootData(trx, server.id);
      const own = { ...imageProperties, ...origin(server), image_type: 'snapshot' };
      const properties = propertiesFor(imageProtection, ctx, {}, own);
      const name = `${server.name.slice(0, 247)}-shelved`;
      await reserveImageOf(trx, region, server, imageId, { name, properties, minRamMib });
      return {
        shelved_at: trx.fn.now(),
        shelve_image_id: imageId,
        offload_requested_at: shelvedOffloadSeconds === 0 ? trx.fn.now() : null,
      };
    },
  });
}

/** Has the host of a shelved server get rid of it now. Throws `Conflict`. */
export async function offloadServer({ db }: ServerDeps, ctx: ProjectContext, id: string): Promise<void> {
  await ask(db, ctx, id, {
    action: 'shelveOffload',
    api: 'shelveOffload',
    requirement: requirements['shelve offload'],
    change: (trx) => ({ offload_requested_at: trx.fn.now() }),
  });
}

/** Where a server that has no host is to come back; what is absent stays as it was asked for before. */
export interface UnshelvePlace {
  /** Null: any from now on. */
  zone?: string | null;
  hostName?: string;
}

/**
 * Lets the server run again: where it is, or on a host that has room. Throws `NoValidHost` with the scheduler's reasons when none
 * has, `Forbidden` when the caller may not choose the host, `Conflict`.
 */
export async function unshelveServer(
  deps: ServerDeps,
  ctx: ProjectContext,
  id: string,
  place: UnshelvePlace = {},
): Promise<void> {
  if (place.hostName !== undefined) deps.enforcer.authorize(ctx, toHost);
  await ask(deps.db, ctx, id, {
    action: 'unshelve',
    api: 'unshelve',
    requirement: requirements.unshelve,
    power: 'running',
    needsNoHost: true,
    async change(trx, server, revision) {
      const wish = { shelved_at: null, offload_requested_at: null };
      if (server.hostId === null) return { ...wish, ...(await placeAnew(trx, deps, server, place, revision)) };
      if (place.zone === undefined && place.hostName === undefined) return wish;
      throw new Conflict(
        `Specifying an availability zone when unshelving server ${server.id} with status "${statusOf(server)}" is not supported. The server status must be SHELVED_OFFLOADED.`,
      );
    },
  });
}

/** A host, its ports, and a disk made of the image that it was kept in. */
async function placeAnew(
  trx: Knex,
  { scheduling }: ServerDeps,
  server: Server,
  { zone: asked, hostName }: UnshelvePlace,
  revision: number,
): Promise<object> {
  const zone = asked === undefined ? server.availabilityZone : asked;
  if (typeof asked === 'string') await requireZone(trx, asked);
  if (hostName !== undefined) await checkHost(trx, hostName, zone);
  await requireImage(trx, server);
  const { vcpus, memoryMib, diskGib, projectId, extraSpecs } = server;
  const where = { zone, hostName: hostName ?? null, ...(await lastingDemand(trx, server.id)) };
  const placement = await claimHost(
    trx,
    { vcpus, memoryMib, diskGib: diskGib + extraDiskGib(server), projectId, extraSpecs, ...where },
    scheduling,
  );
  const host = placed(placement);
  await bindPorts(trx, server.id, { hostName: host.name, deviceOwner: await deviceOwnerOn(trx, host.name) });
  return {
    availability_zone: zone,
    host_id: host.id,
    disk_image_id: server.shelveImageId,
    disk_image_format: 'qcow2',
    disk_generation: revision,
    disk_copied_from: null,
  };
}

async function checkHost(trx: Knex, hostName: string, zone: string | null): Promise<void> {
  if ((await findHostId(trx, hostName)) === undefined)
    throw new BadRequest(`Compute host ${hostName} could not be found.`);
  const zoneOfHost = (await zonesByHost(trx)).get(hostName) ?? availabilityZone;
  if (zone !== null && zone !== zoneOfHost)
    throw new Conflict(`Host "${hostName}" is not in the availability zone "${zone}".`);
}

/** It is the project's to delete like any image of theirs: without it there is nothing to come back from. */
async function requireImage(trx: Knex, { id, shelveImageId }: Server): Promise<void> {
  await getUsableImage(trx, 'everyone', shelveImageId as string).catch((error: unknown) => {
    if (!(error instanceof NotFound || error instanceof BadRequest)) throw error;
    throw new Conflict(`Cannot 'unshelve' instance ${id}: the image ${shelveImageId} that it was kept in is gone.`);
  });
}
