import { type Static, Type } from 'typebox';
import { flag, one } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { changeEndpoint, createEndpoint, type RegionReference } from '../endpoints/operations.ts';
import { type Endpoint, getEndpoint, listEndpoints, removeEndpoint } from '../endpoints/store.ts';
import { extraOf } from '../extra.ts';
import { checkSameId, enabled, reference } from './fields.ts';
import { identityPage, listView, textFilters } from './listing.ts';
import { administrators, cloudReaders } from './personas.ts';
import { regionId } from './regions.ts';

export const endpointInterface = Type.Union([Type.Literal('public'), Type.Literal('internal'), Type.Literal('admin')]);
const nullableRegion = Type.Optional(Type.Union([regionId, Type.Null()]));

const fields = {
  interface: endpointInterface,
  service_id: reference,
  url: Type.String({ maxLength: 225, pattern: '^[a-zA-Z0-9+.-]+:[^\\u0000-\\u0020]+$' }),
  region_id: nullableRegion,
  region: nullableRegion,
  enabled,
  name: Type.Optional(Type.String({ maxLength: 255 })),
  description: Type.Optional(Type.Union([Type.String({ maxLength: 65535 }), Type.Null()])),
};
const known = ['id', 'links', 'interface', 'service_id', 'url', 'region_id', 'region', 'enabled'];

const CreateEndpoint = Type.Object({ endpoint: Type.Object(fields) });
const UpdateEndpoint = Type.Object({ endpoint: Type.Partial(Type.Object(fields), { minProperties: 1 }) });

export const endpointPolicy = definePolicy({
  'identity:get_endpoint': cloudReaders('Show an endpoint'),
  'identity:list_endpoints': cloudReaders('List endpoints'),
  'identity:create_endpoint': administrators('Create an endpoint'),
  'identity:update_endpoint': administrators('Update an endpoint'),
  'identity:delete_endpoint': administrators('Delete an endpoint'),
});

export function endpointView(deps: IdentityDeps, endpoint: Endpoint) {
  return {
    ...endpoint.extra,
    id: endpoint.id,
    interface: endpoint.interface,
    service_id: endpoint.serviceId,
    region: endpoint.regionId,
    region_id: endpoint.regionId,
    url: endpoint.url,
    enabled: endpoint.enabled,
    links: { self: `${identityUrl(deps)}/endpoints/${endpoint.id}` },
  };
}

/** `region`, of the API before 3.2, counts where no `region_id` is given. */
function regionOf({
  region_id,
  region,
}: Partial<Static<typeof CreateEndpoint>['endpoint']>): RegionReference | undefined {
  if (typeof region_id === 'string') return { id: region_id };
  if (typeof region === 'string') return { ensured: region };
  return region_id === null || region === null ? { id: null } : undefined;
}

export const endpointRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path: '/v3/endpoints',
    rule: endpointPolicy['identity:list_endpoints'],
    summary: 'List endpoints',
    status: 200,
    async handler({ query, request }) {
      const text = textFilters(query, {
        interface: 'interface',
        service_id: 'service_id',
        region_id: 'region_id',
        region: 'region_id',
        url: 'url',
      });
      const enabled = one(query.enabled) === '' ? undefined : flag(query.enabled, 'enabled');
      const { endpoints, more } = await listEndpoints(deps.db, { text, enabled }, identityPage(query));
      const views = endpoints.map((endpoint) => endpointView(deps, endpoint));
      return listView(deps, 'endpoints', views, { url: request.url, more });
    },
  }),
  route({
    method: 'POST',
    path: '/v3/endpoints',
    rule: endpointPolicy['identity:create_endpoint'],
    summary: 'Create an endpoint; its URL may hold %(project_id)s and %(user_id)s',
    body: CreateEndpoint,
    status: 201,
    async handler({ body: { endpoint: asked } }, h) {
      const endpoint = await createEndpoint(deps, {
        serviceId: asked.service_id,
        interface: asked.interface,
        url: asked.url,
        enabled: asked.enabled ?? true,
        region: regionOf(asked),
        extra: extraOf(asked, known),
      });
      return h.response({ endpoint: endpointView(deps, endpoint) }).code(201);
    },
  }),
  route({
    method: 'GET',
    path: '/v3/endpoints/{endpoint_id}',
    rule: endpointPolicy['identity:get_endpoint'],
    summary: 'Show an endpoint',
    status: 200,
    handler: async ({ params }) => ({
      endpoint: endpointView(deps, await getEndpoint(deps.db, params.endpoint_id ?? '')),
    }),
  }),
  route({
    method: 'PATCH',
    path: '/v3/endpoints/{endpoint_id}',
    rule: endpointPolicy['identity:update_endpoint'],
    summary: 'Update an endpoint',
    body: UpdateEndpoint,
    status: 200,
    async handler({ params, body: { endpoint: asked } }) {
      checkSameId(asked, params.endpoint_id ?? '');
      const { service_id, url, enabled } = asked;
      const endpoint = await changeEndpoint(deps, params.endpoint_id ?? '', {
        ...(service_id !== undefined && { serviceId: service_id }),
        ...(asked.interface !== undefined && { interface: asked.interface }),
        ...(url !== undefined && { url }),
        ...(enabled !== undefined && { enabled }),
        region: regionOf(asked),
        extra: extraOf(asked, known),
      });
      return { endpoint: endpointView(deps, endpoint) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v3/endpoints/{endpoint_id}',
    rule: endpointPolicy['identity:delete_endpoint'],
    summary: 'Delete an endpoint',
    status: 204,
    async handler({ params }, h) {
      await removeEndpoint(deps.db, params.endpoint_id ?? '');
      return noContent(h);
    },
  }),
];
