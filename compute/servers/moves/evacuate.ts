import type { ProjectContext } from '../../../common/context.ts';
import type { Knex } from '../../../common/database/database.ts';
import { BadRequest, Conflict, NotFound } from '../../../common/errors.ts';
import { diskSizeOfImage, getUsableImage } from '../../../image/images/use.ts';
import { bindPorts } from '../../../network/ports.ts';
import { getHost, requireHost } from '../../hosts/store.ts';
import { placed } from '../../scheduler/no-valid-host.ts';
import type { Scheduling } from '../../scheduler/scheduling.ts';
import { ask } from '../ask.ts';
import type { ServerDeps } from '../create.ts';
import { bootableFormat } from '../image-fit.ts';
import type { Server } from '../server.ts';
import { giveUpSnapshots } from '../snapshots.ts';
import { requirements } from '../states.ts';
import { backFromTheDead } from './cold.ts';
import { type Move, sendingStatuses } from './move.ts';
import { changeMove, findOpenMove, insertMove } from './store.ts';
import { claimTarget, onItsHost, type PlacedServer } from './target.ts';

export interface EvacuationRequest {
  hostName: string | null;
  adminPassword: string | null;
  /** Since 2.95 it is left shut down, for its owner to look at first. */
  staysStopped: boolean;
}

/**
 * Makes the server anew on another host, of its image and with its ports, because its own is dead: disks are local here, what was
 * on its disk is gone once it is made. One that came from a host that is up, and still has its disk there, goes back to that; one that
 * was on its way, and may have arrived, is left to the host where it was going. Throws `BadRequest` while the agent of its host lives and nobody says that it is down, when its image is gone, or
 * when no other can take it.
 */
export async function evacuateServer(
  { db, scheduling }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  { hostName, adminPassword, staysStopped }: EvacuationRequest,
): Promise<void> {
  await ask(db, ctx, id, {
    action: 'evacuate',
    api: 'evacuate',
    requirement: requirements.evacuate,
    ...(staysStopped && { power: 'shutdown' as const }),
    async change(trx, server, revision) {
      if (hostName !== null) await requireHost(trx, hostName);
      if (hostName !== null && hostName === server.hostName)
        throw new BadRequest('The target host can not be the same one.');
      if (adminPassword !== null)
        await trx('server_boot_data').where({ server_id: id }).update({ admin_password: adminPassword });
      return evacuation(trx, ctx, scheduling, server, revision, hostName);
    },
  });
}

/** What it changes of the server's row. */
export async function evacuation(
  trx: Knex,
  ctx: Pick<ProjectContext, 'userId' | 'projectId'> | null,
  scheduling: Scheduling,
  asked: Server,
  revision: number,
  hostName: string | null,
): Promise<object> {
  const server = onItsHost(asked);
  // Locked, so that its agent is not told to go on just now (`renewLease`).
  if (!(await getHost(trx, server.hostId, { lock: true })).isDead)
    throw new BadRequest(`Compute service of ${server.hostName} is still in use.`);
  if (server.shelvedAt !== null)
    throw new Conflict(`Cannot 'evacuate' instance ${server.id} while it is being shelved`);
  await giveUpSnapshots(trx, server.id, server.revision); // what they were to be of is gone
  const asBefore = await backFromTheDead(trx, server, hostName);
  if (asBefore !== undefined) return { ...asBefore, ...nothingSeen(server) };
  const before = await findOpenMove(trx, server.id);
  if (before !== undefined && (await isForDestination(trx, server, before))) {
    if (hostName !== null && hostName !== before.destinationHost)
      throw new BadRequest(
        `Instance ${server.id} may have arrived at ${before.destinationHost}: it can only go there.`,
      );
    await changeMove(trx, before.id, { destinationDecides: true });
    return {};
  }
  const image = await imageToBeMadeOf(trx, server);
  const host = placed(await claimTarget(trx, scheduling, server, { hostName, size: server, how: 'evacuated' }));
  return { ...(await anewOn(trx, ctx, server, before, host)), ...image, disk_generation: revision };
}

/**
 * It was on its way when its host died, and may be whole on the other one, which nobody has written down: what that one has
 * decides (`take-over.ts`), unless it is dead as well.
 */
export async function isForDestination(trx: Knex, server: Server, move: Move): Promise<boolean> {
  const isSending = (sendingStatuses as readonly string[]).includes(move.status);
  if (!isSending || server.otherHostId === null || server.move === null) return false;
  return !(await getHost(trx, server.otherHostId)).isDead;
}

/** Whatever way it was on ends, and another host, where it has a claim, is its owner. Gives what else changes of its row. */
export async function anewOn(
  trx: Knex,
  ctx: { userId: string | null; projectId: string | null } | null,
  server: PlacedServer,
  before: Move | undefined,
  host: { id: string; name: string },
): Promise<object> {
  if (before !== undefined) {
    const sourceKept = before.sourceKept || before.sourceHost !== server.hostName; // its disk from before is there
    // Unless it goes there now, the host that it did not come to is to have nothing of it.
    const isElsewhere = ![host.name, server.hostName].includes(before.destinationHost);
    await changeMove(trx, before.id, {
      ...{ status: 'error', reason: 'Its host is down.', sourceKept, destinationDecides: false },
      ...(isElsewhere && { destinationToClear: true }),
    });
  }
  await insertMove(trx, {
    serverId: server.id,
    kind: 'evacuation',
    status: 'accepted',
    userId: ctx?.userId ?? null,
    projectId: ctx?.projectId ?? null,
    sourceHost: server.hostName,
    destinationHost: host.name,
    sourceKept: true, // should nothing come of it, this is all there is
  });
  await bindPorts(trx, server.id, { hostName: host.name });
  return {
    host_id: host.id,
    other_host_id: null,
    move: null,
    old_flavor: null,
    disk_copied_from: null,
    rescue_image_id: null,
    rescue_image_format: null,
    rescue_disk_gib: 0,
    ...nothingSeen(server),
  };
}

/** Of the server on its new host. */
function nothingSeen({ observedPower }: Server) {
  const power = observedPower === null ? null : 'shutdown';
  return { observed_power: power, observed_rescue: false, is_faulty: false, failing_since: null };
}

/**
 * What its disk stands on, or, where that is gone (one that was shelved stands on an image of its own), the image that the server
 * is of. Throws `BadRequest` when nobody has either. Gives what changes of its row.
 */
export async function imageToBeMadeOf(trx: Knex, { id, imageId, diskImageId }: Server): Promise<object> {
  if ((await diskSizeOfImage(trx, diskImageId)) !== undefined) return {};
  const image = await getUsableImage(trx, 'everyone', imageId).catch((error: unknown) => {
    if (!(error instanceof NotFound || error instanceof BadRequest)) throw error;
    throw new BadRequest(`Instance ${id} cannot be made anew: its image ${imageId} is gone.`, { cause: error });
  });
  return { disk_image_id: image.id, disk_image_format: bootableFormat(image) };
}
