import { randomUUID } from 'node:crypto';
import type { Calls, MakeCall } from '../call.ts';

const nothing: MakeCall = () => ({});
const fresh = () => `new-${randomUUID()}`; // names here are taken once for all projects
const role: MakeCall = (it) => ({ params: { role_id: it.spareRole } });
const prior: MakeCall = (it) => ({ params: { prior_role_id: it.grantedRole } });
const implied: MakeCall = (it) => ({ params: { prior_role_id: it.grantedRole, implied_role_id: it.impliedRole } });
const inherited = '/inherited_to_projects';

type Place = (it: Parameters<MakeCall>[0]) => Record<string, string>;
const partner: Place = (it) => ({ project_id: it.partner });
const domain: Place = (it) => ({ domain_id: it.domain });

export const identityAssignmentCalls: Calls = {
  'GET /v3/auth/domains': nothing,
  'GET /v3/auth/system': nothing,

  'GET /v3/roles': [nothing, (it) => ({ query: { domain_id: it.domain } })],
  'POST /v3/roles': [
    () => ({ body: { role: { name: fresh() } } }),
    (it) => ({ body: { role: { name: fresh(), domain_id: it.domain } } }),
  ],
  'GET /v3/roles/{role_id}': role,
  'PATCH /v3/roles/{role_id}': (it) => ({
    params: { role_id: it.spareRole },
    body: { role: { description: 'changed' } },
  }),
  'DELETE /v3/roles/{role_id}': role,

  'GET /v3/roles/{prior_role_id}/implies': prior,
  'GET /v3/roles/{prior_role_id}/implies/{implied_role_id}': implied,
  'PUT /v3/roles/{prior_role_id}/implies/{implied_role_id}': (it) => ({
    params: { prior_role_id: it.grantedRole, implied_role_id: it.spareRole },
  }),
  'DELETE /v3/roles/{prior_role_id}/implies/{implied_role_id}': implied,
  'GET /v3/role_inferences': nothing,

  ...grants('/v3/projects/{project_id}', partner),
  ...grants('/v3/domains/{domain_id}', domain),
  ...grants('/v3/system', () => ({})),
  ...grants('/v3/OS-INHERIT/domains/{domain_id}', domain, { suffix: inherited }),
  ...grants('/v3/OS-INHERIT/projects/{project_id}', partner, { suffix: inherited, hasList: false }),
  'GET /v3/role_assignments': [
    nothing,
    (it) => ({ query: { 'user.id': it.user } }),
    (it) => ({ query: { 'group.id': it.granteeGroup, 'role.id': it.grantedRole, include_names: '1' } }),
    (it) => ({ query: { 'scope.project.id': it.project, effective: '1', include_names: '1' } }),
  ],
};

function grants(place: string, placed: Place, { suffix = '', hasList = true } = {}): Calls {
  const calls: Calls = {};
  for (const actor of ['users/{user_id}', 'groups/{group_id}']) {
    const to: Place = (it) => ({
      ...placed(it),
      ...(actor.startsWith('users') ? { user_id: it.grantee } : { group_id: it.granteeGroup }),
    });
    const held: MakeCall = (it) => ({ params: { ...to(it), role_id: it.grantedRole } });
    const list = `${place}/${actor}/roles`;
    if (hasList) calls[`GET ${list}${suffix}`] = (it) => ({ params: to(it) });
    calls[`PUT ${list}/{role_id}${suffix}`] = (it) => ({ params: { ...to(it), role_id: it.spareRole } });
    calls[`GET ${list}/{role_id}${suffix}`] = held;
    calls[`DELETE ${list}/{role_id}${suffix}`] = held;
  }
  return calls;
}
