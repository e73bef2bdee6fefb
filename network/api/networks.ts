import { Type } from 'typebox';
import type { ProjectContext } from '../../common/context.ts';
import { route } from '../../common/http/route.ts';
import { isoSeconds } from '../../common/http/time.ts';
import { type Network, statusOfNetwork } from '../networks/network.ts';
import { createNetworks, deleteNetwork, updateNetwork } from '../networks/operations.ts';
import { type NetworkRow, networkFromRow, visibleNetworks } from '../networks/store.ts';
import { networkPolicy } from '../policy.ts';
import { asked, closed, description, name, oneOrMany, projectId } from './bodies.ts';
import type { ApiDeps } from './deps.ts';
import { type Listing, tagFilters } from './listing.ts';
import { deleteRoute, readRoutes } from './resource.ts';

const changeable = {
  name: Type.Optional(name),
  description: Type.Optional(description),
  admin_state_up: Type.Optional(Type.Boolean()),
  shared: Type.Optional(Type.Boolean()),
  'router:external': Type.Optional(Type.Boolean()),
  is_default: Type.Optional(Type.Boolean()),
  port_security_enabled: Type.Optional(Type.Boolean()),
  mtu: Type.Optional(
    Type.Union([
      Type.Integer({ minimum: 576, maximum: 9000 }),
      Type.String({ pattern: '^[1-9][0-9]{2,3}$', description: 'The openstack client sends it as text' }),
    ]),
  ),
};
const NewNetwork = Type.Object(
  {
    ...changeable,
    project_id: Type.Optional(projectId),
    tenant_id: Type.Optional(projectId),
    'provider:network_type': Type.Optional(Type.String()),
    'provider:physical_network': Type.Optional(Type.String({ pattern: '^[\\w.-]{1,64}$' })),
    'provider:segmentation_id': Type.Optional(Type.Integer()),
  },
  closed,
);
const CreateNetwork = oneOrMany('network', 'networks', NewNetwork);
const UpdateNetwork = Type.Object({ network: Type.Object(changeable, closed) }, closed);

export const networkListing: Listing = {
  collection: 'networks',
  idColumn: 'n.id',
  attributes: {
    id: { column: 'n.id', kind: 'uuid', sortable: true },
    name: { column: 'n.name', kind: 'text', sortable: true },
    description: { column: 'n.description', kind: 'text' },
    project_id: { column: 'n.project_id', kind: 'text', sortable: true },
    tenant_id: { column: 'n.project_id', kind: 'text', sortable: true },
    admin_state_up: { column: 'n.admin_state_up', kind: 'boolean', sortable: true },
    shared: { column: 'n.shared', kind: 'boolean' },
    'router:external': { column: 'n.external', kind: 'boolean' },
    is_default: { column: 'n.is_default', kind: 'boolean' },
    mtu: { column: 'n.mtu', kind: 'integer', sortable: true },
    'provider:network_type': { column: 'n.network_type', kind: 'text' },
    'provider:physical_network': { column: 'n.physical_network', kind: 'text' },
    created_at: { column: 'n.created_at', kind: 'text', sortable: true },
  },
  filters: {
    ...tagFilters('n.id'),
    created_at: () => undefined,
    status: (query, values) => {
      const broken = 'n.fault is not null and n.settled_revision = n.revision';
      query.where((any) => {
        any.whereRaw('false');
        if (values.includes('ACTIVE')) any.orWhereRaw(`not (${broken})`);
        if (values.includes('ERROR')) any.orWhereRaw(broken);
      });
    },
  },
};

export function networkView({ enforcer }: Pick<ApiDeps, 'enforcer'>, ctx: ProjectContext) {
  const provider = enforcer.allows(ctx, networkPolicy['get_network:provider']);
  return (network: Network) => ({
    id: network.id,
    name: network.name,
    description: network.description,
    project_id: network.projectId,
    tenant_id: network.projectId,
    status: statusOfNetwork(network),
    admin_state_up: network.adminStateUp,
    shared: network.shared,
    'router:external': network.external,
    is_default: network.isDefault,
    port_security_enabled: network.portSecurityEnabled,
    mtu: network.mtu,
    subnets: network.subnetIds,
    ...(provider && {
      'provider:network_type': network.networkType,
      'provider:physical_network': network.physicalNetwork,
      'provider:segmentation_id': null,
    }),
    tags: network.tags,
    created_at: isoSeconds(network.createdAt),
    updated_at: isoSeconds(network.updatedAt),
    revision_number: network.revision,
  });
}

export const networkRoutes = (deps: ApiDeps) => [
  ...readRoutes(deps, {
    listing: networkListing,
    member: 'network',
    resource: 'Network',
    rule: networkPolicy.get_network,
    rows: visibleNetworks,
    view: (ctx) => {
      const view = networkView(deps, ctx);
      return (row: NetworkRow) => view(networkFromRow(row));
    },
  }),
  route({
    method: 'POST',
    path: '/v2.0/networks',
    rule: networkPolicy.create_network,
    summary: 'Create a network, or several',
    status: 201,
    body: CreateNetwork,
    async handler({ ctx, body }, h) {
      const { items, bulk } = asked<typeof NewNetwork>(body, 'network', 'networks');
      const views = (await createNetworks(deps, ctx, items)).map(networkView(deps, ctx));
      return h.response(bulk ? { networks: views } : { network: views[0] }).code(201);
    },
  }),
  route({
    method: 'PUT',
    path: '/v2.0/networks/{id}',
    rule: networkPolicy.update_network,
    summary: 'Change a network',
    status: 200,
    body: UpdateNetwork,
    async handler({ ctx, params, body }) {
      const network = await updateNetwork(deps, ctx, params.id ?? '', body.network);
      return { network: networkView(deps, ctx)(network) };
    },
  }),
  deleteRoute(networkListing, networkPolicy.delete_network, (ctx, id) => deleteNetwork(deps, ctx, id)),
];
