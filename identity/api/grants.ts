/** The routes of grants: the same four for users and groups, wherever roles are given. */
import { noContent, type Route, route } from '../../common/http/route.ts';
import type { Target as PolicyTarget } from '../../common/policy/check-string.ts';
import { anyScope, definePolicy, type Rule } from '../../common/policy/rules.ts';
import type { Actor, Grant, Target } from '../assignments/assignment.ts';
import { getGrantFacts, lookUpGrant } from '../assignments/lookup.ts';
import { checkGrant, grantRole, withdrawRole } from '../assignments/operations.ts';
import { rolesGiven } from '../assignments/store.ts';
import type { IdentityDeps } from '../deps.ts';
import { listView } from './listing.ts';
import { administrators, cloudReaders } from './personas.ts';
import { roleView } from './roles.ts';

/** Both who is given the role and where are in the domain of the token. */
const withinDomain =
  '(domain_id:%(target.user.domain_id)s or domain_id:%(target.group.domain_id)s) and ' +
  '(domain_id:%(target.project.domain_id)s or domain_id:%(target.domain.id)s)';
const theirRole = '(None:%(target.role.domain_id)s or domain_id:%(target.role.domain_id)s)';
const cloud = 'rule:admin_required or (role:reader and system_scope:all)';

/**
 * Who manages a domain gives what an operator lets them (`domain_managed_target_role`), never `admin`: on a project that is
 * the administrator of the cloud. Keystone's administrators of a domain may give any of everybody's roles; ours only
 * that, and the domain's own.
 */
const domainManagers =
  `rule:admin_required or (role:manager and ${withinDomain} and rule:domain_managed_target_role)` +
  ` or (role:admin and ${withinDomain} and domain_id:%(target.role.domain_id)s)`;

const rule = (check: string, description: string) => ({ check, scopes: anyScope, description }) as const;

export const grantPolicy = definePolicy({
  'identity:check_grant': rule(
    `${cloud} or (role:reader and ${withinDomain} and ${theirRole})`,
    'Check whether a user or group was given a role on a project or domain',
  ),
  'identity:list_grants': rule(
    `${cloud} or (role:reader and ${withinDomain})`,
    'List the roles that a user or group was given on a project or domain',
  ),
  'identity:create_grant': rule(domainManagers, 'Give a user or group a role on a project or domain'),
  'identity:revoke_grant': rule(domainManagers, 'Take a role on a project or domain from a user or group'),
  'identity:check_system_grant_for_user': cloudReaders('Check whether a user was given a role on the system'),
  'identity:list_system_grants_for_user': cloudReaders('List the roles that a user was given on the system'),
  'identity:create_system_grant_for_user': administrators('Give a user a role on the system'),
  'identity:revoke_system_grant_for_user': administrators('Take a role on the system from a user'),
  'identity:check_system_grant_for_group': cloudReaders('Check whether a group was given a role on the system'),
  'identity:list_system_grants_for_group': cloudReaders('List the roles that a group was given on the system'),
  'identity:create_system_grant_for_group': administrators('Give a group a role on the system'),
  'identity:revoke_system_grant_for_group': administrators('Take a role on the system from a group'),
});

type Params = Record<string, string>;

/** One place in the paths where roles are given to one kind of actor. */
export interface Place {
  /** Up to the actor's id. */
  path: string;
  actor: (params: Params) => Actor;
  /** What is given there, in words. */
  words: string;
  target: (params: Params) => Target;
  /** What follows the role in the path, where only inherited grants are meant. */
  isInherited?: boolean;
  /** Without a path of the list: keystone has none for a project's inherited grants. */
  hasList?: boolean;
  rules: Record<'list' | 'check' | 'create' | 'revoke', Rule>;
}

/** A place for users and one for groups. */
export function placesFor(
  base: string,
  target: Place['target'],
  more: Pick<Place, 'isInherited' | 'hasList'> & { rules: (kind: 'user' | 'group') => Place['rules'] },
): Place[] {
  const { rules, ...rest } = more;
  return [
    {
      ...rest,
      path: `${base}/users/{user_id}`,
      actor: (p) => ({ userId: p.user_id ?? '' }),
      words: 'a user',
      target,
      rules: rules('user'),
    },
    {
      ...rest,
      path: `${base}/groups/{group_id}`,
      actor: (p) => ({ groupId: p.group_id ?? '' }),
      words: 'a group',
      target,
      rules: rules('group'),
    },
  ];
}

export const ordinaryRules: Place['rules'] = {
  list: grantPolicy['identity:list_grants'],
  check: grantPolicy['identity:check_grant'],
  create: grantPolicy['identity:create_grant'],
  revoke: grantPolicy['identity:revoke_grant'],
};

export function grantRoutes(deps: IdentityDeps, place: Place): Route[] {
  const { path, actor, target, words, rules, isInherited = false, hasList = true } = place;
  const suffix = isInherited ? '/inherited_to_projects' : '';
  const grant = (params: Params): Grant => ({
    actor: actor(params),
    roleId: params.role_id ?? '',
    target: target(params),
    isInherited,
  });
  const policyTarget = async (params: Params): Promise<PolicyTarget> => {
    const { user, group, project, domain, role } = await lookUpGrant(deps.db, {
      actor: actor(params),
      target: target(params),
      roleId: params.role_id,
    });
    return {
      ...(user && { 'target.user.id': user.id, 'target.user.domain_id': user.domainId }),
      ...(group && { 'target.group.id': group.id, 'target.group.domain_id': group.domainId }),
      ...(project && { 'target.project.id': project.id, 'target.project.domain_id': project.domainId }),
      ...(domain && { 'target.domain.id': domain.id }),
      ...(role && {
        'target.role.id': role.id,
        'target.role.name': role.name,
        'target.role.domain_id': role.domainId,
      }),
    };
  };
  const of = isInherited ? 'for the projects below' : 'there';
  const list = route({
    method: 'GET',
    path: `${path}/roles${suffix}`,
    rule: rules.list,
    summary: `List the roles that ${words} was given ${of}`,
    target: policyTarget,
    status: 200,
    async handler({ params, request }) {
      await getGrantFacts(deps.db, { actor: actor(params), target: target(params) });
      const roles = await rolesGiven(deps.db, actor(params), target(params), { isInherited });
      const views = roles.map((role) => roleView(deps, role));
      return listView(deps, 'roles', views, { url: request.url, path: request.path.split('/v3/')[1] ?? '' });
    },
  });
  const single = `${path}/roles/{role_id}${suffix}`;
  return [
    ...(hasList ? [list] : []),
    route({
      method: 'PUT',
      path: single,
      rule: rules.create,
      summary: `Give a role to ${words} ${of}`,
      target: policyTarget,
      status: 204,
      async handler({ params }, h) {
        await grantRole(deps, grant(params));
        return noContent(h);
      },
    }),
    route({
      // Also answers HEAD, as every GET does.
      method: 'GET',
      path: single,
      rule: rules.check,
      summary: `Check whether ${words} was given a role ${of}`,
      target: policyTarget,
      status: 204,
      async handler({ params }, h) {
        await checkGrant(deps.db, grant(params));
        return noContent(h);
      },
    }),
    route({
      method: 'DELETE',
      path: single,
      rule: rules.revoke,
      summary: `Take a role from ${words} ${of}`,
      target: policyTarget,
      status: 204,
      async handler({ params }, h) {
        await withdrawRole(deps, grant(params));
        return noContent(h);
      },
    }),
  ];
}
