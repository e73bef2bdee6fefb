/** The interfaces that a server is made with. */
import type { ProjectContext } from '../../common/context.ts';
import { BadRequest } from '../../common/errors.ts';
import { ensureTopology } from '../../network/auto-allocated-topology/topology.ts';
import { AutoAllocationFailure } from '../../network/errors.ts';
import { defaultNetworkFor, resolveSecurityGroups } from '../../network/ports.ts';
import type { GuestPort, GuestPorts } from '../guest-ports.ts';
import type { ServerDeps } from './create.ts';

/**
 * Undefined networks: the project's only one; one without networks gets servers without, as in Nova, unless it asks for whichever:
 * then one is made for it. Throws `NotFound`, and `BadRequest` where none can be made.
 */
export async function resolveNetworks(
  deps: ServerDeps,
  ctx: ProjectContext,
  asked: GuestPort[] | 'auto' | undefined,
  securityGroups: string[] | undefined,
): Promise<GuestPorts> {
  const { db: trx } = deps;
  const { projectId } = ctx;
  const securityGroupIds = securityGroups && (await resolveSecurityGroups(trx, projectId, securityGroups));
  if (Array.isArray(asked)) return { networks: asked, securityGroupIds };
  const known = await defaultNetworkFor(trx, projectId);
  const networkId = known === undefined && asked === 'auto' ? await allocated(deps, ctx) : known;
  return { networks: networkId === undefined ? [] : [{ networkId }], securityGroupIds };
}

/** In Nova's words, with Neutron's reason. */
async function allocated(deps: ServerDeps, ctx: ProjectContext): Promise<string> {
  return await ensureTopology(deps, ctx, ctx.projectId).catch((error) => {
    if (!(error instanceof AutoAllocationFailure)) throw error;
    throw new BadRequest(`Unable to automatically allocate a network for project ${ctx.projectId}: ${error.message}`, {
      cause: error,
    });
  });
}
