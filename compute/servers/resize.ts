import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Conflict } from '../../common/errors.ts';
import type { Flavor } from '../flavors/flavor.ts';
import { liveLimitsOf } from '../flavors/live-limits.ts';
import { getFlavor } from '../flavors/store.ts';
import { checkQuota } from '../quotas/quotas.ts';
import { badReference } from '../references.ts';
import { claimHost } from '../scheduler/claim.ts';
import { NoValidHost, placed } from '../scheduler/no-valid-host.ts';
import { ask } from './ask.ts';
import type { ServerDeps } from './create.ts';
import { refuseOnDeadHost } from './dead-hosts.ts';
import { checkMemory, imageDiskGib } from './image-fit.ts';
import { extraDiskGib, resizedDisks } from './local-disks.ts';
import { checkMachine } from './machine.ts';
import { coldMove, stayHere, turnBack } from './moves/cold.ts';
import { insertMove } from './moves/store.ts';
import { onItsHost } from './moves/target.ts';
import type { Server, ServerFlavor } from './server.ts';
import { oldFlavorOf, sizeColumns } from './sizes.ts';
import { requirements } from './states.ts';
import { type BootData, getBootData } from './store.ts';

/**
 * Makes the server another size, from a copy of its disk, on its host or where that has no room on another one; the old one is kept until it is confirmed or reverted.
 * Throws `BadRequest` when the flavor does not fit the server or its host, `OverQuota`, `Conflict`.
 */
export async function resizeServer(
  { db, region, scheduling }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  flavorId: string,
  diskConfig: 'AUTO' | 'MANUAL' | undefined,
): Promise<void> {
  await ask(db, ctx, id, {
    action: 'resize',
    api: 'resize',
    requirement: requirements.resize,
    async change(trx, server, revision) {
      await refuseOnDeadHost(trx, server);
      const flavor = await getFlavor(trx, visibleTo(ctx), flavorId).catch(badReference());
      checkChange(server, flavor);
      checkImageTakes(await getBootData(trx, server.id), flavor);
      const localDisks = resizedDisks(server.localDisks, flavor);
      if (server.diskGib === 0) await checkHoldsImage(trx, server, flavor);
      const place = await claimPlace(trx, ctx, { region, scheduling }, server, flavor);
      return {
        ...place,
        ...sizeColumns({ ...flavor, flavorId: flavor.id, flavorName: flavor.name, localDisks }),
        old_flavor: JSON.stringify(oldFlavorOf(server)),
        live_limits: JSON.stringify(liveLimitsOf(flavor)),
        disk_copied_from: server.diskGeneration,
        disk_generation: revision,
        ...(diskConfig && { disk_config: diskConfig }),
      };
    },
  });
}

/** The old size and its disk are given up. */
export async function confirmResize({ db }: ServerDeps, ctx: ProjectContext, id: string): Promise<void> {
  await ask(db, ctx, id, {
    action: 'confirmResize',
    api: 'confirmResize',
    requirement: requirements['confirm resize'],
    change: async (trx, server) => ({ old_flavor: null, disk_copied_from: null, ...(await stayHere(trx, server)) }),
  });
}

/** Back to the old size and to the disk as it was then. */
export async function revertResize({ db }: ServerDeps, ctx: ProjectContext, id: string): Promise<void> {
  await ask(db, ctx, id, {
    action: 'revertResize',
    api: 'revertResize',
    requirement: requirements['revert resize'],
    async change(trx, server) {
      const { oldFlavor } = server;
      if (oldFlavor === null)
        throw new Conflict(`Cannot 'revertResize' instance ${server.id} while it is in vm_state error`);
      return {
        live_limits: JSON.stringify(liveLimitsOf(oldFlavor)),
        ...sizeColumns(oldFlavor),
        old_flavor: null,
        disk_copied_from: null,
        disk_generation: oldFlavor.diskGeneration,
        ...(await turnBack(trx, server)),
      };
    },
  });
}

