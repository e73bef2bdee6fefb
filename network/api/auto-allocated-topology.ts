import type { ProjectContext } from '../../common/context.ts';
import { NotFound } from '../../common/errors.ts';
import { many } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { checkRequirements, deleteTopology, ensureTopology, mayAskFor } from '../auto-allocated-topology/topology.ts';
import { networkPolicy } from '../policy.ts';
import type { ApiDeps } from './deps.ts';

const path = '/v2.0/auto-allocated-topology/{project_id}';
/** Whose it is; clients write None for their own. */
const projectOf = (params: Record<string, string>, ctx: Pick<ProjectContext, 'projectId'>): string =>
  params.project_id === undefined || params.project_id === 'None' ? ctx.projectId : params.project_id;

export const autoAllocatedTopologyRoutes = (deps: ApiDeps) => [
  route({
    method: 'GET',
    path,
    rule: networkPolicy.get_auto_allocated_topology,
    summary: 'The network that a project is given when it asks for any; made when it is not there',
    status: 200,
    async handler({ ctx, params, query }) {
      const projectId = askedProject(ctx, params);
      const isDryRun = many(query.fields).includes('dry-run');
      if (isDryRun) await checkRequirements(deps, projectId);
      const id = isDryRun ? 'dry-run=pass' : await ensureTopology(deps, ctx, projectId);
      return { auto_allocated_topology: { id, project_id: projectId, tenant_id: projectId } };
    },
  }),
  route({
    method: 'DELETE',
    path,
    rule: networkPolicy.delete_auto_allocated_topology,
    summary: 'Delete the network that a project was given, with its router',
    status: 204,
    async handler({ ctx, params }, h) {
      await deleteTopology(deps, ctx, askedProject(ctx, params));
      return noContent(h);
    },
  }),
];

/** Another project's is not there. */
function askedProject(ctx: ProjectContext, params: Record<string, string>): string {
  const projectId = projectOf(params, ctx);
  if (!mayAskFor(ctx, projectId)) throw new NotFound('Auto allocated topology', projectId);
  return projectId;
}
