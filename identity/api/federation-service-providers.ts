import { type Static, Type } from 'typebox';
import { flag, one } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import {
  getServiceProvider,
  insertServiceProvider,
  listServiceProviders,
  removeServiceProvider,
  type ServiceProvider,
  updateServiceProvider,
} from '../federation/service-providers/store.ts';
import { checkedId, nullableText, optionalFlag } from './federation-fields.ts';
import { identityPage, listView } from './listing.ts';
import { administrators, cloudReaders } from './personas.ts';

const url = Type.String({ minLength: 1, maxLength: 225, pattern: '^[a-zA-Z0-9+.-]+:[^\\s<>"]+$' });

const fields = {
  enabled: optionalFlag,
  description: nullableText,
  relay_state_prefix: Type.Optional(Type.Union([Type.String({ maxLength: 256 }), Type.Null()])),
};

const CreateServiceProvider = Type.Object({
  service_provider: Type.Object({ ...fields, auth_url: url, sp_url: url }, { additionalProperties: false }),
});

const UpdateServiceProvider = Type.Object({
  service_provider: Type.Object(
    { ...fields, auth_url: Type.Optional(url), sp_url: Type.Optional(url) },
    { additionalProperties: false, minProperties: 1 },
  ),
});

export const serviceProviderPolicy = definePolicy({
  'identity:list_service_providers': cloudReaders('List service providers'),
  'identity:get_service_provider': cloudReaders('Show a service provider'),
  'identity:create_service_provider': administrators('Register a service provider'),
  'identity:update_service_provider': administrators('Update a service provider'),
  'identity:delete_service_provider': administrators('Delete a service provider'),
});

/** Keystone's. */
const defaultPrefix = 'ss:mem:';

function view(deps: IdentityDeps, provider: ServiceProvider) {
  return {
    id: provider.id,
    enabled: provider.enabled,
    description: provider.description,
    auth_url: provider.authUrl,
    sp_url: provider.spUrl,
    relay_state_prefix: provider.relayStatePrefix,
    links: {
      self: `${identityUrl(deps)}/OS-FEDERATION/service_providers/${encodeURIComponent(provider.id)}`,
    },
  };
}

function unpack(body: Static<typeof UpdateServiceProvider>['service_provider']): Partial<ServiceProvider> {
  return {
    ...(body.enabled !== undefined && { enabled: body.enabled }),
    ...(body.description !== undefined && { description: body.description }),
    ...(body.auth_url !== undefined && { authUrl: body.auth_url }),
    ...(body.sp_url !== undefined && { spUrl: body.sp_url }),
    ...(body.relay_state_prefix !== undefined && { relayStatePrefix: body.relay_state_prefix ?? defaultPrefix }),
  };
}

/** What every token shows of them, for clients that go on to another cloud; nothing where none is enabled, as in Keystone. */
export async function serviceProvidersInToken({ db, memory }: IdentityDeps): Promise<object> {
  return memory.recall('service providers', async () => {
    const { providers } = await listServiceProviders(db, { enabled: true }, { limit: 1000, marker: undefined });
    if (providers.length === 0) return {};
    return { service_providers: providers.map(({ id, authUrl, spUrl }) => ({ id, auth_url: authUrl, sp_url: spUrl })) };
  });
}

const path = '/v3/OS-FEDERATION/service_providers';

export const serviceProviderRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path,
    rule: serviceProviderPolicy['identity:list_service_providers'],
    summary: 'List service providers',
    status: 200,
    async handler({ query, request }) {
      const filter = { id: one(query.id), enabled: flag(query.enabled, 'enabled') };
      const { providers, more } = await listServiceProviders(deps.db, filter, identityPage(query));
      const views = providers.map((provider) => view(deps, provider));
      return listView(deps, 'service_providers', views, {
        url: request.url,
        more,
        path: 'OS-FEDERATION/service_providers',
      });
    },
  }),
  route({
    method: 'PUT',
    path: `${path}/{sp_id}`,
    rule: serviceProviderPolicy['identity:create_service_provider'],
    summary: 'Register a service provider',
    body: CreateServiceProvider,
    status: 201,
    async handler({ params, body }, h) {
      const { auth_url, sp_url } = body.service_provider;
      const provider = {
        id: checkedId(params.sp_id),
        enabled: false,
        description: null,
        relayStatePrefix: defaultPrefix,
        authUrl: auth_url,
        spUrl: sp_url,
        ...unpack(body.service_provider),
      };
      await insertServiceProvider(deps.db, provider);
      return h.response({ service_provider: view(deps, provider) }).code(201);
    },
  }),
  route({
    method: 'GET',
    path: `${path}/{sp_id}`,
    rule: serviceProviderPolicy['identity:get_service_provider'],
    summary: 'Show a service provider',
    status: 200,
    handler: async ({ params }) => ({
      service_provider: view(deps, await getServiceProvider(deps.db, params.sp_id ?? '')),
    }),
  }),
  route({
    method: 'PATCH',
    path: `${path}/{sp_id}`,
    rule: serviceProviderPolicy['identity:update_service_provider'],
    summary: 'Update a service provider',
    body: UpdateServiceProvider,
    status: 200,
    handler: async ({ params, body }) => ({
      service_provider: view(
        deps,
        await updateServiceProvider(deps.db, params.sp_id ?? '', unpack(body.service_provider)),
      ),
    }),
  }),
  route({
    method: 'DELETE',
    path: `${path}/{sp_id}`,
    rule: serviceProviderPolicy['identity:delete_service_provider'],
    summary: 'Delete a service provider',
    status: 204,
    async handler({ params }, h) {
      await removeServiceProvider(deps.db, params.sp_id ?? '');
      return noContent(h);
    },
  }),
];
