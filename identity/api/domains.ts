import { flag, one } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { admin, definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { type Domain, getDomain, listDomains } from '../domains/store.ts';
import { collection } from './collection.ts';

export const domainPolicy = definePolicy({
  'identity:get_domain': admin('Show a domain'),
  'identity:list_domains': admin('List domains'),
});

function domainView(deps: IdentityDeps, domain: Domain) {
  return {
    id: domain.id,
    name: domain.name,
    description: domain.description,
    enabled: domain.enabled,
    tags: [],
    options: {},
    links: { self: `${identityUrl(deps)}/domains/${domain.id}` },
  };
}

export const domainRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path: '/v3/domains',
    rule: domainPolicy['identity:list_domains'],
    summary: 'List domains',
    status: 200,
    async handler({ query, request }) {
      const domains = await listDomains(deps.db, { name: one(query.name), enabled: flag(query.enabled, 'enabled') });
      return collection(
        deps,
        'domains',
        domains.map((domain) => domainView(deps, domain)),
        request.url,
      );
    },
  }),
  route({
    method: 'GET',
    path: '/v3/domains/{domain_id}',
    rule: domainPolicy['identity:get_domain'],
    summary: 'Show a domain',
    status: 200,
    handler: async ({ params }) => ({ domain: domainView(deps, await getDomain(deps.db, params.domain_id ?? '')) }),
  }),
];
