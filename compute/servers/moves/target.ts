/** Where a server goes: the scheduler's choice, claimed in the transaction that asks for the move. */
import type { Knex } from '../../../common/database/database.ts';
import { BadRequest } from '../../../common/errors.ts';
import { diskSizeOfImage } from '../../../image/images/use.ts';
import type { ComputeHost } from '../../hosts/host.ts';
import { getHost } from '../../hosts/store.ts';
import { hasImage } from '../../image-cache/store.ts';
import { claimHost, type Placement } from '../../scheduler/claim.ts';
import type { Scheduling } from '../../scheduler/scheduling.ts';
import { lastingDemand } from '../lasting-demand.ts';
import { extraDiskGib } from '../local-disks.ts';
import type { Server } from '../server.ts';

export interface Leaving {
  /** An administrator's choice; null: any. */
  hostName: string | null;
  /** How big it is there. */
  size: Pick<Server, 'vcpus' | 'memoryMib' | 'diskGib' | 'ephemeralGib' | 'swapMib' | 'extraSpecs'>;
  /** Its disk, and its memory if it goes while it runs, come from the host that it leaves. */
  how: 'cold' | 'live' | 'evacuated';
}

/**
 * Finds and claims a host other than its own. The claim is its row, which has to be changed in the same transaction. Throws
 * `BadRequest` when its disk cannot go there.
 */
export async function claimTarget(
  trx: Knex,
  scheduling: Scheduling,
  server: PlacedServer,
  { hostName, size, how }: Leaving,
): Promise<Placement> {
  const lasting = await lastingDemand(trx, server.id);
  const from = await getHost(trx, server.hostId);
  const placement = await claimHost(
    trx,
    {
      vcpus: size.vcpus,
      memoryMib: size.memoryMib,
      diskGib: size.diskGib + extraDiskGib(size),
      extraSpecs: size.extraSpecs,
      zone: server.availabilityZone,
      hostName,
      projectId: server.projectId,
      ...lasting,
      leaving: {
        hostName: server.hostName,
        needsRoad: how !== 'evacuated',
        ...(how === 'live' && { hypervisorVersion: from.hypervisorVersion }),
      },
    },
    scheduling,
  );
  if (how !== 'evacuated' && placement.host !== undefined) await refuseLostImage(trx, server, placement.host);
  return placement;
}

/** What is carried of a disk is what differs from its image, without which it is worth nothing. */
async function refuseLostImage(trx: Knex, { id, hostId, diskImageId }: PlacedServer, to: ComputeHost): Promise<void> {
  if ((await diskSizeOfImage(trx, diskImageId)) !== undefined) return;
  for (const host of [to.id, hostId]) if (await hasImage(trx, host, diskImageId)) return;
  throw new BadRequest(
    `Instance ${id} cannot go to ${to.name}: the image ${diskImageId} that its disk stands on is gone, also from both hosts.`,
  );
}

export type PlacedServer = Server & { hostId: string; hostName: string };

/** Of a server that was asked something which only servers on a host can be asked. */
export function onItsHost(server: Server): PlacedServer {
  if (server.hostId === null || server.hostName === null) throw new Error(`server ${server.id} is on no host`);
  return server as PlacedServer;
}
