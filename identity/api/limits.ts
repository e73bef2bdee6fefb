import { type Static, Type } from 'typebox';
import type { Context } from '../../common/context.ts';
import { BadRequest } from '../../common/errors.ts';
import { noContent, route } from '../../common/http/route.ts';
import { anyScope, authenticated, definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { limitModels } from '../limits/model.ts';
import { type AskedLimit, changeLimit, createLimits } from '../limits/operations.ts';
import { findLimit, getLimit, type Limit, type LimitsSeen, listLimits, removeLimit } from '../limits/store.ts';
import { checkSameId, reference, resourceName } from './fields.ts';
import { identityPage, listView, textFilters } from './listing.ts';
import { administrators } from './personas.ts';
import { amount, largestBatch, limitDescription, limitRegion } from './registered-limits.ts';

const closed = { additionalProperties: false };
const owner = Type.Optional(Type.Union([reference, Type.Null()]));

const NewLimit = Type.Object(
  {
    service_id: reference,
    region_id: limitRegion,
    resource_name: resourceName(255),
    resource_limit: amount,
    description: limitDescription,
    project_id: owner,
    domain_id: owner,
  },
  closed,
);
const CreateLimits = Type.Object({ limits: Type.Array(NewLimit, { minItems: 1, maxItems: largestBatch }) }, closed);
const UpdateLimit = Type.Object(
  {
    limit: Type.Object(
      { id: Type.Optional(Type.String()), resource_limit: Type.Optional(amount), description: limitDescription },
      closed,
    ),
  },
  closed,
);

export const limitPolicy = definePolicy({
  'identity:get_limit_model': authenticated('Show how limits of projects and domains relate'),
  'identity:get_limit': {
    check:
      'rule:admin_required or (role:reader and system_scope:all) or domain_id:%(target.limit.domain.id)s or domain_id:%(target.limit.project.domain_id)s or project_id:%(target.limit.project_id)s',
    scopes: anyScope,
    description: 'Show a limit; a project’s people see its own, a domain’s those of the domain and its projects',
  },
  'identity:list_limits': authenticated('List limits, of those that one sees'),
  'identity:create_limits': administrators('Create limits'),
  'identity:update_limit': administrators('Update a limit'),
  'identity:delete_limit': administrators('Delete a limit'),
});

export function limitView(deps: IdentityDeps, limit: Limit) {
  return {
    id: limit.id,
    project_id: limit.projectId,
    domain_id: limit.domainId,
    service_id: limit.serviceId,
    region_id: limit.regionId,
    resource_name: limit.resourceName,
    resource_limit: limit.resourceLimit,
    description: limit.description,
    links: { self: `${identityUrl(deps)}/limits/${limit.id}` },
  };
}

/** Services see everybody's, because they enforce them. */
function limitsSeenBy({ isAdmin, system, roles, projectId, domainId }: Context): LimitsSeen {
  if (isAdmin || system || roles.includes('service')) return 'everybody’s';
  if (domainId !== null) return { domainId };
  return projectId === null ? 'none' : { projectId };
}

function asked(limit: Static<typeof NewLimit>): AskedLimit {
  const { project_id = null, domain_id = null } = limit;
  if ((project_id === null) === (domain_id === null))
    throw new BadRequest('A limit is for one project or one domain: give either project_id or domain_id.');
  return {
    serviceId: limit.service_id,
    regionId: limit.region_id ?? null,
    resourceName: limit.resource_name,
    resourceLimit: limit.resource_limit,
    description: limit.description ?? null,
    projectId: project_id,
    domainId: domain_id,
  };
}

const filterColumns = {
  service_id: 'service_id',
  region_id: 'region_id',
  resource_name: 'resource_name',
  project_id: 'project_id',
  domain_id: 'domain_id',
};

export const limitRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path: '/v3/limits/model',
    rule: limitPolicy['identity:get_limit_model'],
    summary: 'Show how limits of projects and domains relate',
    status: 200,
    handler: () => ({ model: { name: deps.limitModel, description: limitModels[deps.limitModel] } }),
  }),
  route({
    method: 'GET',
    path: '/v3/limits',
    rule: limitPolicy['identity:list_limits'],
    summary: 'List limits',
    target: (_, { projectId, domainId }) => ({ project_id: projectId, domain_id: domainId }), // others’ are not in it
    status: 200,
    async handler({ ctx, query, request }) {
      const filters = textFilters(query, filterColumns);
      const { limits, more } = await listLimits(deps.db, limitsSeenBy(ctx), filters, identityPage(query));
      const views = limits.map((limit) => limitView(deps, limit));
      return listView(deps, 'limits', views, { url: request.url, more });
    },
  }),
  route({
    method: 'POST',
    path: '/v3/limits',
    rule: limitPolicy['identity:create_limits'],
    summary: 'Create limits of projects or domains',
    body: CreateLimits,
    status: 201,
    async handler({ body }, h) {
      const limits = await createLimits(deps, body.limits.map(asked));
      return h.response({ limits: limits.map((limit) => limitView(deps, limit)) }).code(201);
    },
  }),
  route({
    method: 'GET',
    path: '/v3/limits/{limit_id}',
    rule: limitPolicy['identity:get_limit'],
    summary: 'Show a limit',
    async target({ limit_id = '' }) {
      const limit = await findLimit(deps.db, limit_id);
      return {
        ...(limit?.projectId && {
          'target.limit.project_id': limit.projectId,
          'target.limit.project.domain_id': limit.projectDomainId,
        }),
        ...(limit?.domainId && { 'target.limit.domain.id': limit.domainId }),
      };
    },
    status: 200,
    handler: async ({ params }) => ({ limit: limitView(deps, await getLimit(deps.db, params.limit_id ?? '')) }),
  }),
  route({
    method: 'PATCH',
    path: '/v3/limits/{limit_id}',
    rule: limitPolicy['identity:update_limit'],
    summary: 'Update a limit',
    body: UpdateLimit,
    status: 200,
    async handler({ params, body: { limit: changes } }) {
      checkSameId(changes, params.limit_id ?? '');
      const { resource_limit: resourceLimit, description } = changes;
      const limit = await changeLimit(deps, params.limit_id ?? '', { resourceLimit, description });
      return { limit: limitView(deps, limit) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v3/limits/{limit_id}',
    rule: limitPolicy['identity:delete_limit'],
    summary: 'Delete a limit',
    status: 204,
    async handler({ params }, h) {
      await removeLimit(deps.db, params.limit_id ?? '');
      return noContent(h);
    },
  }),
];
