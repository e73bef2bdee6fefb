import { Type } from 'typebox';
import { noContent, route } from '../../common/http/route.ts';
import { anyScope, definePolicy } from '../../common/policy/rules.ts';
import { getAccessRule, listAccessRules, removeAccessRule } from '../application-credentials/access-rules.ts';
import type { StoredAccessRule } from '../application-credentials/application-credential.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { refuseDelegated, refuseTrustee } from '../tokens/delegated.ts';
import { identityPage, listView, textFilters } from './listing.ts';

export const AccessRuleBody = Type.Object({
  service: Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-zA-Z0-9-]+$' }),
  method: Type.Union(['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT'].map((method) => Type.Literal(method))),
  path: Type.String({ minLength: 1, maxLength: 225, pattern: '^/[^\\u0000-\\u001f]*$' }),
});

const owner = 'user_id:%(target.user.id)s';
const readers = { check: `(role:reader and system_scope:all) or ${owner}`, scopes: anyScope } as const;

export const accessRulePolicy = definePolicy({
  'identity:get_access_rule': { ...readers, description: 'Show an access rule of a user' },
  'identity:list_access_rules': { ...readers, description: 'List the access rules of a user' },
  'identity:delete_access_rule': {
    check: `(role:admin and system_scope:all) or ${owner}`,
    scopes: anyScope,
    description: 'Delete an access rule of a user',
  },
});

/** The user of the path: whatever else is asked for must be theirs. */
export const userOfPath = ({ user_id }: Record<string, string>) => ({ user_id, 'target.user.id': user_id });

const path = '/v3/users/{user_id}/access_rules';

export const accessRuleRoutes = (deps: IdentityDeps) => {
  const view = (userId: string, { id, service, method, path }: StoredAccessRule) => ({
    ...{ id, service, method, path },
    links: { self: `${identityUrl(deps)}/users/${userId}/access_rules/${id}` },
  });
  return [
    route({
      method: 'GET',
      path,
      rule: accessRulePolicy['identity:list_access_rules'],
      summary: 'List the access rules of a user',
      target: userOfPath,
      status: 200,
      async handler({ ctx, params: { user_id = '' }, query, request }) {
        refuseTrustee(ctx, 'access rules');
        const filters = textFilters(query, { service: 'service', method: 'method', path: 'path' });
        const { rules, more } = await listAccessRules(deps.db, user_id, { filters, page: identityPage(query) });
        const views = rules.map((rule) => view(user_id, rule));
        return listView(deps, 'access_rules', views, { url: request.url, more, path: `users/${user_id}/access_rules` });
      },
    }),
    route({
      method: 'GET',
      path: `${path}/{access_rule_id}`,
      rule: accessRulePolicy['identity:get_access_rule'],
      summary: 'Show an access rule',
      target: userOfPath,
      status: 200,
      async handler({ ctx, params: { user_id = '', access_rule_id = '' } }) {
        refuseTrustee(ctx, 'access rules');
        return { access_rule: view(user_id, await getAccessRule(deps.db, user_id, access_rule_id)) };
      },
    }),
    route({
      method: 'DELETE',
      path: `${path}/{access_rule_id}`,
      rule: accessRulePolicy['identity:delete_access_rule'],
      summary: 'Delete an access rule that no application credential uses',
      target: userOfPath,
      status: 204,
      async handler({ ctx, params: { user_id = '', access_rule_id = '' } }, h) {
        refuseDelegated(ctx, 'application credentials');
        await removeAccessRule(deps.db, user_id, access_rule_id);
        return noContent(h);
      },
    }),
  ];
};
