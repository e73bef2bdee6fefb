/**
 * Processors that come to a server while it runs, and memory that comes and goes. An extension of ours. Processors stay: a guest
 * lets go of one at a time of its own choosing, of which libvirt tells nothing after a few seconds.
 */
import { isDeepStrictEqual } from 'node:util';
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { BadRequest } from '../../common/errors.ts';
import type { Flavor } from '../flavors/flavor.ts';
import { memoryPieceMib } from '../flavors/live-limits.ts';
import { getFlavor } from '../flavors/store.ts';
import { badReference } from '../references.ts';
import { ask } from './ask.ts';
import type { ServerDeps } from './create.ts';
import { refuseOnDeadHost } from './dead-hosts.ts';
import { checkImageTakes, claimMore } from './resize.ts';
import type { Server, ServerFlavor } from './server.ts';
import { requirements } from './states.ts';
import { getBootData } from './store.ts';

/**
 * Gives the running server the processors and the memory of another flavor. What it needs more is claimed at once, and what it needs
 * less is given back once its guest has let go of it. Throws `BadRequest` that says what would help when that cannot be,
 * `OverQuota`, `Conflict`.
 */
export async function liveResizeServer(
  { db, region, scheduling }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  flavorId: string,
): Promise<void> {
  await ask(db, ctx, id, {
    action: 'liveResize',
    api: 'liveResize',
    requirement: requirements['live resize'],
    async change(trx, server) {
      await refuseOnDeadHost(trx, server);
      const flavor = await getFlavor(trx, visibleTo(ctx), flavorId).catch(badReference());
      const problem = liveResizeProblem(server, flavor);
      if (problem !== undefined)
        throw new BadRequest(`Server ${server.id} cannot become that while it runs: ${problem}.`);
      checkImageTakes(await getBootData(trx, server.id), flavor);
      await claimMore(trx, { region, scheduling }, server, flavor, { diskGib: 0 });
      const to = { ...flavor, flavorId: flavor.id, flavorName: flavor.name };
      return {
        vcpus: Math.max(server.vcpus, flavor.vcpus),
        memory_mib: Math.max(server.memoryMib, flavor.memoryMib),
        live_resize: JSON.stringify({ from: flavorOf(server), to: flavorOf(to) }),
      };
    },
  });
}

export function flavorOf({ flavorId, flavorName, vcpus, memoryMib, diskGib, extraSpecs }: ServerFlavor): ServerFlavor {
  return { flavorId, flavorName, vcpus, memoryMib, diskGib, extraSpecs };
}

/** Why the running server cannot have the size of the flavor, and what would help. */
export function liveResizeProblem(
  server: Pick<Server, 'flavorId' | 'vcpus' | 'diskGib' | 'ephemeralGib' | 'swapMib' | 'extraSpecs' | 'liveLimits'>,
  flavor: Flavor,
): string | undefined {
  if (flavor.id === server.flavorId) return 'it is of that flavor already';
  const { liveLimits } = server;
  if (liveLimits === null)
    return 'its flavor allows no other size (extra specs cirrostack:max_vcpus and cirrostack:max_memory_mb); resize it, which restarts it';
  const { diskGib, ephemeralGib, swapMib } = server;
  if (flavor.diskGib !== diskGib || flavor.swapMib !== swapMib || flavor.ephemeralGib !== ephemeralGib)
    return `only processors and memory change, and its disks are of ${diskGib} GiB, ${ephemeralGib} GiB and ${swapMib} MiB (swap); resize it, which restarts it`;
  if (!isDeepStrictEqual(unlimited(flavor.extraSpecs), unlimited(server.extraSpecs)))
    return 'that flavor has other extra specs than its own; resize it, which restarts it';
  const { maxVcpus, minMemoryMib, maxMemoryMib } = liveLimits;
  if (flavor.vcpus < server.vcpus) return 'no VCPUs can be taken from it; resize it, which restarts it';
  if (flavor.vcpus > maxVcpus)
    return `it can have at most ${maxVcpus} VCPUs, not ${flavor.vcpus}; resize it, which restarts it`;
  if (flavor.memoryMib < minMemoryMib || flavor.memoryMib > maxMemoryMib)
    return `it can have ${minMemoryMib} to ${maxMemoryMib} MiB of memory, not ${flavor.memoryMib}; resize it, which restarts it`;
  if ((flavor.memoryMib - minMemoryMib) % memoryPieceMib !== 0)
    return `its memory changes in pieces of ${memoryPieceMib} MiB`;
  return undefined;
}

/** Without what says how far it can go: that stays as it was when the server was started. */
function unlimited(specs: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(specs).filter(([name]) => !name.startsWith('cirrostack:')));
}
