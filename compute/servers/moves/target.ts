/** Where a server goes: the scheduler's choice, claimed in the transaction that asks for the move. */
import type { Knex } from '../../../common/database/database.ts';
import { BadRequest } from '../../../common/errors.ts';
import type { ComputeHost } from '../../hosts/host.ts';
import { getHost } from '../../hosts/store.ts';
import { claimHost, type Placement } from '../../scheduler/claim.ts';
import type { Scheduling } from '../../scheduler/scheduling.ts';
import { lockGroupOfServer } from '../../server-groups/membership.ts';
import type { Server, ServerFlavor } from '../server.ts';
import { hostsToClear } from './store.ts';

export interface Leaving {
  /** An administrator's choice; null: any. */
  hostName: string | null;
  /** How big it is there. */
  size: Pick<ServerFlavor, 'vcpus' | 'memoryMib' | 'diskGib' | 'extraSpecs'>;
  /** Its disk, and its memory if it goes while it runs, come from the host that it leaves. */
  how: 'cold' | 'live' | 'evacuated';
}

/** Finds and claims a host other than its own. The claim is its row, which has to be changed in the same transaction. */
export async function claimTarget(
  trx: Knex,
  scheduling: Scheduling,
  server: Server & { hostId: string; hostName: string },
  { hostName, size, how }: Leaving,
): Promise<Placement> {
  const group = await lockGroupOfServer(trx, server.id);
  const from = await getHost(trx, server.hostId);
  return claimHost(
    trx,
    {
      vcpus: size.vcpus,
      memoryMib: size.memoryMib,
      diskGib: size.diskGib,
      extraSpecs: size.extraSpecs,
      zone: server.availabilityZone,
      hostName,
      projectId: server.projectId,
      ...(group && { group }),
      leaving: {
        hostName: server.hostName,
        needsRoad: how !== 'evacuated',
        uncleared: await hostsToClear(trx, server.id),
        ...(how === 'live' && { hypervisorVersion: from.hypervisorVersion }),
      },
    },
    scheduling,
  );
}

/** Throws `BadRequest` when there is no host of that name. */
export async function requireHost(trx: Knex, name: string): Promise<void> {
  if ((await trx('compute_hosts').where({ name }).first('id')) === undefined)
    throw new BadRequest(`Compute host ${name} could not be found.`);
}

/** Throws `BadRequest` with the scheduler's reasons. */
export function placed(placement: Placement): ComputeHost {
  if (placement.host === undefined) throw new BadRequest(placement.reason);
  return placement.host;
}

export type PlacedServer = Server & { hostId: string; hostName: string };

/** Of a server that was asked something which only servers on a host can be asked. */
export function onItsHost(server: Server): PlacedServer {
  if (server.hostId === null || server.hostName === null) throw new Error(`server ${server.id} is on no host`);
  return server as PlacedServer;
}
