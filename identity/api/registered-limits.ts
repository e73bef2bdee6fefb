import { Type } from 'typebox';
import { noContent, route } from '../../common/http/route.ts';
import { authenticated, definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import {
  getRegisteredLimit,
  insertRegisteredLimits,
  listRegisteredLimits,
  type RegisteredLimit,
  removeRegisteredLimit,
  updateRegisteredLimit,
} from '../limits/registered.ts';
import { checkSameId, reference, resourceName } from './fields.ts';
import { identityPage, listView, textFilters } from './listing.ts';
import { administrators } from './personas.ts';
import { regionId } from './regions.ts';

const closed = { additionalProperties: false };

/** -1 is no limit. */
export const amount = Type.Integer({ minimum: -1, maximum: 2 ** 31 - 1 });
export const limitDescription = Type.Optional(
  Type.Union([Type.String({ maxLength: 255, pattern: '^[^\\u0000]*$' }), Type.Null()]),
);
export const limitRegion = Type.Optional(Type.Union([regionId, Type.Null()]));
/** The most that one request creates. */
export const largestBatch = 1000;

const fields = {
  service_id: reference,
  region_id: limitRegion,
  resource_name: resourceName(255),
  default_limit: amount,
  description: limitDescription,
};

const CreateRegisteredLimits = Type.Object(
  { registered_limits: Type.Array(Type.Object(fields, closed), { minItems: 1, maxItems: largestBatch }) },
  closed,
);
const UpdateRegisteredLimit = Type.Object(
  { registered_limit: Type.Partial(Type.Object({ ...fields, id: Type.String() }), closed) },
  closed,
);

export const registeredLimitPolicy = definePolicy({
  'identity:get_registered_limit': authenticated('Show a registered limit'),
  'identity:list_registered_limits': authenticated('List registered limits'),
  'identity:create_registered_limits': administrators('Register limits'),
  'identity:update_registered_limit': administrators('Update a registered limit'),
  'identity:delete_registered_limit': administrators('Delete a registered limit'),
});

function registeredLimitView(deps: IdentityDeps, limit: RegisteredLimit) {
  return {
    id: limit.id,
    service_id: limit.serviceId,
    region_id: limit.regionId,
    resource_name: limit.resourceName,
    default_limit: limit.defaultLimit,
    description: limit.description,
    links: { self: `${identityUrl(deps)}/registered_limits/${limit.id}` },
  };
}

export const registeredLimitRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path: '/v3/registered_limits',
    rule: registeredLimitPolicy['identity:list_registered_limits'],
    summary: 'List registered limits',
    status: 200,
    async handler({ query, request }) {
      const columns = { service_id: 'service_id', region_id: 'region_id', resource_name: 'resource_name' };
      const { limits, more } = await listRegisteredLimits(deps.db, textFilters(query, columns), identityPage(query));
      const views = limits.map((limit) => registeredLimitView(deps, limit));
      return listView(deps, 'registered_limits', views, { url: request.url, more });
    },
  }),
  route({
    method: 'POST',
    path: '/v3/registered_limits',
    rule: registeredLimitPolicy['identity:create_registered_limits'],
    summary: 'Register limits: how much everybody may have who has no limit of their own',
    body: CreateRegisteredLimits,
    status: 201,
    async handler({ body }, h) {
      const limits = await insertRegisteredLimits(
        deps.db,
        body.registered_limits.map((asked) => ({
          serviceId: asked.service_id,
          regionId: asked.region_id ?? null,
          resourceName: asked.resource_name,
          defaultLimit: asked.default_limit,
          description: asked.description ?? null,
        })),
      );
      return h.response({ registered_limits: limits.map((limit) => registeredLimitView(deps, limit)) }).code(201);
    },
  }),
  route({
    method: 'GET',
    path: '/v3/registered_limits/{registered_limit_id}',
    rule: registeredLimitPolicy['identity:get_registered_limit'],
    summary: 'Show a registered limit',
    status: 200,
    handler: async ({ params }) => ({
      registered_limit: registeredLimitView(deps, await getRegisteredLimit(deps.db, params.registered_limit_id ?? '')),
    }),
  }),
  route({
    method: 'PATCH',
    path: '/v3/registered_limits/{registered_limit_id}',
    rule: registeredLimitPolicy['identity:update_registered_limit'],
    summary: 'Update a registered limit that nobody has a limit instead of',
    body: UpdateRegisteredLimit,
    status: 200,
    async handler({ params, body: { registered_limit: asked } }) {
      checkSameId(asked, params.registered_limit_id ?? '');
      const limit = await updateRegisteredLimit(deps.db, params.registered_limit_id ?? '', {
        ...(asked.service_id !== undefined && { serviceId: asked.service_id }),
        ...(asked.region_id !== undefined && { regionId: asked.region_id }),
        ...(asked.resource_name !== undefined && { resourceName: asked.resource_name }),
        ...(asked.default_limit !== undefined && { defaultLimit: asked.default_limit }),
        ...(asked.description !== undefined && { description: asked.description }),
      });
      return { registered_limit: registeredLimitView(deps, limit) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v3/registered_limits/{registered_limit_id}',
    rule: registeredLimitPolicy['identity:delete_registered_limit'],
    summary: 'Delete a registered limit that nobody has a limit instead of',
    status: 204,
    async handler({ params }, h) {
      await removeRegisteredLimit(deps.db, params.registered_limit_id ?? '');
      return noContent(h);
    },
  }),
];
