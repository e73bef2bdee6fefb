import { randomUUID } from 'node:crypto';
import type { Call, Calls, MakeCall } from '../call.ts';
import { identityAssignmentCalls } from './identity-assignments.ts';
import { identityCatalogCalls } from './identity-catalog.ts';
import { identityDelegationCalls } from './identity-delegation.ts';
import { identityFederationCalls } from './identity-federation.ts';
import { identityOauth1Calls } from './identity-oauth1.ts';
import { identityPolicyCalls } from './identity-policy.ts';
import { identityResourceCalls } from './identity-resources.ts';

const nothing: MakeCall = () => ({});
const fresh = () => `new-${randomUUID()}`; // names here are taken once for all projects
const withSubject: MakeCall = (it) => ({ isPersonal: true, headers: { 'x-subject-token': it.token } });
const project =
  (call: Call = {}): MakeCall =>
  (it) => ({ params: { project_id: it.spareProject }, ...call });
const user =
  (call: Call = {}): MakeCall =>
  (it) => ({ params: { user_id: it.spareUser }, ...call });

export const identityCalls: Calls = {
  ...identityCatalogCalls,
  ...identityPolicyCalls,
  ...identityOauth1Calls,
  ...identityDelegationCalls,
  ...identityAssignmentCalls,
  ...identityFederationCalls,
  'GET /': nothing,
  'GET /v3': nothing,
  'POST /v3/auth/tokens': (it) => ({
    body: {
      auth: {
        identity: { methods: ['password'], password: { user: { id: it.user, password: it.password } } },
        scope: { project: { id: it.project } },
      },
    },
  }),
  'GET /v3/auth/tokens': withSubject,
  'DELETE /v3/auth/tokens': withSubject,
  'GET /v3/auth/catalog': nothing,
  'GET /v3/auth/projects': nothing,

  'GET /v3/domains': nothing,
  'GET /v3/domains/{domain_id}': (it) => ({ params: { domain_id: it.domain } }),

  ...identityResourceCalls,

  'GET /v3/projects': nothing,
  'POST /v3/projects': (it) => ({ body: { project: { name: fresh(), parent_id: it.partner } } }),
  'GET /v3/projects/{project_id}': (it) => ({ params: { project_id: it.project } }),
  'PATCH /v3/projects/{project_id}': project({ body: { project: { description: 'changed' } } }),
  'DELETE /v3/projects/{project_id}': project(),

  'GET /v3/users': nothing,
  'POST /v3/users': (it) => ({ body: { user: { name: fresh(), default_project_id: it.partner } } }),
  'GET /v3/users/{user_id}': (it) => ({ params: { user_id: it.user } }),
  'PATCH /v3/users/{user_id}': user({ body: { user: { description: 'changed' } } }),
  'DELETE /v3/users/{user_id}': user(),
  'POST /v3/users/{user_id}/password': (it) => ({
    params: { user_id: it.grantee },
    body: { user: { original_password: it.password, password: 'another password' } },
  }),
  'GET /v3/users/{user_id}/projects': (it) => ({ params: { user_id: it.user } }),
};
