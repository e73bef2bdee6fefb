/** The interfaces that a server is made with. */
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { createPort, defaultNetworkFor, resolveSecurityGroups } from '../../network/ports.ts';
import { availabilityZone } from '../limits.ts';

/** One interface, on a network of which any or a given address is taken, or on a port that exists. */
export interface NetworkRequest {
  networkId?: string;
  portId?: string;
  fixedIp?: string;
}

export interface ResolvedNetworks {
  networks: NetworkRequest[];
  /** Undefined: the project's default group. */
  securityGroupIds: string[] | undefined;
}

/** Undefined networks: the project's only one; one without networks gets servers without, as in Nova. Throws `NotFound`. */
export async function resolveNetworks(
  trx: Knex,
  { projectId }: ProjectContext,
  asked: NetworkRequest[] | undefined,
  securityGroups: string[] | undefined,
): Promise<ResolvedNetworks> {
  const securityGroupIds = securityGroups && (await resolveSecurityGroups(trx, projectId, securityGroups));
  if (asked !== undefined) return { networks: asked, securityGroupIds };
  const networkId = await defaultNetworkFor(trx, projectId);
  return { networks: networkId === undefined ? [] : [{ networkId }], securityGroupIds };
}

export async function createServerPorts(
  trx: Knex,
  ctx: ProjectContext,
  serverId: string,
  { networks, securityGroupIds }: ResolvedNetworks,
  hostName: string | null,
): Promise<void> {
  for (const network of networks)
    await createPort(trx, {
      ...network,
      projectId: ctx.projectId,
      visible: visibleTo(ctx),
      securityGroupIds,
      deviceId: serverId,
      deviceOwner: `compute:${availabilityZone}`,
      hostName,
    });
}