/** On its host, or where that has no room, on another one, to which the server then goes. Gives what that changes of its row. */
async function claimPlace(
  trx: Knex,
  ctx: ProjectContext,
  deps: Pick<ServerDeps, 'region' | 'scheduling'>,
  server: Server,
  flavor: Flavor,
): Promise<object> {
  try {
    await claimMore(trx, deps, server, flavor);
  } catch (error) {
    if (!(error instanceof NoValidHost) || !(await hasOtherHosts(trx))) throw error;
    return coldMove(trx, ctx, deps.scheduling, server, { hostName: null, size: flavor, kind: 'resize' });
  }
  await noteStay(trx, ctx, server);
  return {};
}

/** For the list of migrations, where Nova tells of every resize. There is nothing to send: what is left is to make it here. */
async function noteStay(trx: Knex, { userId, projectId }: ProjectContext, server: Server): Promise<void> {
  const { hostName } = onItsHost(server);
  await insertMove(trx, {
    serverId: server.id,
    kind: 'resize',
    status: 'post-migrating',
    userId,
    projectId,
    sourceHost: hostName,
    destinationHost: hostName,
  });
}

async function hasOtherHosts(trx: Knex): Promise<boolean> {
  return (await trx('compute_hosts').whereNotNull('migration_address').select('id').limit(2)).length > 1;
}

function checkChange(server: Server, flavor: Flavor): void {
  if (flavor.id === server.flavorId) throw new BadRequest('When resizing, instances must change flavor!');
  if (flavor.diskGib === 0 && server.diskGib > 0) throw new BadRequest('Resize to zero disk flavor is not allowed.');
  if (flavor.diskGib < server.diskGib) throw new BadRequest('Unable to resize disk down.');
}

/** What its image asks for holds for every size of it. Throws `BadRequest`. */
export function checkImageTakes(
  { imageProperties, imageMinRamMib }: Pick<BootData, 'imageProperties' | 'imageMinRamMib'>,
  flavor: Flavor,
): void {
  checkMemory(imageMinRamMib, flavor);
  checkMachine(imageProperties, flavor);
}

/** The disk so far is as large as its image. */
async function checkHoldsImage(trx: Knex, server: Server, { diskGib }: Flavor): Promise<void> {
  const needed = await imageDiskGib(trx, server.diskImageId);
  if (diskGib > 0 && needed !== undefined && needed > diskGib) throw new BadRequest('Unable to resize disk down.');
}

/** What the new size takes beyond the old one, and a second disk until it is settled which of them stays. Throws `NoValidHost`, `OverQuota`. */
export async function claimMore(
  trx: Knex,
  { region, scheduling }: Pick<ServerDeps, 'region' | 'scheduling'>,
  server: Server,
  flavor: Flavor,
  { diskGib = flavor.diskGib + extraDiskGib(flavor) }: { diskGib?: number } = {},
): Promise<void> {
  const cores = Math.max(0, flavor.vcpus - server.vcpus);
  const ram = Math.max(0, flavor.memoryMib - server.memoryMib);
  const disk = Math.max(0, flavor.diskGib + extraDiskGib(flavor) - server.diskGib - extraDiskGib(server));
  const { projectId, userId } = server;
  const { imageProperties } = await getBootData(trx, server.id);
  await checkQuota(trx, { region, projectId, userId }, { cores, ram, disk });
  const placement = await claimHost(
    trx,
    {
      vcpus: cores,
      guestVcpus: flavor.vcpus,
      memoryMib: ram,
      diskGib,
      zone: null,
      hostName: server.hostName,
      projectId,
      extraSpecs: flavor.extraSpecs,
      imageProperties,
    },
    scheduling,
  );
  placed(placement);
}

export function flavorColumns(flavor: ServerFlavor) {
  return {
    flavor_id: flavor.flavorId,
    flavor_name: flavor.flavorName,
    flavor_extra_specs: JSON.stringify(flavor.extraSpecs),
    vcpus: flavor.vcpus,
    memory_mib: flavor.memoryMib,
    disk_gib: flavor.diskGib,
  };
}
