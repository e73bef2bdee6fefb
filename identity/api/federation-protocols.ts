import { Type } from 'typebox';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import type { Protocol } from '../federation/providers/identity-provider.ts';
import { changeProtocol, createProtocol, deleteProtocol } from '../federation/providers/operations.ts';
import { getProtocol, listProtocols } from '../federation/providers/store.ts';
import { checkedId } from './federation-fields.ts';
import { listView } from './listing.ts';
import { administrators, cloudReaders } from './personas.ts';

const mappingId = Type.String({ minLength: 1, maxLength: 64 });
const remoteIdAttribute = Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()]));

const CreateProtocol = Type.Object({
  protocol: Type.Object(
    { mapping_id: mappingId, remote_id_attribute: remoteIdAttribute },
    { additionalProperties: false },
  ),
});

const UpdateProtocol = Type.Object({
  protocol: Type.Object(
    { mapping_id: Type.Optional(mappingId), remote_id_attribute: remoteIdAttribute },
    { additionalProperties: false, minProperties: 1 },
  ),
});

export const protocolPolicy = definePolicy({
  'identity:list_protocols': cloudReaders('List the protocols of an identity provider'),
  'identity:get_protocol': cloudReaders('Show a protocol of an identity provider'),
  'identity:create_protocol': administrators('Add a protocol to an identity provider'),
  'identity:update_protocol': administrators('Update a protocol of an identity provider'),
  'identity:delete_protocol': administrators('Delete a protocol of an identity provider'),
});

function view(deps: IdentityDeps, { id, identityProviderId, mappingId, remoteIdAttribute }: Protocol) {
  const provider = `${identityUrl(deps)}/OS-FEDERATION/identity_providers/${encodeURIComponent(identityProviderId)}`;
  return {
    id,
    mapping_id: mappingId,
    ...(remoteIdAttribute !== null && { remote_id_attribute: remoteIdAttribute }),
    links: { self: `${provider}/protocols/${encodeURIComponent(id)}`, identity_provider: provider },
  };
}

const path = '/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols';

export const protocolRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path,
    rule: protocolPolicy['identity:list_protocols'],
    summary: 'List the protocols of an identity provider',
    status: 200,
    async handler({ params, request }) {
      const identityProviderId = params.idp_id ?? '';
      const views = (await listProtocols(deps.db, identityProviderId)).map((protocol) => ({
        ...view(deps, protocol),
        idp_id: identityProviderId,
        remote_id_attribute: protocol.remoteIdAttribute,
      }));
      const self = `OS-FEDERATION/identity_providers/${encodeURIComponent(identityProviderId)}/protocols`;
      return listView(deps, 'protocols', views, { url: request.url, path: self });
    },
  }),
  route({
    method: 'PUT',
    path: `${path}/{protocol_id}`,
    rule: protocolPolicy['identity:create_protocol'],
    summary: 'Add a protocol to an identity provider',
    body: CreateProtocol,
    status: 201,
    async handler({ params, body }, h) {
      const protocol = await createProtocol(deps, {
        id: checkedId(params.protocol_id),
        identityProviderId: params.idp_id ?? '',
        mappingId: body.protocol.mapping_id,
        remoteIdAttribute: body.protocol.remote_id_attribute ?? null,
      });
      return h.response({ protocol: view(deps, protocol) }).code(201);
    },
  }),
  route({
    method: 'GET',
    path: `${path}/{protocol_id}`,
    rule: protocolPolicy['identity:get_protocol'],
    summary: 'Show a protocol of an identity provider',
    status: 200,
    handler: async ({ params }) => ({
      protocol: view(deps, await getProtocol(deps.db, params.idp_id ?? '', params.protocol_id ?? '')),
    }),
  }),
  route({
    method: 'PATCH',
    path: `${path}/{protocol_id}`,
    rule: protocolPolicy['identity:update_protocol'],
    summary: 'Update a protocol of an identity provider',
    body: UpdateProtocol,
    status: 200,
    async handler({ params, body }) {
      const which = { identityProviderId: params.idp_id ?? '', id: params.protocol_id ?? '' };
      const protocol = await changeProtocol(deps, which, {
        mappingId: body.protocol.mapping_id,
        remoteIdAttribute: body.protocol.remote_id_attribute,
      });
      return { protocol: view(deps, protocol) };
    },
  }),
  route({
    method: 'DELETE',
    path: `${path}/{protocol_id}`,
    rule: protocolPolicy['identity:delete_protocol'],
    summary: 'Delete a protocol of an identity provider and end the tokens of those it vouched for',
    status: 204,
    async handler({ params }, h) {
      await deleteProtocol(deps, params.idp_id ?? '', params.protocol_id ?? '');
      return noContent(h);
    },
  }),
];
