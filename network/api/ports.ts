import { Type } from 'typebox';
import type { ProjectContext } from '../../common/context.ts';
import { route } from '../../common/http/route.ts';
import { isoSeconds } from '../../common/http/time.ts';
import { isUuid } from '../../common/ids.ts';
import { networkPolicy } from '../policy.ts';
import { createPorts, deletePort, updatePort } from '../ports/operations.ts';
import { type Port, statusOfPort } from '../ports/port.ts';
import { type PortRow, portFromRow, visiblePorts } from '../ports/store.ts';
import { address, asked, closed, description, fixedIps, name, nullable, oneOrMany, projectId, uuid } from './bodies.ts';
import type { ApiDeps } from './deps.ts';
import { type Listing, tagFilters } from './listing.ts';
import { deleteRoute, own, readRoutes } from './resource.ts';

const pair = Type.Object({ ip_address: address, mac_address: Type.Optional(Type.String({ maxLength: 17 })) }, closed);
const changeable = {
  name: Type.Optional(name),
  description: Type.Optional(description),
  admin_state_up: Type.Optional(Type.Boolean()),
  mac_address: Type.Optional(Type.String({ maxLength: 17 })),
  fixed_ips: Type.Optional(fixedIps),
  device_id: Type.Optional(Type.String({ maxLength: 255 })),
  device_owner: Type.Optional(Type.String({ maxLength: 255 })),
  security_groups: Type.Optional(nullable(Type.Array(uuid, { maxItems: 50 }))),
  allowed_address_pairs: Type.Optional(nullable(Type.Array(pair, { maxItems: 100 }))),
  port_security_enabled: Type.Optional(Type.Boolean()),
  'binding:host_id': Type.Optional(nullable(Type.String({ maxLength: 255 }))),
  'binding:profile': Type.Optional(nullable(Type.Record(Type.String(), Type.Unknown()))),
  'binding:vnic_type': Type.Optional(Type.Literal('normal')),
};
const NewPort = Type.Object(
  { ...changeable, network_id: uuid, project_id: Type.Optional(projectId), tenant_id: Type.Optional(projectId) },
  closed,
);

const listing: Listing = {
  collection: 'ports',
  idColumn: 'p.id',
  attributes: {
    id: { column: 'p.id', kind: 'uuid', sortable: true },
    name: { column: 'p.name', kind: 'text', sortable: true },
    description: { column: 'p.description', kind: 'text' },
    project_id: { column: 'p.project_id', kind: 'text', sortable: true },
    tenant_id: { column: 'p.project_id', kind: 'text', sortable: true },
    network_id: { column: 'p.network_id', kind: 'uuid', sortable: true },
    mac_address: { column: 'p.mac_address', kind: 'mac', sortable: true },
    admin_state_up: { column: 'p.admin_state_up', kind: 'boolean', sortable: true },
    device_id: { column: 'p.device_id', kind: 'text', sortable: true },
    device_owner: { column: 'p.device_owner', kind: 'text', sortable: true },
    port_security_enabled: { column: 'p.port_security_enabled', kind: 'boolean' },
    'binding:host_id': { column: 'p.host_name', kind: 'text' },
  },
  filters: {
    ...tagFilters('p.id'),
    /** `fixed_ips=ip_address=10.0.0.5`, `fixed_ips=subnet_id=…`: of one key either value, of both keys both. */
    fixed_ips: (query, values) => {
      const ofKey = (key: string) =>
        values.filter((value) => value.startsWith(`${key}=`)).map((value) => value.slice(key.length + 1));
      const having = (column: string, wanted: string[], operator = 'in') =>
        query.whereExists((sub) => {
          sub
            .select(sub.client.raw('1'))
            .from('port_addresses as wanted')
            .whereRaw('wanted.port_id = p.id and not wanted.released');
          if (operator === 'in') sub.whereRaw(`${column} = any(?)`, [wanted]);
          else sub.whereRaw(`${column} like any(?)`, [wanted]);
        });
      const [addresses, subnets, parts] = ['ip_address', 'subnet_id', 'ip_address_substr'].map(ofKey);
      if (addresses?.length) having('host(wanted.address)', addresses);
      if (subnets?.length)
        having(
          'wanted.subnet_id::text',
          subnets.map((id) => id.toLowerCase()),
        );
      if (parts?.length)
        having(
          'host(wanted.address)',
          parts.map((part) => `%${part.replace(/[%_\\]/g, '\\$&')}%`),
          'like',
        );
    },
    security_groups: (query, values) => {
      query.whereIn('p.id', (sub) =>
        sub.select('port_id').from('port_security_groups').whereIn('security_group_id', values.filter(isUuid)),
      );
    },
    status: (query, values) => {
      const active = 'p.observed_up is true and p.admin_state_up and p.fault is null';
      query.where((any) => {
        any.whereRaw('false');
        if (values.includes('ACTIVE')) any.orWhereRaw(active);
        if (values.includes('DOWN')) any.orWhereRaw(`not (${active}) and p.fault is null`);
        if (values.includes('ERROR')) any.orWhereRaw('p.fault is not null');
      });
    },
  },
};

