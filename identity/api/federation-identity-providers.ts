import { type Static, Type } from 'typebox';
import { flag, one } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import type { IdentityProvider } from '../federation/providers/identity-provider.ts';
import {
  changeIdentityProvider,
  createIdentityProvider,
  deleteIdentityProvider,
} from '../federation/providers/operations.ts';
import { getIdentityProvider, listIdentityProviders } from '../federation/providers/store.ts';
import { checkedId, nullableText, optionalFlag } from './federation-fields.ts';
import { reference } from './fields.ts';
import { identityPage, listView } from './listing.ts';
import { administrators, cloudReaders } from './personas.ts';

const fields = {
  enabled: optionalFlag,
  description: nullableText,
  authorization_ttl: Type.Optional(Type.Union([Type.Integer({ minimum: 0, maximum: 525_600 }), Type.Null()])),
  remote_ids: Type.Optional(
    Type.Union([
      Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { uniqueItems: true, maxItems: 100 }),
      Type.Null(),
    ]),
  ),
};

const CreateIdentityProvider = Type.Object({
  identity_provider: Type.Object(
    { ...fields, domain_id: Type.Optional(Type.Union([reference, Type.Null()])) },
    { additionalProperties: false },
  ),
});

const UpdateIdentityProvider = Type.Object({
  identity_provider: Type.Object(fields, { additionalProperties: false, minProperties: 1 }),
});

export const identityProviderPolicy = definePolicy({
  'identity:list_identity_providers': cloudReaders('List identity providers'),
  'identity:get_identity_provider': cloudReaders('Show an identity provider'),
  'identity:create_identity_provider': administrators('Register an identity provider'),
  'identity:update_identity_provider': administrators('Update an identity provider'),
  'identity:delete_identity_provider': administrators('Delete an identity provider'),
});

function view(deps: IdentityDeps, provider: IdentityProvider) {
  const self = `${identityUrl(deps)}/OS-FEDERATION/identity_providers/${encodeURIComponent(provider.id)}`;
  return {
    id: provider.id,
    domain_id: provider.domainId,
    enabled: provider.enabled,
    description: provider.description,
    authorization_ttl: provider.authorizationTtl,
    remote_ids: provider.remoteIds,
    links: { self, protocols: `${self}/protocols` },
  };
}

function unpack(body: Static<typeof UpdateIdentityProvider>['identity_provider']) {
  return {
    enabled: body.enabled,
    description: body.description,
    authorizationTtl: body.authorization_ttl,
    remoteIds: body.remote_ids === null ? [] : body.remote_ids,
  };
}

const path = '/v3/OS-FEDERATION/identity_providers';

export const identityProviderRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path,
    rule: identityProviderPolicy['identity:list_identity_providers'],
    summary: 'List identity providers',
    status: 200,
    async handler({ query, request }) {
      const filter = { id: one(query.id), enabled: flag(query.enabled, 'enabled') };
      const { providers, more } = await listIdentityProviders(deps.db, filter, identityPage(query));
      const views = providers.map((provider) => view(deps, provider));
      return listView(deps, 'identity_providers', views, {
        url: request.url,
        more,
        path: 'OS-FEDERATION/identity_providers',
      });
    },
  }),
  route({
    method: 'PUT',
    path: `${path}/{idp_id}`,
    rule: identityProviderPolicy['identity:create_identity_provider'],
    summary: 'Register an identity provider',
    body: CreateIdentityProvider,
    status: 201,
    async handler({ params, body }, h) {
      const asked = unpack(body.identity_provider);
      const provider = await createIdentityProvider(deps, {
        id: checkedId(params.idp_id),
        domainId: body.identity_provider.domain_id ?? null,
        enabled: asked.enabled ?? false,
        description: asked.description ?? null,
        authorizationTtl: asked.authorizationTtl ?? null,
        remoteIds: asked.remoteIds ?? [],
      });
      return h.response({ identity_provider: view(deps, provider) }).code(201);
    },
  }),
  route({
    method: 'GET',
    path: `${path}/{idp_id}`,
    rule: identityProviderPolicy['identity:get_identity_provider'],
    summary: 'Show an identity provider',
    status: 200,
    handler: async ({ params }) => ({
      identity_provider: view(deps, await getIdentityProvider(deps.db, params.idp_id ?? '')),
    }),
  }),
  route({
    method: 'PATCH',
    path: `${path}/{idp_id}`,
    rule: identityProviderPolicy['identity:update_identity_provider'],
    summary: 'Update an identity provider',
    body: UpdateIdentityProvider,
    status: 200,
    handler: async ({ params, body }) => ({
      identity_provider: view(
        deps,
        await changeIdentityProvider(deps, params.idp_id ?? '', unpack(body.identity_provider)),
      ),
    }),
  }),
  route({
    method: 'DELETE',
    path: `${path}/{idp_id}`,
    rule: identityProviderPolicy['identity:delete_identity_provider'],
    summary: 'Delete an identity provider and end the tokens of those it vouched for',
    status: 204,
    async handler({ params }, h) {
      await deleteIdentityProvider(deps, params.idp_id ?? '');
      return noContent(h);
    },
  }),
];
