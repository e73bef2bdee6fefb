/** The interfaces that a server is made with. */
import type { ProjectContext } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { defaultNetworkFor, resolveSecurityGroups } from '../../network/ports.ts';
import type { GuestPort, GuestPorts } from '../guest-ports.ts';

/** Undefined networks: the project's only one; one without networks gets servers without, as in Nova. Throws `NotFound`. */
export async function resolveNetworks(
  trx: Knex,
  { projectId }: ProjectContext,
  asked: GuestPort[] | undefined,
  securityGroups: string[] | undefined,
): Promise<GuestPorts> {
  const securityGroupIds = securityGroups && (await resolveSecurityGroups(trx, projectId, securityGroups));
  if (asked !== undefined) return { networks: asked, securityGroupIds };
  const networkId = await defaultNetworkFor(trx, projectId);
  return { networks: networkId === undefined ? [] : [{ networkId }], securityGroupIds };
}
