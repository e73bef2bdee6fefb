import type { Request } from '@hapi/hapi';
import { route } from '../../common/http/route.ts';
import { authenticated, definePolicy } from '../../common/policy/rules.ts';
import { type Holder, hasSystemRole } from '../assignments/open-scopes.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { listDomains } from '../domains/store.ts';
import { listProjects } from '../projects/store.ts';
import { checkToken } from '../tokens/check.ts';
import { domainView } from './domains.ts';
import { projectView } from './projects.ts';

export const openScopePolicy = definePolicy({
  'identity:get_auth_projects': authenticated('List the projects one can have a token for'),
  'identity:get_auth_domains': authenticated('List the domains one can have a token for'),
  'identity:get_auth_system': authenticated('Tell whether one can have a token for the system'),
});

/** What the caller could have a token for: what keystone's clients offer to choose from. */
export const openScopeRoutes = (deps: IdentityDeps) => {
  const offered = (what: string, summary: string, list: (holder: Holder) => Promise<unknown[]>) =>
    route({
      method: 'GET',
      path: `/v3/auth/${what}`,
      rule: openScopePolicy[`identity:get_auth_${what as 'projects' | 'domains' | 'system'}`],
      summary,
      status: 200,
      async handler({ ctx, request }, h) {
        const groupIds = await groupsOfLogin(deps, request);
        const shown = await deps.memory.recall(`${what} of ${[ctx.userId, ...groupIds].join()}`, async () => {
          const links = { self: `${identityUrl(deps)}/auth/${what}`, previous: null, next: null };
          return JSON.stringify({ [what]: await list({ userId: ctx.userId, groupIds }), links });
        });
        return h.response(shown).type('application/json');
      },
    });
  return [
    offered('projects', 'List the projects that the caller can scope to', async (openTo) => {
      const projects = await listProjects(deps.db, { openTo, enabled: true, isDomainEnabled: true });
      return projects.map((project) => projectView(deps, project));
    }),
    offered('domains', 'List the domains that the caller can scope to', async (openTo) => {
      const domains = await listDomains(deps.db, { openTo, enabled: true });
      return domains.map((domain) => domainView(deps, domain));
    }),
    offered('system', 'Tell whether the caller can scope to the system', async (holder) =>
      (await hasSystemRole(deps.db, holder)) ? [{ all: true }] : [],
    ),
  ];
};

/** Groups that nothing but the caller's login puts them in (federation): only the token knows. */
async function groupsOfLogin(deps: IdentityDeps, { headers }: Request): Promise<string[]> {
  const token = await checkToken(deps, String(headers['x-auth-token']));
  return token.federation?.groupIds ?? [];
}
