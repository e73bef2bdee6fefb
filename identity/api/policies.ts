import { Type } from 'typebox';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { extraOf } from '../extra.ts';
import {
  getPolicy,
  insertPolicy,
  listPolicies,
  removePolicy,
  type StoredPolicy,
  updatePolicy,
} from '../policies/store.ts';
import { checkSameId } from './fields.ts';
import { identityPage, listView, textFilters } from './listing.ts';
import { administrators, cloudReaders } from './personas.ts';

const text = '^[^\\u0000]*$';
const fields = { blob: Type.String({ pattern: text }), type: Type.String({ maxLength: 255, pattern: text }) };
const known = ['id', 'links', ...Object.keys(fields)];

const CreatePolicy = Type.Object({ policy: Type.Object(fields) });
const UpdatePolicy = Type.Object({ policy: Type.Partial(Type.Object(fields), { minProperties: 1 }) });

export const policyPolicy = definePolicy({
  'identity:get_policy': cloudReaders('Show a stored policy'),
  'identity:list_policies': cloudReaders('List stored policies'),
  'identity:create_policy': administrators('Store a policy'),
  'identity:update_policy': administrators('Update a stored policy'),
  'identity:delete_policy': administrators('Delete a stored policy'),
});

export function policyView(deps: IdentityDeps, policy: StoredPolicy) {
  return {
    ...policy.extra,
    id: policy.id,
    type: policy.type,
    blob: policy.blob,
    links: { self: `${identityUrl(deps)}/policies/${policy.id}` },
  };
}

export const policyRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path: '/v3/policies',
    rule: policyPolicy['identity:list_policies'],
    summary: 'List stored policies',
    status: 200,
    async handler({ query, request }) {
      const filters = textFilters(query, { type: 'type' });
      const { policies, more } = await listPolicies(deps.db, filters, identityPage(query));
      const views = policies.map((policy) => policyView(deps, policy));
      return listView(deps, 'policies', views, { url: request.url, more });
    },
  }),
  route({
    method: 'POST',
    path: '/v3/policies',
    rule: policyPolicy['identity:create_policy'],
    summary: 'Store a policy for services to fetch; it is not enforced here',
    body: CreatePolicy,
    status: 201,
    async handler({ body: { policy: asked } }, h) {
      const { blob, type } = asked;
      const policy = await insertPolicy(deps.db, { blob, type, extra: extraOf(asked, known) });
      return h.response({ policy: policyView(deps, policy) }).code(201);
    },
  }),
  route({
    method: 'GET',
    path: '/v3/policies/{policy_id}',
    rule: policyPolicy['identity:get_policy'],
    summary: 'Show a stored policy',
    status: 200,
    handler: async ({ params }) => ({ policy: policyView(deps, await getPolicy(deps.db, params.policy_id ?? '')) }),
  }),
  route({
    method: 'PATCH',
    path: '/v3/policies/{policy_id}',
    rule: policyPolicy['identity:update_policy'],
    summary: 'Update a stored policy',
    body: UpdatePolicy,
    status: 200,
    async handler({ params, body: { policy: asked } }) {
      checkSameId(asked, params.policy_id ?? '');
      const { blob, type } = asked;
      const policy = await updatePolicy(deps.db, params.policy_id ?? '', {
        ...(blob !== undefined && { blob }),
        ...(type !== undefined && { type }),
        extra: extraOf(asked, known),
      });
      return { policy: policyView(deps, policy) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v3/policies/{policy_id}',
    rule: policyPolicy['identity:delete_policy'],
    summary: 'Delete a stored policy',
    status: 204,
    async handler({ params }, h) {
      await removePolicy(deps.db, params.policy_id ?? '');
      return noContent(h);
    },
  }),
];
