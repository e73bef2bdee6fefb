import { Type } from 'typebox';
import { route } from '../../common/http/route.ts';
import { isoSeconds } from '../../common/http/time.ts';
import { type FloatingIp, statusOfFloatingIp } from '../floating-ips/floating-ip.ts';
import { createFloatingIp, deleteFloatingIp, updateFloatingIp } from '../floating-ips/operations.ts';
import { type FloatingIpRow, floatingIpFromRow, visibleFloatingIps } from '../floating-ips/store.ts';
import { networkPolicy } from '../policy.ts';
import { address, closed, description, nullable, projectId, uuid } from './bodies.ts';
import type { ApiDeps } from './deps.ts';
import { type Listing, tagFilters } from './listing.ts';
import { deleteRoute, readRoutes } from './resource.ts';

const changeable = {
  description: Type.Optional(description),
  port_id: Type.Optional(nullable(uuid)),
  fixed_ip_address: Type.Optional(nullable(address)),
};
const NewFloatingIp = Type.Object(
  {
    ...changeable,
    floating_network_id: uuid,
    floating_ip_address: Type.Optional(address),
    subnet_id: Type.Optional(uuid),
    project_id: Type.Optional(projectId),
    tenant_id: Type.Optional(projectId),
  },
  closed,
);

const listing: Listing = {
  collection: 'floatingips',
  idColumn: 'f.id',
  attributes: {
    id: { column: 'f.id', kind: 'uuid', sortable: true },
    description: { column: 'f.description', kind: 'text' },
    project_id: { column: 'f.project_id', kind: 'text', sortable: true },
    tenant_id: { column: 'f.project_id', kind: 'text', sortable: true },
    floating_network_id: { column: 'f.floating_network_id', kind: 'uuid', sortable: true },
    floating_ip_address: { column: 'f.floating_address', kind: 'address', sortable: true },
    fixed_ip_address: { column: 'f.fixed_address', kind: 'address' },
    port_id: { column: 'f.port_id', kind: 'uuid' },
    router_id: { column: 'f.router_id', kind: 'uuid' },
  },
  filters: {
    ...tagFilters('f.id'),
    status: (query, values) => {
      const active = 'coalesce(r.settled_revision >= f.router_revision and r.fault is null, false)';
      query.where((any) => {
        any.whereRaw('false');
        if (values.includes('ACTIVE')) any.orWhereRaw(active);
        if (values.includes('DOWN')) any.orWhereRaw(`not ${active}`);
      });
    },
  },
};

function floatingIpView(floatingIp: FloatingIp) {
  const { association } = floatingIp;
  return {
    id: floatingIp.id,
    description: floatingIp.description,
    project_id: floatingIp.projectId,
    tenant_id: floatingIp.projectId,
    floating_network_id: floatingIp.networkId,
    floating_ip_address: floatingIp.address,
    port_id: association?.portId ?? null,
    fixed_ip_address: association?.fixedAddress ?? null,
    router_id: association?.routerId ?? null,
    status: statusOfFloatingIp(floatingIp),
    tags: floatingIp.tags,
    created_at: isoSeconds(floatingIp.createdAt),
    updated_at: isoSeconds(floatingIp.updatedAt),
    revision_number: floatingIp.revision,
  };
}

export const floatingIpRoutes = (deps: ApiDeps) => [
  ...readRoutes(deps, {
    listing,
    member: 'floatingip',
    resource: 'Floating IP',
    rule: networkPolicy.get_floatingip,
    rows: visibleFloatingIps,
    view: () => (row: FloatingIpRow) => floatingIpView(floatingIpFromRow(row)),
  }),
  route({
    method: 'POST',
    path: '/v2.0/floatingips',
    rule: networkPolicy.create_floatingip,
    summary: 'Create a floating IP',
    status: 201,
    body: Type.Object({ floatingip: NewFloatingIp }, closed),
    async handler({ ctx, body }, h) {
      const floatingIp = await createFloatingIp(deps, ctx, body.floatingip);
      return h.response({ floatingip: floatingIpView(floatingIp) }).code(201);
    },
  }),
  route({
    method: 'PUT',
    path: '/v2.0/floatingips/{id}',
    rule: networkPolicy.update_floatingip,
    summary: 'Change a floating IP, or what it points at',
    status: 200,
    body: Type.Object({ floatingip: Type.Object(changeable, closed) }, closed),
    async handler({ ctx, params, body }) {
      return { floatingip: floatingIpView(await updateFloatingIp(deps, ctx, params.id ?? '', body.floatingip)) };
    },
  }),
  deleteRoute(listing, networkPolicy.delete_floatingip, (ctx, id) => deleteFloatingIp(deps, ctx, id)),
];
