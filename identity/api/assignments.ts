import { BadRequest, NotFound } from '../../common/errors.ts';
import { flag, one } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { admin, definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { checkTarget, grantRole, withdrawRole } from '../roles/operations.ts';
import { type Assignment, listAssignments, rolesOn, type Target } from '../roles/store.ts';
import { getUser } from '../users/store.ts';
import { collection } from './collection.ts';
import { roleView } from './roles.ts';

export const assignmentPolicy = definePolicy({
  'identity:list_role_assignments': admin('List role assignments'),
  'identity:list_grants': admin('List the roles of a user on a project, a domain or the system'),
  'identity:check_grant': admin('Check whether a user has a role'),
  'identity:create_grant': admin('Give a role to a user'),
  'identity:revoke_grant': admin('Take a role from a user'),
});

/** The three places on which a user can have roles, and where each stands in the path. */
const places: { path: string; target: (params: Record<string, string>) => Target }[] = [
  { path: '/v3/projects/{project_id}', target: (p) => ({ projectId: p.project_id ?? '' }) },
  { path: '/v3/domains/{domain_id}', target: (p) => ({ domainId: p.domain_id ?? '' }) },
  { path: '/v3/system', target: () => 'system' },
];

/** `scope.project.id`, `scope.domain.id` or `scope.system` of the query. */
function askedTarget(query: Record<string, unknown>): Target | undefined {
  const [project, domain, system] = [
    one(query['scope.project.id']),
    one(query['scope.domain.id']),
    one(query['scope.system']),
  ];
  if ([project, domain, system].filter((value) => value !== undefined).length > 1)
    throw new BadRequest('Specify a domain, a project or the system, but only one of them.');
  if (project !== undefined) return { projectId: project };
  if (domain !== undefined) return { domainId: domain };
  return system === undefined ? undefined : 'system';
}

export const assignmentRoutes = (deps: IdentityDeps) => [
  ...places.flatMap(({ path, target }) => [
    route({
      method: 'GET',
      path: `${path}/users/{user_id}/roles`,
      rule: assignmentPolicy['identity:list_grants'],
      summary: 'List the roles of a user there',
      status: 200,
      async handler({ params, request }) {
        const user = await getUser(deps.db, params.user_id ?? '');
        await checkTarget(deps.db, target(params));
        const roles = await rolesOn(deps.db, user.id, target(params));
        return collection(
          deps,
          'roles',
          roles.map((role) => roleView(deps, role)),
          request.url,
        );
      },
    }),
    route({
      method: 'PUT',
      path: `${path}/users/{user_id}/roles/{role_id}`,
      rule: assignmentPolicy['identity:create_grant'],
      summary: 'Give a role to a user there',
      status: 204,
      async handler({ params }, h) {
        await grantRole(deps, params.user_id ?? '', params.role_id ?? '', target(params));
        return noContent(h);
      },
    }),
    route({
      // Also answers HEAD, as every GET does.
      method: 'GET',
      path: `${path}/users/{user_id}/roles/{role_id}`,
      rule: assignmentPolicy['identity:check_grant'],
      summary: 'Check whether a user has a role there',
      status: 204,
      async handler({ params }, h) {
        const roles = await rolesOn(deps.db, params.user_id ?? '', target(params));
        if (!roles.some((role) => role.id === params.role_id))
          throw new NotFound('role assignment', params.role_id ?? '');
        return noContent(h);
      },
    }),
    route({
      method: 'DELETE',
      path: `${path}/users/{user_id}/roles/{role_id}`,
      rule: assignmentPolicy['identity:revoke_grant'],
      summary: 'Take a role from a user there',
      status: 204,
      async handler({ params }, h) {
        await withdrawRole(deps, params.user_id ?? '', params.role_id ?? '', target(params));
        return noContent(h);
      },
    }),
  ]),
  route({
    method: 'GET',
    path: '/v3/role_assignments',
    rule: assignmentPolicy['identity:list_role_assignments'],
    summary: 'List role assignments',
    status: 200,
    async handler({ query, request }) {
      if ('effective' in query && flag(query.effective || 'true', 'effective'))
        throw new BadRequest(
          'Listing effective assignments is not supported; list the assignments and /role_inferences.',
        );
      const assignments = await listAssignments(deps.db, {
        userId: one(query['user.id']),
        roleId: one(query['role.id']),
        target: askedTarget(query),
      });
      const wantsNames = 'include_names' in query && flag(query.include_names || 'true', 'include_names') === true;
      const names = wantsNames ? await namesFor(deps, assignments) : undefined;
      return collection(
        deps,
        'role_assignments',
        assignments.map((a) => assignmentView(deps, a, names)),
        request.url,
      );
    },
  }),
];

type Names = Map<string, { name: string; domain?: { id: string; name: string } }>;

function assignmentView(deps: IdentityDeps, { userId, role, target }: Assignment, names?: Names) {
  const named = (id: string) => ({ id, ...names?.get(id) });
  const base = identityUrl(deps);
  const [scope, place] =
    target === 'system'
      ? [{ system: { all: true } }, 'system']
      : 'projectId' in target
        ? [{ project: named(target.projectId) }, `projects/${target.projectId}`]
        : [{ domain: named(target.domainId) }, `domains/${target.domainId}`];
  return {
    role: { id: role.id, ...(names && { name: role.name }) },
    user: named(userId),
    scope,
    links: { assignment: `${base}/${place}/users/${userId}/roles/${role.id}` },
  };
}

async function namesFor({ db }: IdentityDeps, assignments: Assignment[]): Promise<Names> {
  const userIds = assignments.map((a) => a.userId);
  const targetIds = assignments.flatMap(({ target }) =>
    target === 'system' ? [] : ['projectId' in target ? target.projectId : target.domainId],
  );
  const inDomain = (table: string, ids: string[]) =>
    db(table)
      .join('domains', 'domains.id', `${table}.domain_id`)
      .whereIn(`${table}.id`, ids)
      .select(`${table}.id`, `${table}.name`, 'domains.id as domain_id', 'domains.name as domain_name');
  const [users, projects, domains] = await Promise.all([
    inDomain('users', userIds),
    inDomain('projects', targetIds),
    db('domains').whereIn('id', targetIds).select('id', 'name'),
  ]);
  return new Map([
    ...[...users, ...projects].map(
      (row) => [row.id, { name: row.name, domain: { id: row.domain_id, name: row.domain_name } }] as const,
    ),
    ...domains.map((row) => [row.id, { name: row.name }] as const),
  ]);
}
