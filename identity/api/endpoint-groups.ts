import { type Static, Type } from 'typebox';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import {
  type EndpointFilters,
  type EndpointGroup,
  getEndpointGroup,
  insertEndpointGroup,
  listEndpointGroups,
  removeEndpointGroup,
  updateEndpointGroup,
} from '../endpoint-filter/groups.ts';
import { endpointInterface } from './endpoints.ts';
import { checkSameId, description, reference, resourceName } from './fields.ts';
import { identityPage, listView, textFilters } from './listing.ts';
import { administrators, cloudReaders } from './personas.ts';
import { regionId } from './regions.ts';

const closed = { additionalProperties: false };

const filters = {
  service_id: Type.Optional(reference),
  region_id: Type.Optional(Type.Union([regionId, Type.Null()])),
  interface: Type.Optional(endpointInterface),
};
const fields = { name: resourceName(255), description, filters: Type.Object(filters, closed) };

const CreateEndpointGroup = Type.Object({
  endpoint_group: Type.Object({ ...fields, filters: Type.Object(filters, { ...closed, minProperties: 1 }) }, closed),
});
const UpdateEndpointGroup = Type.Object({
  endpoint_group: Type.Partial(Type.Object({ ...fields, id: Type.String() }), { ...closed, minProperties: 1 }),
});

export const endpointGroupPolicy = definePolicy({
  'identity:get_endpoint_group': cloudReaders('Show an endpoint group'),
  'identity:list_endpoint_groups': cloudReaders('List endpoint groups'),
  'identity:create_endpoint_group': administrators('Create an endpoint group'),
  'identity:update_endpoint_group': administrators('Update an endpoint group'),
  'identity:delete_endpoint_group': administrators('Delete an endpoint group'),
});

export function endpointGroupView(deps: IdentityDeps, { id, name, description, filters }: EndpointGroup) {
  const links = { self: `${identityUrl(deps)}/OS-EP-FILTER/endpoint_groups/${id}` };
  return { id, name, description, filters, links };
}

/** As asked, with absent filters left out. */
function filtersOf(asked: Static<typeof CreateEndpointGroup>['endpoint_group']['filters']): EndpointFilters {
  return JSON.parse(JSON.stringify(asked));
}

const groups = '/v3/OS-EP-FILTER/endpoint_groups';

export const endpointGroupRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path: groups,
    rule: endpointGroupPolicy['identity:list_endpoint_groups'],
    summary: 'List endpoint groups',
    status: 200,
    async handler({ query, request: { url } }) {
      const found = await listEndpointGroups(deps.db, textFilters(query, { name: 'name' }), identityPage(query));
      const views = found.groups.map((group) => endpointGroupView(deps, group));
      return listView(deps, 'endpoint_groups', views, {
        url,
        more: found.more,
        path: 'OS-EP-FILTER/endpoint_groups',
      });
    },
  }),
  route({
    method: 'POST',
    path: groups,
    rule: endpointGroupPolicy['identity:create_endpoint_group'],
    summary: 'Create an endpoint group: all endpoints of a service, region or interface',
    body: CreateEndpointGroup,
    status: 201,
    async handler({ body: { endpoint_group: asked } }, h) {
      const { name, description = null } = asked;
      const group = await insertEndpointGroup(deps.db, { name, description, filters: filtersOf(asked.filters) });
      return h.response({ endpoint_group: endpointGroupView(deps, group) }).code(201);
    },
  }),
  route({
    method: 'GET',
    path: `${groups}/{endpoint_group_id}`,
    rule: endpointGroupPolicy['identity:get_endpoint_group'],
    summary: 'Show an endpoint group',
    status: 200,
    handler: async ({ params }) => ({
      endpoint_group: endpointGroupView(deps, await getEndpointGroup(deps.db, params.endpoint_group_id ?? '')),
    }),
  }),
  route({
    method: 'PATCH',
    path: `${groups}/{endpoint_group_id}`,
    rule: endpointGroupPolicy['identity:update_endpoint_group'],
    summary: 'Update an endpoint group',
    body: UpdateEndpointGroup,
    status: 200,
    async handler({ params, body: { endpoint_group: asked } }) {
      checkSameId(asked, params.endpoint_group_id ?? '');
      const { name, description } = asked;
      const group = await updateEndpointGroup(deps.db, params.endpoint_group_id ?? '', {
        ...(name !== undefined && { name }),
        ...(description !== undefined && { description }),
        ...(asked.filters && { filters: filtersOf(asked.filters) }),
      });
      return { endpoint_group: endpointGroupView(deps, group) };
    },
  }),
  route({
    method: 'DELETE',
    path: `${groups}/{endpoint_group_id}`,
    rule: endpointGroupPolicy['identity:delete_endpoint_group'],
    summary: 'Delete an endpoint group',
    status: 204,
    async handler({ params }, h) {
      await removeEndpointGroup(deps.db, params.endpoint_group_id ?? '');
      return noContent(h);
    },
  }),
];
