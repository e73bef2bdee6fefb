import { Type } from 'typebox';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { extraOf } from '../extra.ts';
import {
  getService,
  insertService,
  listServices,
  removeService,
  type Service,
  updateService,
} from '../services/store.ts';
import { checkSameId, enabled, resourceName } from './fields.ts';
import { identityPage, listView, textFilters } from './listing.ts';
import { administrators, cloudReaders } from './personas.ts';

const fields = { type: resourceName(255), name: Type.Optional(resourceName(255)), enabled };
const known = ['id', 'links', ...Object.keys(fields)];

const CreateService = Type.Object({ service: Type.Object(fields) });
const UpdateService = Type.Object({
  service: Type.Object({ ...fields, type: Type.Optional(fields.type) }, { minProperties: 1 }),
});

export const servicePolicy = definePolicy({
  'identity:get_service': cloudReaders('Show a service'),
  'identity:list_services': cloudReaders('List services'),
  'identity:create_service': administrators('Create a service'),
  'identity:update_service': administrators('Update a service'),
  'identity:delete_service': administrators('Delete a service'),
});

function serviceView(deps: IdentityDeps, service: Service) {
  return {
    ...service.extra,
    id: service.id,
    type: service.type,
    name: service.name,
    enabled: service.enabled,
    links: { self: `${identityUrl(deps)}/services/${service.id}` },
  };
}

export const serviceRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path: '/v3/services',
    rule: servicePolicy['identity:list_services'],
    summary: 'List services',
    status: 200,
    async handler({ query, request }) {
      const filters = textFilters(query, { type: 'type', name: 'name' });
      const { services, more } = await listServices(deps.db, filters, identityPage(query));
      const views = services.map((service) => serviceView(deps, service));
      return listView(deps, 'services', views, { url: request.url, more });
    },
  }),
  route({
    method: 'POST',
    path: '/v3/services',
    rule: servicePolicy['identity:create_service'],
    summary: 'Create a service',
    body: CreateService,
    status: 201,
    async handler({ body: { service: asked } }, h) {
      const { type, name = '', enabled = true } = asked;
      const service = await insertService(deps.db, { type, name, enabled, extra: extraOf(asked, known) });
      return h.response({ service: serviceView(deps, service) }).code(201);
    },
  }),
  route({
    method: 'GET',
    path: '/v3/services/{service_id}',
    rule: servicePolicy['identity:get_service'],
    summary: 'Show a service',
    status: 200,
    handler: async ({ params }) => ({ service: serviceView(deps, await getService(deps.db, params.service_id ?? '')) }),
  }),
  route({
    method: 'PATCH',
    path: '/v3/services/{service_id}',
    rule: servicePolicy['identity:update_service'],
    summary: 'Update a service',
    body: UpdateService,
    status: 200,
    async handler({ params, body: { service: asked } }) {
      checkSameId(asked, params.service_id ?? '');
      const { type, name, enabled } = asked;
      const service = await updateService(deps.db, params.service_id ?? '', {
        ...(type !== undefined && { type }),
        ...(name !== undefined && { name }),
        ...(enabled !== undefined && { enabled }),
        extra: extraOf(asked, known),
      });
      return { service: serviceView(deps, service) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v3/services/{service_id}',
    rule: servicePolicy['identity:delete_service'],
    summary: 'Delete a service and its endpoints',
    status: 204,
    async handler({ params }, h) {
      await removeService(deps.db, params.service_id ?? '');
      return noContent(h);
    },
  }),
];