function portView({ enforcer }: Pick<ApiDeps, 'enforcer'>, ctx: ProjectContext) {
  const binding = enforcer.allows(ctx, networkPolicy['get_port:binding']);
  return (port: Port) => ({
    id: port.id,
    name: port.name,
    description: port.description,
    project_id: port.projectId,
    tenant_id: port.projectId,
    network_id: port.networkId,
    status: statusOfPort(port),
    admin_state_up: port.adminStateUp,
    mac_address: port.macAddress,
    fixed_ips: port.fixedIps.map(({ subnetId, address }) => ({ subnet_id: subnetId, ip_address: address })),
    device_id: port.deviceId,
    device_owner: port.deviceOwner,
    security_groups: port.securityGroupIds,
    allowed_address_pairs: port.allowedAddressPairs.map(({ address, macAddress }) => ({
      ip_address: address,
      mac_address: macAddress ?? port.macAddress,
    })),
    port_security_enabled: port.portSecurityEnabled,
    'binding:vnic_type': port.vnicType,
    ...(binding && {
      'binding:host_id': port.hostName ?? '',
      'binding:profile': port.bindingProfile,
      'binding:vif_type': port.hostName === null ? 'unbound' : 'ovs',
      'binding:vif_details': port.hostName === null ? {} : { port_filter: true, connectivity: 'l2' },
    }),
    tags: port.tags,
    created_at: isoSeconds(port.createdAt),
    updated_at: isoSeconds(port.updatedAt),
    revision_number: port.revision,
  });
}

export const portRoutes = (deps: ApiDeps) => [
  ...readRoutes(deps, {
    listing,
    member: 'port',
    resource: 'Port',
    rule: networkPolicy.get_port,
    rows: visiblePorts,
    view: (ctx) => {
      const view = portView(deps, ctx);
      return (row: PortRow) => view(portFromRow(row));
    },
  }),
  route({
    method: 'POST',
    path: '/v2.0/ports',
    rule: networkPolicy.create_port,
    target: own,
    summary: 'Create a port, or several',
    status: 201,
    body: oneOrMany('port', 'ports', NewPort),
    async handler({ ctx, body }, h) {
      const { items, bulk } = asked<typeof NewPort>(body, 'port', 'ports');
      const views = (await createPorts(deps, ctx, items)).map(portView(deps, ctx));
      return h.response(bulk ? { ports: views } : { port: views[0] }).code(201);
    },
  }),
  route({
    method: 'PUT',
    path: '/v2.0/ports/{id}',
    rule: networkPolicy.update_port,
    target: own,
    summary: 'Change a port',
    status: 200,
    body: Type.Object({ port: Type.Object(changeable, closed) }, closed),
    async handler({ ctx, params, body }) {
      return { port: portView(deps, ctx)(await updatePort(deps, ctx, params.id ?? '', body.port)) };
    },
  }),
  deleteRoute(listing, networkPolicy.delete_port, (ctx, id) => deletePort(deps, ctx, id)),
];
