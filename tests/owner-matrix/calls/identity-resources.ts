import { randomUUID } from 'node:crypto';
import type { Call, Calls, MakeCall } from '../call.ts';

const nothing: MakeCall = () => ({});
const fresh = () => `new-${randomUUID()}`;

const domain =
  (call: Call = {}): MakeCall =>
  (it) => ({ params: { domain_id: it.ownDomain }, ...call });
const option =
  (params: Record<string, string>, config?: object): MakeCall =>
  (it) => ({ params: { domain_id: it.ownDomain, ...params }, ...(config && { body: { config } }) });
const tagged =
  (params: Record<string, string> = {}, call: Call = {}): MakeCall =>
  (it) => ({ params: { project_id: it.taggedProject, ...params }, ...call });
const group =
  (call: Call = {}): MakeCall =>
  (it) => ({ params: { group_id: it.group }, ...call });
const member: MakeCall = (it) => ({ params: { group_id: it.group, user_id: it.grantee } });

const identity = { group: 'identity' };
const limit = { group: 'identity', option: 'list_limit' };

/** Domains and what they are configured with, tags of projects, groups and who is in them. */
export const identityResourceCalls: Calls = {
  'POST /v3/domains': () => ({ body: { domain: { name: fresh() } } }),
  'PATCH /v3/domains/{domain_id}': domain({ body: { domain: { description: 'changed' } } }),
  'DELETE /v3/domains/{domain_id}': (it) => ({ params: { domain_id: it.spareDomain } }),

  'PUT /v3/domains/{domain_id}/config': (it) => ({
    params: { domain_id: it.ownDomain },
    body: { config: { identity: { driver: 'sql', list_limit: 5 }, ldap: { url: 'ldap://directory' } } },
    status: 200,
  }),
  'GET /v3/domains/{domain_id}/config': domain(),
  'PATCH /v3/domains/{domain_id}/config': option({}, { identity: { list_limit: 6 } }),
  'DELETE /v3/domains/{domain_id}/config': domain(),
  'GET /v3/domains/{domain_id}/config/{group}': option(identity),
  'PATCH /v3/domains/{domain_id}/config/{group}': option(identity, { identity: { list_limit: 7 } }),
  'DELETE /v3/domains/{domain_id}/config/{group}': option(identity),
  'GET /v3/domains/{domain_id}/config/{group}/{option}': option(limit),
  'PATCH /v3/domains/{domain_id}/config/{group}/{option}': option(limit, { list_limit: 8 }),
  'DELETE /v3/domains/{domain_id}/config/{group}/{option}': option(limit),
  'GET /v3/domains/{domain_id}/config/security_compliance': (it) => ({ params: { domain_id: it.domain } }),
  'GET /v3/domains/{domain_id}/config/security_compliance/{option}': (it) => ({
    params: { domain_id: it.domain, option: 'password_regex' },
  }),
  'GET /v3/domains/config/default': nothing,
  'GET /v3/domains/config/{group}/default': () => ({ params: identity }),
  'GET /v3/domains/config/{group}/{option}/default': () => ({ params: limit }),

  'GET /v3/projects/{project_id}/tags': tagged(),
  'PUT /v3/projects/{project_id}/tags': tagged({}, { body: { tags: ['red', 'blue'] } }),
  'DELETE /v3/projects/{project_id}/tags': tagged(),
  'GET /v3/projects/{project_id}/tags/{value}': tagged({ value: 'red' }),
  'PUT /v3/projects/{project_id}/tags/{value}': tagged({ value: 'green' }),
  'DELETE /v3/projects/{project_id}/tags/{value}': tagged({ value: 'green' }),

  'GET /v3/groups': nothing,
  'POST /v3/groups': () => ({ body: { group: { name: fresh() } } }),
  'GET /v3/groups/{group_id}': group(),
  'PATCH /v3/groups/{group_id}': group({ body: { group: { description: 'changed' } } }),
  'DELETE /v3/groups/{group_id}': (it) => ({ params: { group_id: it.spareGroup } }),
  'GET /v3/groups/{group_id}/users': group(),
  'GET /v3/groups/{group_id}/users/{user_id}': member,
  'PUT /v3/groups/{group_id}/users/{user_id}': (it) => ({ params: { group_id: it.group, user_id: it.user } }),
  'DELETE /v3/groups/{group_id}/users/{user_id}': member,
  'GET /v3/users/{user_id}/groups': (it) => ({ params: { user_id: it.user } }),
};
