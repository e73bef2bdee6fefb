import type { Calls, MakeCall } from '../call.ts';

const of = (port: 'serverInterface' | 'spareServerInterface'): MakeCall => {
  return (it) => ({ params: { server_id: it.server, port_id: it[port] } });
};
const attach =
  (asked: (it: Parameters<MakeCall>[0]) => object): MakeCall =>
  (it) => ({ params: { server_id: it.server }, body: { interfaceAttachment: asked(it) } });

export const computeInterfaceCalls: Calls = {
  'GET /v2.1/servers/{server_id}/os-interface': (it) => ({ params: { server_id: it.server } }),
  'POST /v2.1/servers/{server_id}/os-interface': [
    attach((it) => ({ net_id: it.network })),
    attach((it) => ({ port_id: it.interfacePort })),
  ],
  'GET /v2.1/servers/{server_id}/os-interface/{port_id}': of('serverInterface'),
  'DELETE /v2.1/servers/{server_id}/os-interface/{port_id}': of('spareServerInterface'),
  'GET /v2.1/servers/{server_id}/os-security-groups': (it) => ({ params: { server_id: it.server } }),
};

/** Of `POST /v2.1/servers/{server_id}/action`. */
export const interfaceActionCalls: MakeCall[] = [
  (it) => ({ params: { server_id: it.server }, body: { addFixedIp: { networkId: it.network } } }),
  (it) => ({ params: { server_id: it.server }, body: { addSecurityGroup: { name: it.securityGroup } } }),
  (it) => ({ params: { server_id: it.server }, body: { removeSecurityGroup: { name: it.securityGroup } } }),
];
