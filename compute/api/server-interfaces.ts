/** `os-interface`: what is plugged into a server (nova/api/openstack/compute/attach_interfaces.py). */
import { isIP } from 'node:net';
import { Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectMember, projectReader } from '../../common/policy/rules.ts';
import type { Interface } from '../../network/interfaces.ts';
import {
  attachInterface,
  detachInterface,
  getInterface,
  type InterfaceRequest,
  listInterfaces,
} from '../servers/interfaces.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed, Tag, Uuid } from './fields.ts';
import { refuseBefore } from './server-fields.ts';

export const serverInterfacePolicy = definePolicy({
  'os_compute_api:os-attach-interfaces:list': projectReader('List the interfaces of a server'),
  'os_compute_api:os-attach-interfaces:show': projectReader('Show an interface of a server'),
  'os_compute_api:os-attach-interfaces:create': projectMember('Attach an interface to a server'),
  'os_compute_api:os-attach-interfaces:delete': projectMember('Detach an interface from a server'),
});

const FixedIps = Type.Array(Type.Object({ ip_address: Type.String({ maxLength: 45 }) }, closed), {
  minItems: 1,
  maxItems: 1,
});

const Attach = Type.Object(
  {
    interfaceAttachment: Type.Object(
      {
        net_id: Type.Optional(Uuid),
        port_id: Type.Optional(Uuid),
        fixed_ips: Type.Optional(FixedIps),
        tag: Type.Optional(Tag),
      },
      closed,
    ),
  },
  closed,
);

const base = '/v2.1/servers/{server_id}/os-interface';

export const serverInterfaceRoutes = (deps: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: base,
    rule: serverInterfacePolicy['os_compute_api:os-attach-interfaces:list'],
    summary: 'List the interfaces of a server',
    status: 200,
    async handler({ ctx, params, version }) {
      const interfaces = await listInterfaces(deps, ctx, params.server_id ?? '');
      return { interfaceAttachments: interfaces.map((one) => interfaceView(version, one)) };
    },
  }),
  route({
    method: 'POST',
    path: base,
    rule: serverInterfacePolicy['os_compute_api:os-attach-interfaces:create'],
    summary: 'Attach an interface to a server',
    body: Attach,
    status: 200,
    async handler({ ctx, params, version, body: { interfaceAttachment: asked } }) {
      refuseBefore(version, asked, { tag: [2, 49] });
      const attached = await attachInterface(deps, ctx, params.server_id ?? '', requestOf(asked));
      return { interfaceAttachment: interfaceView(version, attached) };
    },
  }),
  route({
    method: 'GET',
    path: `${base}/{port_id}`,
    rule: serverInterfacePolicy['os_compute_api:os-attach-interfaces:show'],
    summary: 'Show an interface of a server',
    status: 200,
    async handler({ ctx, params, version }) {
      const shown = await getInterface(deps, ctx, params.server_id ?? '', params.port_id ?? '');
      return { interfaceAttachment: interfaceView(version, shown) };
    },
  }),
  route({
    method: 'DELETE',
    path: `${base}/{port_id}`,
    rule: serverInterfacePolicy['os_compute_api:os-attach-interfaces:delete'],
    summary: 'Detach an interface from a server',
    status: 202,
    async handler({ ctx, params }, h) {
      await detachInterface(deps, ctx, params.server_id ?? '', params.port_id ?? '');
      return h.response().code(202);
    },
  }),
];

interface Asked {
  net_id?: string;
  port_id?: string;
  fixed_ips?: { ip_address: string }[];
  tag?: string;
}

function requestOf({ net_id: networkId, port_id: portId, fixed_ips: fixedIps, tag }: Asked): InterfaceRequest {
  const fixedIp = fixedIps?.[0]?.ip_address;
  if (networkId !== undefined && portId !== undefined)
    throw new BadRequest('Must not input both network_id and port_id');
  if (fixedIp !== undefined && networkId === undefined)
    throw new BadRequest('Must input network_id when request IP address');
  if (fixedIp !== undefined && isIP(fixedIp) === 0)
    throw new BadRequest(`Invalid input for field/attribute ip_address. Value: ${fixedIp} is no address.`);
  return { networkId, portId, fixedIp, tag };
}

function interfaceView(version: Version, { fixedIps, macAddress, networkId, portId, status, tag }: Interface) {
  return {
    fixed_ips: fixedIps.map(({ address, subnetId }) => ({ ip_address: address, subnet_id: subnetId })),
    mac_addr: macAddress,
    net_id: networkId,
    port_id: portId,
    port_state: status,
    ...(since(version, 2, 70) && { tag }),
  };
}
