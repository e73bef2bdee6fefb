import { Type } from 'typebox';
import { route } from '../../common/http/route.ts';
import { isoSeconds } from '../../common/http/time.ts';
import { networkPolicy } from '../policy.ts';
import { createSubnets, deleteSubnet, updateSubnet } from '../subnets/operations.ts';
import { type SubnetRow, subnetFromRow, visibleSubnets } from '../subnets/store.ts';
import type { Subnet } from '../subnets/subnet.ts';
import {
  address,
  asked,
  closed,
  description,
  hostRoutes,
  name,
  nullable,
  oneOrMany,
  projectId,
  uuid,
} from './bodies.ts';
import type { ApiDeps } from './deps.ts';
import { type Listing, tagFilters } from './listing.ts';
import { deleteRoute, own, readRoutes } from './resource.ts';

const changeable = {
  name: Type.Optional(name),
  description: Type.Optional(description),
  enable_dhcp: Type.Optional(Type.Boolean()),
  gateway_ip: Type.Optional(nullable(address)),
  dns_nameservers: Type.Optional(Type.Array(address, { maxItems: 5 })),
  host_routes: Type.Optional(hostRoutes),
  allocation_pools: Type.Optional(Type.Array(Type.Object({ start: address, end: address }, closed), { maxItems: 50 })),
};
const NewSubnet = Type.Object(
  {
    ...changeable,
    network_id: uuid,
    ip_version: Type.Union([Type.Literal(4), Type.Literal(6)]),
    cidr: address,
    project_id: Type.Optional(projectId),
    tenant_id: Type.Optional(projectId),
  },
  closed,
);

const listing: Listing = {
  collection: 'subnets',
  idColumn: 's.id',
  attributes: {
    id: { column: 's.id', kind: 'uuid', sortable: true },
    name: { column: 's.name', kind: 'text', sortable: true },
    description: { column: 's.description', kind: 'text' },
    project_id: { column: 's.project_id', kind: 'text', sortable: true },
    tenant_id: { column: 's.project_id', kind: 'text', sortable: true },
    network_id: { column: 's.network_id', kind: 'uuid', sortable: true },
    cidr: { column: 's.cidr', kind: 'address', sortable: true },
    gateway_ip: { column: 's.gateway_ip', kind: 'address' },
    enable_dhcp: { column: 's.enable_dhcp', kind: 'boolean' },
    shared: { column: 'n.shared', kind: 'boolean' },
    'router:external': { column: 'n.external', kind: 'boolean' },
  },
  filters: {
    ...tagFilters('s.id'),
    ip_version: (query, values) => {
      if (!values.includes('4')) query.whereRaw('false');
    },
  },
};

function subnetView(subnet: Subnet) {
  return {
    id: subnet.id,
    name: subnet.name,
    description: subnet.description,
    project_id: subnet.projectId,
    tenant_id: subnet.projectId,
    network_id: subnet.networkId,
    ip_version: 4,
    ipv6_address_mode: null,
    ipv6_ra_mode: null,
    subnetpool_id: null,
    cidr: subnet.cidr,
    gateway_ip: subnet.gatewayIp,
    enable_dhcp: subnet.enableDhcp,
    dns_nameservers: subnet.dnsNameservers,
    host_routes: subnet.hostRoutes.map(({ destination, nexthop }) => ({ destination, nexthop })),
    allocation_pools: subnet.allocationPools.map(({ start, end }) => ({ start, end })),
    tags: subnet.tags,
    created_at: isoSeconds(subnet.createdAt),
    updated_at: isoSeconds(subnet.updatedAt),
    revision_number: subnet.revision,
  };
}

export const subnetRoutes = (deps: ApiDeps) => [
  ...readRoutes(deps, {
    listing,
    member: 'subnet',
    resource: 'Subnet',
    rule: networkPolicy.get_subnet,
    rows: visibleSubnets,
    view: () => (row: SubnetRow) => subnetView(subnetFromRow(row)),
  }),
  route({
    method: 'POST',
    path: '/v2.0/subnets',
    rule: networkPolicy.create_subnet,
    target: own,
    summary: 'Create a subnet, or several',
    status: 201,
    body: oneOrMany('subnet', 'subnets', NewSubnet),
    async handler({ ctx, body }, h) {
      const { items, bulk } = asked<typeof NewSubnet>(body, 'subnet', 'subnets');
      const views = (await createSubnets(deps, ctx, items)).map(subnetView);
      return h.response(bulk ? { subnets: views } : { subnet: views[0] }).code(201);
    },
  }),
  route({
    method: 'PUT',
    path: '/v2.0/subnets/{id}',
    rule: networkPolicy.update_subnet,
    target: own,
    summary: 'Change a subnet',
    status: 200,
    body: Type.Object({ subnet: Type.Object(changeable, closed) }, closed),
    async handler({ ctx, params, body }) {
      return { subnet: subnetView(await updateSubnet(deps, ctx, params.id ?? '', body.subnet)) };
    },
  }),
  deleteRoute(listing, networkPolicy.delete_subnet, (ctx, id) => deleteSubnet(deps, ctx, id)),
];
