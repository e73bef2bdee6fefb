import type { Calls, MakeCall } from '../call.ts';
import type { Thing } from '../things.ts';

const nothing: MakeCall = () => ({});

/** The requests that are alike in every collection; `filters` are queries that name other things. */
function collection(path: string, thing: Thing, spare: Thing, filters: Record<string, Thing> = {}): Calls {
  const filtered = Object.entries({ id: thing, marker: thing, project_id: 'project' as const, ...filters });
  return {
    [`GET ${path}`]: [
      nothing,
      ...filtered.map(
        ([key, named]): MakeCall =>
          (it) => ({ query: { [key]: it[named] } }),
      ),
    ],
    [`GET ${path}/{id}`]: (it) => ({ params: { id: it[thing] } }),
    [`DELETE ${path}/{id}`]: (it) => ({ params: { id: it[spare] } }),
  };
}

function change(
  path: string,
  thing: Thing,
  member: string,
  bodies: ((it: Parameters<MakeCall>[0]) => object)[],
): Calls {
  const calls = bodies.map(
    (fields): MakeCall =>
      (it) => ({ params: { id: it[thing] }, body: { [member]: fields(it) } }),
  );
  return { [`PUT ${path}/{id}`]: calls };
}

function create(path: string, member: string, bodies: ((it: Parameters<MakeCall>[0]) => object)[]): Calls {
  return {
    [`POST ${path}`]: bodies.map(
      (fields): MakeCall =>
        (it) => ({ body: { [member]: fields(it) } }),
    ),
  };
}

function tags(path: string, thing: Thing): Calls {
  const all = `/v2.0/${path}/{id}/tags`;
  const one: MakeCall = (it) => ({ params: { id: it[thing], tag: 'blue' } });
  const every: MakeCall = (it) => ({ params: { id: it[thing] } });
  return {
    [`GET ${all}`]: every,
    [`PUT ${all}`]: (it) => ({ ...every(it), body: { tags: ['blue', 'green'] } }),
    [`DELETE ${all}`]: every,
    [`GET ${all}/{tag}`]: one,
    [`PUT ${all}/{tag}`]: one,
    [`DELETE ${all}/{tag}`]: one,
  };
}

const quota: MakeCall = (it) => ({ params: { project_id: it.project } });
const routes = { routes: [{ destination: '192.0.2.0/24', nexthop: '10.0.0.200' }] };
const router =
  (thing: Thing, body: (it: Parameters<MakeCall>[0]) => object): MakeCall =>
  (it) => ({
    params: { id: it[thing] },
    body: body(it),
  });

