/** The interfaces of a guest that is being made, of whatever kind. */
import { type ProjectContext, visibleTo } from '../common/context.ts';
import type { Knex } from '../common/database/database.ts';
import { createPort } from '../network/ports.ts';
import { asBadReference } from './references.ts';

/** One interface, on a network of which any or a given address is taken, or on a port that exists. */
export interface GuestPort {
  networkId?: string;
  portId?: string;
  fixedIp?: string;
  /** What the guest is told that it is for. */
  tag?: string;
}

export interface GuestPorts {
  networks: GuestPort[];
  /** Undefined: the project's default group. */
  securityGroupIds: string[] | undefined;
}

/**
 * Takes the ports of a guest on its host. One that got no host keeps none, and they are tried all the same: a port that cannot
 * be had is the request's fault and is told at once. Throws `BadRequest`, `Conflict` and `OverQuota`.
 */
export async function createGuestPorts(
  trx: Knex,
  ctx: ProjectContext,
  guest: { id: string; deviceOwner: string; host: { name: string } | undefined },
  { networks, securityGroupIds }: GuestPorts,
): Promise<void> {
  const ports = guest.host ? trx : await trx.transaction();
  try {
    for (const network of networks)
      await createPort(ports, {
        ...network,
        projectId: ctx.projectId,
        visible: visibleTo(ctx),
        securityGroupIds,
        deviceId: guest.id,
        deviceOwner: guest.deviceOwner,
        needsSubnet: true,
        hostName: guest.host?.name ?? null,
      });
  } catch (error) {
    throw asBadReference(error); // and nothing of the transaction stays
  } finally {
    if (ports !== trx) await (ports as Knex.Transaction).rollback();
  }
}
