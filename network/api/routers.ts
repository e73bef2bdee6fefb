import { Type } from 'typebox';
import { route } from '../../common/http/route.ts';
import { isoSeconds } from '../../common/http/time.ts';
import { isUuid } from '../../common/ids.ts';
import { networkPolicy } from '../policy.ts';
import { addInterface, type InterfaceChange, removeInterface } from '../routers/interfaces.ts';
import { changeRoutes, createRouter, deleteRouter, updateRouter } from '../routers/operations.ts';
import { type Router, statusOfRouter } from '../routers/router.ts';
import { type RouterRow, routerFromRow, visibleRouters } from '../routers/store.ts';
import { closed, description, fixedIps, hostRoutes, name, nullable, projectId, uuid } from './bodies.ts';
import type { ApiDeps } from './deps.ts';
import { type Listing, tagFilters } from './listing.ts';
import { deleteRoute, readRoutes } from './resource.ts';

const gatewayInfo = Type.Object(
  {
    network_id: Type.Optional(uuid),
    enable_snat: Type.Optional(Type.Boolean()),
    external_fixed_ips: Type.Optional(fixedIps),
  },
  closed,
);
const common = {
  name: Type.Optional(name),
  description: Type.Optional(description),
  admin_state_up: Type.Optional(Type.Boolean()),
  external_gateway_info: Type.Optional(nullable(gatewayInfo)),
};
const NewRouter = Type.Object(
  { ...common, project_id: Type.Optional(projectId), tenant_id: Type.Optional(projectId) },
  closed,
);
const ChangedRouter = Type.Object({ ...common, routes: Type.Optional(nullable(hostRoutes)) }, closed);
const Interface = Type.Object({ subnet_id: Type.Optional(uuid), port_id: Type.Optional(uuid) }, closed);
const Routes = Type.Object({ router: Type.Object({ routes: hostRoutes }, closed) }, closed);

const listing: Listing = {
  collection: 'routers',
  idColumn: 'r.id',
  attributes: {
    id: { column: 'r.id', kind: 'uuid', sortable: true },
    name: { column: 'r.name', kind: 'text', sortable: true },
    description: { column: 'r.description', kind: 'text' },
    project_id: { column: 'r.project_id', kind: 'text', sortable: true },
    tenant_id: { column: 'r.project_id', kind: 'text', sortable: true },
    admin_state_up: { column: 'r.admin_state_up', kind: 'boolean', sortable: true },
    enable_snat: { column: 'r.enable_snat', kind: 'boolean' },
  },
  filters: {
    ...tagFilters('r.id'),
    /** `external_gateway_info=network_id=…`, as the client's `--external-network` sends it. */
    external_gateway_info: (query, values) => {
      const ids = values.map((value) => value.replace(/^network_id=/, '')).filter(isUuid);
      query.whereIn('r.external_network_id', ids);
    },
    status: (query, values) => {
      query.where((any) => {
        any.whereRaw('false');
        if (values.includes('ACTIVE')) any.orWhereNull('r.fault');
        if (values.includes('ERROR')) any.orWhereNotNull('r.fault');
      });
    },
  },
};

function routerView(router: Router) {
  return {
    id: router.id,
    name: router.name,
    description: router.description,
    project_id: router.projectId,
    tenant_id: router.projectId,
    status: statusOfRouter(router),
    admin_state_up: router.adminStateUp,
    external_gateway_info: router.gateway && {
      network_id: router.gateway.networkId,
      enable_snat: router.gateway.enableSnat,
      external_fixed_ips: router.gateway.fixedIps.map(({ subnetId, address }) => ({
        subnet_id: subnetId,
        ip_address: address,
      })),
    },
    routes: router.routes.map(({ destination, nexthop }) => ({ destination, nexthop })),
    tags: router.tags,
    created_at: isoSeconds(router.createdAt),
    updated_at: isoSeconds(router.updatedAt),
    revision_number: router.revision,
  };
}

function interfaceView({ router, networkId, portId, subnetIds }: InterfaceChange) {
  return {
    id: router.id,
    project_id: router.projectId,
    tenant_id: router.projectId,
    network_id: networkId,
    port_id: portId,
    subnet_id: subnetIds[0] ?? null,
    subnet_ids: subnetIds,
  };
}

export const routerRoutes = (deps: ApiDeps) => [
  ...readRoutes(deps, {
    listing,
    member: 'router',
    resource: 'Router',
    rule: networkPolicy.get_router,
    rows: visibleRouters,
    view: () => (row: RouterRow) => routerView(routerFromRow(row)),
  }),
  route({
    method: 'POST',
    path: '/v2.0/routers',
    rule: networkPolicy.create_router,
    summary: 'Create a router',
    status: 201,
    body: Type.Object({ router: NewRouter }, closed),
    async handler({ ctx, body }, h) {
      return h.response({ router: routerView(await createRouter(deps, ctx, body.router)) }).code(201);
    },
  }),
  route({
    method: 'PUT',
    path: '/v2.0/routers/{id}',
    rule: networkPolicy.update_router,
    summary: 'Change a router',
    status: 200,
    body: Type.Object({ router: ChangedRouter }, closed),
    async handler({ ctx, params, body }) {
      return { router: routerView(await updateRouter(deps, ctx, params.id ?? '', body.router)) };
    },
  }),
  deleteRoute(listing, networkPolicy.delete_router, (ctx, id) => deleteRouter(deps, ctx, id)),
  route({
    method: 'PUT',
    path: '/v2.0/routers/{id}/add_router_interface',
    rule: networkPolicy.add_router_interface,
    summary: 'Connect a router to a subnet',
    status: 200,
    body: Interface,
    handler: async ({ ctx, params, body }) => interfaceView(await addInterface(deps, ctx, params.id ?? '', body)),
  }),
  route({
    method: 'PUT',
    path: '/v2.0/routers/{id}/remove_router_interface',
    rule: networkPolicy.remove_router_interface,
    summary: 'Disconnect a router from a subnet',
    status: 200,
    body: Interface,
    handler: async ({ ctx, params, body }) => interfaceView(await removeInterface(deps, ctx, params.id ?? '', body)),
  }),
  ...(['add_extraroutes', 'remove_extraroutes'] as const).map((action) =>
    route({
      method: 'PUT',
      path: `/v2.0/routers/{id}/${action}`,
      rule: networkPolicy[action],
      summary: action === 'add_extraroutes' ? 'Add routes to a router' : 'Remove routes from a router',
      status: 200,
      body: Routes,
      async handler({ ctx, params, body }) {
        const router = await changeRoutes(deps, ctx, params.id ?? '', action, body.router.routes);
        return { router: routerView(router) };
      },
    }),
  ),
];
