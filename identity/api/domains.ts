import { type Static, Type } from 'typebox';
import { noContent, route } from '../../common/http/route.ts';
import { anyScope, definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { changeDomain, createDomain, deleteDomain } from '../domains/operations.ts';
import { type Domain, getDomain, pageOfDomains } from '../domains/store.ts';
import { extraOf } from '../extra.ts';
import { tagFilter } from '../projects/tags.ts';
import {
  checkSameId,
  description,
  enabled,
  queryFlag,
  resourceName,
  resourceOptions,
  tagList,
  trimmedTags,
} from './fields.ts';
import { identityPage, listView, textFilters } from './listing.ts';
import { administrators, domainReaders } from './personas.ts';
import { domainTarget, ownDomain } from './targets.ts';

const attributes = {
  description,
  enabled,
  tags: Type.Optional(tagList),
  options: resourceOptions,
};

const CreateDomain = Type.Object({
  domain: Type.Object({
    name: resourceName(64),
    explicit_domain_id: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$' })),
    ...attributes,
  }),
});

const UpdateDomain = Type.Object({
  domain: Type.Object({ name: Type.Optional(resourceName(64)), ...attributes }, { minProperties: 1 }),
});

const known = [
  'id',
  'links',
  'name',
  'explicit_domain_id',
  'is_domain',
  'domain_id',
  'parent_id',
  ...Object.keys(attributes),
];

export const domainPolicy = definePolicy({
  'identity:get_domain': {
    check:
      'rule:admin_required or (role:reader and system_scope:all) or domain_id:%(target.domain.id)s or project_id:%(target.domain.project_id)s',
    scopes: anyScope,
    description: 'Show a domain; those with a token for it, or for a project in it, may',
  },
  'identity:list_domains': domainReaders('target.domain.id', 'List domains; readers of a domain see that one'),
  'identity:create_domain': administrators('Create a domain'),
  'identity:update_domain': administrators('Update a domain'),
  'identity:delete_domain': administrators('Delete a domain with all that is in it'),
});

export function domainView(deps: Pick<IdentityDeps, 'publicUrl'>, domain: Domain) {
  return {
    ...domain.extra,
    id: domain.id,
    name: domain.name,
    description: domain.description,
    enabled: domain.enabled,
    tags: domain.tags,
    options: domain.options,
    links: { self: `${identityUrl(deps)}/domains/${domain.id}` },
  };
}

function unpack(domain: Static<typeof UpdateDomain>['domain']) {
  return {
    name: domain.name?.trim(),
    description: domain.description === null ? '' : domain.description,
    enabled: domain.enabled,
    tags: domain.tags && trimmedTags(domain.tags),
    options: domain.options,
    extra: extraOf(domain, known),
  };
}

export const domainRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path: '/v3/domains',
    rule: domainPolicy['identity:list_domains'],
    summary: 'List domains',
    target: ownDomain('target.domain.id'),
    status: 200,
    async handler({ ctx, query, request }) {
      const filter = {
        ...(ctx.domainId !== null && { id: ctx.domainId }),
        ...domainQuery(query),
      };
      const { rows, more } = await pageOfDomains(deps.db, filter, identityPage(query));
      const views = rows.map((domain) => domainView(deps, domain));
      return listView(deps, 'domains', views, { url: request.url, more });
    },
  }),
  route({
    method: 'POST',
    path: '/v3/domains',
    rule: domainPolicy['identity:create_domain'],
    summary: 'Create a domain',
    body: CreateDomain,
    status: 201,
    async handler({ body }, h) {
      const { name, explicit_domain_id } = body.domain;
      const domain = await createDomain(deps, { ...unpack(body.domain), name: name.trim(), id: explicit_domain_id });
      return h.response({ domain: domainView(deps, domain) }).code(201);
    },
  }),
  route({
    method: 'GET',
    path: '/v3/domains/{domain_id}',
    rule: domainPolicy['identity:get_domain'],
    summary: 'Show a domain',
    target: domainTarget(deps),
    status: 200,
    handler: async ({ params }) => ({ domain: domainView(deps, await getDomain(deps.db, params.domain_id ?? '')) }),
  }),
  route({
    method: 'PATCH',
    path: '/v3/domains/{domain_id}',
    rule: domainPolicy['identity:update_domain'],
    summary: 'Update a domain',
    body: UpdateDomain,
    status: 200,
    async handler({ params, body }) {
      const { domain_id: id = '' } = params;
      checkSameId(body.domain, id);
      return { domain: domainView(deps, await changeDomain(deps, id, unpack(body.domain))) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v3/domains/{domain_id}',
    rule: domainPolicy['identity:delete_domain'],
    summary: 'Delete a domain and all that is in it',
    status: 204,
    async handler({ params }, h) {
      await deleteDomain(deps, params.domain_id ?? '');
      return noContent(h);
    },
  }),
];

/** The filters of lists of domains, also of those that are shown as projects. */
export function domainQuery(query: Record<string, unknown>) {
  const isEnabled = queryFlag(query, 'enabled');
  return {
    texts: textFilters(query, { name: 'name' }),
    tags: tagFilter(query),
    ...(isEnabled !== undefined && { enabled: isEnabled }),
  };
}
