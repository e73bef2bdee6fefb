import { BadRequest } from '../../common/errors.ts';
import { one } from '../../common/http/page.ts';
import { type Route, route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import type { Target } from '../assignments/assignment.ts';
import { type AssignmentFilter, type ListedAssignment, listAssignments } from '../assignments/listing.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { getProject } from '../projects/store.ts';
import { grantPolicy, grantRoutes, ordinaryRules, type Place, placesFor } from './grants.ts';
import { identityPage, listView } from './listing.ts';
import { domainReaders } from './personas.ts';

export const assignmentPolicy = {
  ...grantPolicy,
  ...definePolicy({
    'identity:list_role_assignments': domainReaders(
      'target.domain_id',
      'List role assignments; readers of a domain see those on it and its projects',
    ),
    'identity:list_role_assignments_for_tree': domainReaders(
      'target.domain_id',
      'List role assignments on a project and those below it',
    ),
  }),
};

const systemRules = (kind: 'user' | 'group'): Place['rules'] => ({
  list: grantPolicy[`identity:list_system_grants_for_${kind}`],
  check: grantPolicy[`identity:check_system_grant_for_${kind}`],
  create: grantPolicy[`identity:create_system_grant_for_${kind}`],
  revoke: grantPolicy[`identity:revoke_system_grant_for_${kind}`],
});

const places: Place[] = [
  ...placesFor('/v3/projects/{project_id}', (p) => ({ projectId: p.project_id ?? '' }), { rules: () => ordinaryRules }),
  ...placesFor('/v3/domains/{domain_id}', (p) => ({ domainId: p.domain_id ?? '' }), { rules: () => ordinaryRules }),
  ...placesFor('/v3/system', () => 'system', { rules: systemRules }),
];

export const assignmentRoutes = (deps: IdentityDeps): Route[] => [
  ...places.flatMap((place) => grantRoutes(deps, place)),
  route({
    method: 'GET',
    path: '/v3/role_assignments',
    rule: assignmentPolicy['identity:list_role_assignments'],
    summary: 'List role assignments, or what follows from them',
    target: (_, { domainId }) => ({ 'target.domain_id': domainId }),
    status: 200,
    async handler({ ctx, query, request }) {
      const filter = askedFilter(query);
      if (
        filter.withSubtree &&
        filter.target !== undefined &&
        filter.target !== 'system' &&
        'projectId' in filter.target
      ) {
        const { projectId } = filter.target;
        const project = await getProject(deps.db, projectId).catch((error: unknown) => error as Error);
        const target = project instanceof Error ? {} : { 'target.domain_id': project.domainId };
        deps.enforcer.authorize(ctx, assignmentPolicy['identity:list_role_assignments_for_tree'], target);
        if (project instanceof Error) throw project;
      }
      const { assignments, more } = await listAssignments(
        deps.db,
        { ...filter, inDomainId: ctx.domainId },
        identityPage(query),
      );
      return assignmentsView(deps, assignments, request.url, more);
    },
  }),
];

/** An answer says where each assignment stands in the list only where another page begins after it. */
function assignmentsView(deps: IdentityDeps, assignments: ListedAssignment[], url: URL, more: boolean) {
  const views = assignments.map((assignment) => ({ id: assignment.id, ...assignmentView(deps, assignment) }));
  const list = listView(deps, 'role_assignments', views, { url, more });
  return { ...list, role_assignments: views.map(({ id: _, ...view }) => view) };
}

/** A parameter that stands for itself: there without a value, or with any but `0` or `false`. */
function isAsked(query: Record<string, unknown>, name: string): boolean {
  if (!Object.hasOwn(query, name)) return false;
  return !['0', 'false', 'no', 'off', 'f', 'n'].includes(one(query[name])?.toLowerCase() ?? '');
}

/** Throws `BadRequest` for combinations that no assignment fits, as keystone does. */
function askedFilter(query: Record<string, unknown>): AssignmentFilter {
  const text = (name: string) => {
    const value = one(query[name]) || undefined;
    if (value?.includes('\0')) throw new BadRequest(`Invalid input for query parameter ${name}.`);
    return value;
  };
  const [userId, groupId] = [text('user.id'), text('group.id')];
  if (userId !== undefined && groupId !== undefined) throw new BadRequest('Specify a user or group, not both.');
  const target = askedTarget(text('scope.project.id'), text('scope.domain.id'), text('scope.system'));
  const inheritedTo = one(query['scope.OS-INHERIT:inherited_to']);
  const filter: AssignmentFilter = {
    userId,
    groupId,
    roleId: text('role.id'),
    target,
    inherited: inheritedTo === undefined ? undefined : inheritedTo === 'projects',
    effective: isAsked(query, 'effective'),
    withSubtree: isAsked(query, 'include_subtree'),
    withNames: isAsked(query, 'include_names'),
  };
  if (filter.withSubtree && (target === undefined || target === 'system' || 'domainId' in target))
    throw new BadRequest('scope.project.id must be specified if include_subtree is also specified.');
  if (filter.effective && groupId !== undefined)
    throw new BadRequest('Combining effective and group filter will always result in an empty list.');
  if (filter.effective && filter.inherited && target !== undefined && target !== 'system' && 'domainId' in target)
    throw new BadRequest('Combining effective, domain and inherited filters will always result in an empty list.');
  return filter;
}

/** The system is asked for by `all`; another value is none. */
function askedTarget(
  projectId: string | undefined,
  domainId: string | undefined,
  system: string | undefined,
): Target | undefined {
  if (projectId !== undefined && domainId !== undefined) throw new BadRequest('Specify a domain or project, not both.');
  if (system !== undefined && domainId !== undefined) throw new BadRequest('Specify system or domain, not both.');
  if (system !== undefined && projectId !== undefined) throw new BadRequest('Specify system or project, not both.');
  if (projectId !== undefined) return { projectId };
  if (domainId !== undefined) return { domainId };
  return system === 'all' ? 'system' : undefined;
}

const segment = (target: Target) => {
  if (target === 'system') return 'system';
  return 'projectId' in target ? `projects/${target.projectId}` : `domains/${target.domainId}`;
};

/** `links.assignment` is where the assignment that it follows from was given, and can be withdrawn. */
function assignmentView(deps: IdentityDeps, assignment: ListedAssignment) {
  const { actor, roleId, target, isInherited, viaGroupId, inheritedFrom, givenRoleId, priorRoleId, names } = assignment;
  const base = identityUrl(deps);
  const given = viaGroupId === null ? actor : { groupId: viaGroupId };
  const to = 'userId' in given ? `users/${given.userId}` : `groups/${given.groupId}`;
  const path = `${segment(inheritedFrom ?? target)}/${to}/roles/${givenRoleId}`;
  return {
    scope: { ...scopeView(target, names?.target), ...(isInherited && inherited) },
    ...('userId' in actor
      ? { user: names?.actor ?? { id: actor.userId } }
      : { group: names?.actor ?? { id: actor.groupId } }),
    role: names?.role ?? { id: roleId },
    links: {
      assignment: isInherited ? `${base}/OS-INHERIT/${path}/inherited_to_projects` : `${base}/${path}`,
      ...(viaGroupId !== null &&
        'userId' in actor && { membership: `${base}/groups/${viaGroupId}/users/${actor.userId}` }),
      ...(priorRoleId !== null && { prior_role: `${base}/roles/${priorRoleId}/implies/${roleId}` }),
    },
  };
}

const inherited = { 'OS-INHERIT:inherited_to': 'projects' };

function scopeView(target: Target, named: object | undefined) {
  if (target === 'system') return { system: { all: true } };
  if ('projectId' in target) return { project: named ?? { id: target.projectId } };
  return { domain: named ?? { id: target.domainId } };
}