export const networkCalls: Calls = {
  'GET /': nothing,
  'GET /v2.0': nothing,
  'GET /v2.0/extensions': nothing,
  'GET /v2.0/auto-allocated-topology/{project_id}': (it) => ({ params: { project_id: it.project } }),
  'DELETE /v2.0/auto-allocated-topology/{project_id}': (it) => ({ params: { project_id: it.project } }),
  'GET /v2.0/extensions/{alias}': () => ({ params: { alias: 'router' } }),

  ...collection('/v2.0/networks', 'network', 'spareNetwork', { name: 'networkName' }),
  ...create('/v2.0/networks', 'network', [(it) => ({ name: 'new', project_id: it.project })]),
  ...change('/v2.0/networks', 'network', 'network', [() => ({ name: 'changed' })]),

  ...collection('/v2.0/subnets', 'subnet', 'spareSubnet', { network_id: 'network' }),
  ...create('/v2.0/subnets', 'subnet', [(it) => ({ network_id: it.network, ip_version: 4, cidr: '10.0.9.0/24' })]),
  ...change('/v2.0/subnets', 'subnet', 'subnet', [() => ({ name: 'changed' })]),

  ...collection('/v2.0/ports', 'port', 'sparePort', {
    network_id: 'network',
    device_id: 'server',
    security_groups: 'securityGroup',
  }),
  'POST /v2.0/ports': [
    (it) => ({
      body: {
        port: {
          network_id: it.network,
          fixed_ips: [{ subnet_id: it.subnet }],
          security_groups: [it.securityGroup],
          project_id: it.project,
        },
      },
    }),
    (it) => ({
      body: { port: { network_id: it.network, device_id: it.server } },
      mayName: { server: 'device_id is a label that nothing follows' },
    }),
  ],
  ...change('/v2.0/ports', 'port', 'port', [
    (it) => ({ security_groups: [it.securityGroup] }),
    (it) => ({ fixed_ips: [{ subnet_id: it.subnet }] }),
    () => ({ device_id: 'a device of mine' }),
  ]),

  ...collection('/v2.0/routers', 'router', 'spareRouter'),
  'POST /v2.0/routers': [
    (it) => ({ body: { router: { name: 'new', project_id: it.project } } }),
    (it) => ({ body: { router: { external_gateway_info: { network_id: it.network } } }, status: 400 }), // not external
    (it) => ({ body: { router: { external_gateway_info: { network_id: it.externalNetwork } } } }),
  ],
  ...change('/v2.0/routers', 'router', 'router', [() => ({ name: 'changed' })]),
  'PUT /v2.0/routers/{id}/add_router_interface': [
    router('router', (it) => ({ subnet_id: it.looseSubnet })),
    router('spareRouter', (it) => ({ port_id: it.routerPort })),
  ],
  'PUT /v2.0/routers/{id}/remove_router_interface': [
    router('router', (it) => ({ subnet_id: it.looseSubnet })),
    router('spareRouter', (it) => ({ port_id: it.routerPort })),
  ],
  'PUT /v2.0/routers/{id}/add_extraroutes': router('router', () => ({ router: routes })),
  'PUT /v2.0/routers/{id}/remove_extraroutes': router('router', () => ({ router: routes })),

  ...collection('/v2.0/floatingips', 'floatingIp', 'spareFloatingIp', { port_id: 'port', router_id: 'router' }),
  'POST /v2.0/floatingips': [
    (it) => ({
      body: { floatingip: { floating_network_id: it.externalNetwork, port_id: it.port, project_id: it.project } },
    }),
    (it) => ({ body: { floatingip: { floating_network_id: it.network } }, status: 400 }), // not external
    (it) => ({ body: { floatingip: { floating_network_id: it.externalNetwork, subnet_id: it.subnet } }, status: 404 }),
  ],
  ...change('/v2.0/floatingips', 'floatingIp', 'floatingip', [(it) => ({ port_id: it.sparePort })]),

  ...collection('/v2.0/security-groups', 'securityGroup', 'spareSecurityGroup', { name: 'securityGroupName' }),
  ...create('/v2.0/security-groups', 'security_group', [(it) => ({ name: 'new', project_id: it.project })]),
  ...change('/v2.0/security-groups', 'securityGroup', 'security_group', [() => ({ name: 'changed' })]),

  ...collection('/v2.0/security-group-rules', 'securityGroupRule', 'spareSecurityGroupRule', {
    security_group_id: 'securityGroup',
    remote_group_id: 'securityGroup',
  }),
  ...create('/v2.0/security-group-rules', 'security_group_rule', [
    (it) => ({ security_group_id: it.securityGroup, direction: 'ingress', remote_group_id: it.spareSecurityGroup }),
  ]),

  ...tags('networks', 'network'),
  ...tags('subnets', 'subnet'),
  ...tags('ports', 'port'),
  ...tags('routers', 'router'),
  ...tags('floatingips', 'floatingIp'),
  ...tags('security-groups', 'securityGroup'),

  'GET /v2.0/quotas': nothing,
  'GET /v2.0/quotas/{project_id}': quota,
  'PUT /v2.0/quotas/{project_id}': (it) => ({ params: { project_id: it.project }, body: { quota: { network: 200 } } }),
  'DELETE /v2.0/quotas/{project_id}': quota,
  'GET /v2.0/quotas/{project_id}/default': quota,
  'GET /v2.0/quotas/{project_id}/details': quota,
  'GET /v2.0/quotas/{project_id}/details.json': quota,
};
