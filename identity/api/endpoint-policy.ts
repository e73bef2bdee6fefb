import { noContent, type Route, route } from '../../common/http/route.ts';
import { definePolicy, type Rule } from '../../common/policy/rules.ts';
import type { IdentityDeps } from '../deps.ts';
import {
  associatePolicy,
  checkAssociation,
  dissociatePolicy,
  endpointsOfPolicy,
  type PolicySubject,
  policyOfEndpoint,
} from '../policies/associations.ts';
import { endpointView } from './endpoints.ts';
import { listView } from './listing.ts';
import { administrators, cloudReaders } from './personas.ts';
import { policyView } from './policies.ts';

export const endpointPolicyPolicy = definePolicy({
  'identity:get_policy_for_endpoint': cloudReaders('Show the policy of an endpoint'),
  'identity:list_endpoints_for_policy': cloudReaders('List the endpoints that a policy is for'),
  'identity:create_policy_association_for_endpoint': administrators('Make a policy that of an endpoint'),
  'identity:check_policy_association_for_endpoint': cloudReaders('Check that a policy is that of an endpoint'),
  'identity:delete_policy_association_for_endpoint': administrators('Take its policy from an endpoint'),
  'identity:create_policy_association_for_service': administrators('Make a policy that of a service'),
  'identity:check_policy_association_for_service': cloudReaders('Check that a policy is that of a service'),
  'identity:delete_policy_association_for_service': administrators('Take its policy from a service'),
  'identity:create_policy_association_for_region_and_service': administrators(
    'Make a policy that of a service in a region',
  ),
  'identity:check_policy_association_for_region_and_service': cloudReaders(
    'Check that a policy is that of a service in a region',
  ),
  'identity:delete_policy_association_for_region_and_service': administrators(
    'Take its policy from a service in a region',
  ),
});

const association = '/v3/policies/{policy_id}/OS-ENDPOINT-POLICY';

/** Setting, checking and removing it, for one kind of thing that can have a policy. */
function associationRoutes(
  { db }: IdentityDeps,
  path: string,
  what: string,
  rules: { create: Rule; check: Rule; remove: Rule },
  subjectOf: (params: Record<string, string>) => PolicySubject,
): Route[] {
  const one = (
    method: 'PUT' | 'GET' | 'DELETE',
    rule: Rule,
    summary: string,
    act: (policyId: string, subject: PolicySubject) => Promise<void>,
  ) =>
    route({
      method,
      path: `${association}/${path}`,
      rule,
      summary,
      status: 204,
      async handler({ params }, h) {
        await act(params.policy_id ?? '', subjectOf(params));
        return noContent(h);
      },
    });
  return [
    one('PUT', rules.create, `Make a policy that of ${what}, instead of any other`, (...given) =>
      associatePolicy(db, ...given),
    ),
    one('GET', rules.check, `Check that a policy is that of ${what}`, (...given) => checkAssociation(db, ...given)),
    one('DELETE', rules.remove, `Take its policy from ${what}`, (...given) => dissociatePolicy(db, ...given)),
  ];
}

export const endpointPolicyRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path: '/v3/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy',
    rule: endpointPolicyPolicy['identity:get_policy_for_endpoint'],
    summary: 'Show the policy of an endpoint: its own, or that of its service in its region or everywhere',
    status: 200,
    handler: async ({ params }) => ({
      policy: policyView(deps, await policyOfEndpoint(deps.db, params.endpoint_id ?? '')),
    }),
  }),
  route({
    method: 'GET',
    path: `${association}/endpoints`,
    rule: endpointPolicyPolicy['identity:list_endpoints_for_policy'],
    summary: 'List the endpoints that a policy is for',
    status: 200,
    async handler({ params: { policy_id = '' }, request: { url } }) {
      const views = (await endpointsOfPolicy(deps.db, policy_id)).map((endpoint) => endpointView(deps, endpoint));
      return listView(deps, 'endpoints', views, { url, path: `policies/${policy_id}/OS-ENDPOINT-POLICY/endpoints` });
    },
  }),
  ...associationRoutes(
    deps,
    'endpoints/{endpoint_id}',
    'an endpoint',
    {
      create: endpointPolicyPolicy['identity:create_policy_association_for_endpoint'],
      check: endpointPolicyPolicy['identity:check_policy_association_for_endpoint'],
      remove: endpointPolicyPolicy['identity:delete_policy_association_for_endpoint'],
    },
    ({ endpoint_id = '' }) => ({ endpointId: endpoint_id }),
  ),
  ...associationRoutes(
    deps,
    'services/{service_id}',
    'a service',
    {
      create: endpointPolicyPolicy['identity:create_policy_association_for_service'],
      check: endpointPolicyPolicy['identity:check_policy_association_for_service'],
      remove: endpointPolicyPolicy['identity:delete_policy_association_for_service'],
    },
    ({ service_id = '' }) => ({ serviceId: service_id }),
  ),
  ...associationRoutes(
    deps,
    'services/{service_id}/regions/{region_id}',
    'a service in a region',
    {
      create: endpointPolicyPolicy['identity:create_policy_association_for_region_and_service'],
      check: endpointPolicyPolicy['identity:check_policy_association_for_region_and_service'],
      remove: endpointPolicyPolicy['identity:delete_policy_association_for_region_and_service'],
    },
    ({ service_id = '', region_id = '' }) => ({ serviceId: service_id, regionId: region_id }),
  ),
];
