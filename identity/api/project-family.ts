import type { Context } from '../../common/context.ts';
import { BadRequest } from '../../common/errors.ts';
import type { IdentityDeps } from '../deps.ts';
import { listLimitsOfProjects } from '../limits/store.ts';
import { listParents, listSubtree, parentsAsIds, subtreeAsIds } from '../projects/hierarchy.ts';
import type { Project } from '../projects/project.ts';
import { listProjects } from '../projects/store.ts';
import { queryFlag } from './fields.ts';
import { limitView } from './limits.ts';
import { projectView } from './projects.ts';

/**
 * What a query asks to be shown above and below a project (`project` undefined: a domain). As ids it is all there is; as a
 * list only the projects that the caller has a role on, as keystone has it, and with their limits if `include_limits` is asked.
 */
export async function familyView(
  deps: IdentityDeps,
  { userId }: Context,
  id: string,
  project: Project | undefined,
  query: Record<string, unknown>,
): Promise<{ parents?: unknown; subtree?: unknown }> {
  const [upList, upIds] = [queryFlag(query, 'parents_as_list'), queryFlag(query, 'parents_as_ids')];
  const [downList, downIds] = [queryFlag(query, 'subtree_as_list'), queryFlag(query, 'subtree_as_ids')];
  for (const [name, both] of [
    ['parents', upList && upIds],
    ['subtree', downList && downIds],
  ] as const)
    if (both) throw new BadRequest(`Cannot use ${name}_as_list and ${name}_as_ids query params at the same time.`);
  const listed = async (projects: Project[]) => {
    const reached = new Set((await listProjects(deps.db, { openTo: { userId } })).map((one) => one.id));
    const shown = projects.filter((one) => reached.has(one.id));
    if (!queryFlag(query, 'include_limits')) return shown.map((one) => ({ project: projectView(deps, one) }));
    const ids = shown.map((one) => one.id);
    const limits = Map.groupBy(await listLimitsOfProjects(deps.db, ids), (limit) => limit.projectId);
    return shown.map((one) => ({
      project: {
        ...projectView(deps, one),
        limits: (limits.get(one.id) ?? []).map((limit) => limitView(deps, limit)),
      },
    }));
  };
  const parents = upList || upIds ? await listParents(deps.db, id) : [];
  const subtree = downList || downIds ? await listSubtree(deps.db, id) : [];
  return {
    ...(upList && { parents: await listed(parents) }),
    ...(upIds && { parents: project ? parentsAsIds(project, parents) : null }),
    ...(downList && { subtree: await listed(subtree) }),
    ...(downIds && { subtree: subtreeAsIds(id, subtree) }),
  };
}
