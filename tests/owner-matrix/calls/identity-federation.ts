import { randomUUID } from 'node:crypto';
import type { Call, Calls, MakeCall } from '../call.ts';

const base = '/v3/OS-FEDERATION';
const nothing: MakeCall = () => ({});
const fresh = () => `new-${randomUUID()}`; // ids here are chosen by who makes them
const provider =
  (call: Call = {}): MakeCall =>
  (it) => ({ params: { idp_id: it.spareIdentityProvider }, ...call });
const protocol =
  (call: (it: Parameters<MakeCall>[0]) => Call = nothing): MakeCall =>
  (it) => ({ params: { idp_id: it.spareIdentityProvider, protocol_id: it.spareProtocol }, ...call(it) });
const rules = [{ local: [{ user: { name: '{0}' } }], remote: [{ type: 'sub' }] }];

const atTheDoor = {
  notCalled:
    'without an access token of the identity provider it is the same 401 for everybody, or 404 where there is none',
};

const byBrowser = { notCalled: 'a browser comes here without a token, and everybody is answered alike' };

export const identityFederationCalls: Calls = {
  [`GET ${base}/identity_providers`]: nothing,
  [`PUT ${base}/identity_providers/{idp_id}`]: () => ({
    params: { idp_id: fresh() },
    body: { identity_provider: { domain_id: 'default' } },
  }),
  [`GET ${base}/identity_providers/{idp_id}`]: provider(),
  [`PATCH ${base}/identity_providers/{idp_id}`]: provider({ body: { identity_provider: { description: 'changed' } } }),
  [`DELETE ${base}/identity_providers/{idp_id}`]: provider(),

  [`GET ${base}/identity_providers/{idp_id}/protocols`]: provider(),
  [`PUT ${base}/identity_providers/{idp_id}/protocols/{protocol_id}`]: (it) => ({
    params: { idp_id: it.spareIdentityProvider, protocol_id: fresh() },
    body: { protocol: { mapping_id: it.spareMapping } },
  }),
  [`GET ${base}/identity_providers/{idp_id}/protocols/{protocol_id}`]: protocol(),
  [`PATCH ${base}/identity_providers/{idp_id}/protocols/{protocol_id}`]: protocol((it) => ({
    body: { protocol: { mapping_id: it.spareMapping } },
  })),
  [`DELETE ${base}/identity_providers/{idp_id}/protocols/{protocol_id}`]: protocol(),
  [`GET ${base}/identity_providers/{idp_id}/protocols/{protocol_id}/auth`]: atTheDoor,
  [`POST ${base}/identity_providers/{idp_id}/protocols/{protocol_id}/auth`]: atTheDoor,

  'GET /v3/auth/OS-FEDERATION/websso': byBrowser,
  'GET /v3/auth/OS-FEDERATION/websso/{protocol_id}': byBrowser,
  'POST /v3/auth/OS-FEDERATION/websso/{protocol_id}': byBrowser,
  'GET /v3/auth/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/websso': byBrowser,
  'POST /v3/auth/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/websso': byBrowser,
  'GET /v3/auth/OS-FEDERATION/callback': byBrowser,

  [`GET ${base}/mappings`]: nothing,
  [`PUT ${base}/mappings/{mapping_id}`]: () => ({ params: { mapping_id: fresh() }, body: { mapping: { rules } } }),
  [`GET ${base}/mappings/{mapping_id}`]: (it) => ({ params: { mapping_id: it.spareMapping } }),
  [`PATCH ${base}/mappings/{mapping_id}`]: (it) => ({
    params: { mapping_id: it.spareMapping },
    body: { mapping: { rules } },
  }),
  [`DELETE ${base}/mappings/{mapping_id}`]: (it) => ({ params: { mapping_id: it.spareMapping } }),

  [`GET ${base}/service_providers`]: nothing,
  [`PUT ${base}/service_providers/{sp_id}`]: () => ({
    params: { sp_id: fresh() },
    body: { service_provider: { auth_url: 'https://sp.test/', sp_url: 'https://sp.test/' } },
  }),
  [`GET ${base}/service_providers/{sp_id}`]: (it) => ({ params: { sp_id: it.spareServiceProvider } }),
  [`PATCH ${base}/service_providers/{sp_id}`]: (it) => ({
    params: { sp_id: it.spareServiceProvider },
    body: { service_provider: { description: 'changed' } },
  }),
  [`DELETE ${base}/service_providers/{sp_id}`]: (it) => ({ params: { sp_id: it.spareServiceProvider } }),
};
