/** What clients ask Compute for that other services have since, and what else is of its first microversions. */
import type { Calls, MakeCall } from '../call.ts';
import type { Thing } from '../things.ts';

const nothing: MakeCall = () => ({});
const headers = { 'openstack-api-version': 'compute 2.96' };

const of =
  (param: string, thing: Thing, more: object = {}): MakeCall =>
  (it) => ({ params: { [param]: it[thing] }, ...more });
const property =
  (key: string, more: object = {}): MakeCall =>
  (it) => ({ params: { image_id: it.image, key }, ...more });
const host = (more: object = {}): MakeCall => of('host', 'host', more);

export const computeProxyCalls: Calls = {
  'GET /v2.1/servers/{server_id}/topology': of('server_id', 'server', { headers }),
  'GET /v2.1/extensions': nothing,
  'GET /v2.1/extensions/{alias}': () => ({ params: { alias: 'os-consoles' } }),

  'GET /v2.1/os-hosts': () => ({ query: { zone: 'nova' } }),
  'GET /v2.1/os-hosts/{host}': host(),
  'PUT /v2.1/os-hosts/{host}': host({ body: { status: 'enable' } }),
  'GET /v2.1/os-hosts/{host}/startup': host(),
  'GET /v2.1/os-hosts/{host}/shutdown': host(),
  'GET /v2.1/os-hosts/{host}/reboot': host(),

  'GET /v2.1/images': [
    nothing,
    (it) => ({ query: { server: it.server } }),
    (it) => ({ query: { marker: it.image, limit: '10' } }),
  ],
  'GET /v2.1/images/detail': nothing,
  'GET /v2.1/images/{image_id}': of('image_id', 'image'),
  'DELETE /v2.1/images/{image_id}': of('image_id', 'proxiedImage'),
  'GET /v2.1/images/{image_id}/metadata': of('image_id', 'image'),
  'POST /v2.1/images/{image_id}/metadata': of('image_id', 'image', {
    body: { metadata: { color: 'red', shape: 'round' } },
  }),
  'PUT /v2.1/images/{image_id}/metadata': of('image_id', 'image', { body: { metadata: { color: 'blue' } } }),
  'GET /v2.1/images/{image_id}/metadata/{key}': property('color'),
  'PUT /v2.1/images/{image_id}/metadata/{key}': property('color', { body: { meta: { color: 'green' } } }),
  'DELETE /v2.1/images/{image_id}/metadata/{key}': property('color'),

  'GET /v2.1/os-security-groups': [nothing, () => ({ query: { all_tenants: '1', limit: '5', offset: '0' } })],
  'POST /v2.1/os-security-groups': () => ({ body: { security_group: { name: 'new', description: '' } } }),
  'GET /v2.1/os-security-groups/{security_group_id}': of('security_group_id', 'securityGroup'),
  'PUT /v2.1/os-security-groups/{security_group_id}': of('security_group_id', 'proxiedSecurityGroup', {
    body: { security_group: { name: 'changed', description: 'changed' } },
  }),
  'DELETE /v2.1/os-security-groups/{security_group_id}': of('security_group_id', 'proxiedSecurityGroup'),
  'POST /v2.1/os-security-group-rules': [
    (it) => ({
      body: {
        security_group_rule: { parent_group_id: it.securityGroup, ip_protocol: 'udp', from_port: 53, to_port: '53' },
      },
    }),
    (it) => ({
      body: { security_group_rule: { parent_group_id: it.securityGroup, group_id: it.securityGroup } },
    }),
  ],
  'DELETE /v2.1/os-security-group-rules/{rule_id}': of('rule_id', 'proxiedSecurityGroupRule'),

  'GET /v2.1/os-floating-ips': nothing,
  'POST /v2.1/os-floating-ips': (it) => ({ body: { pool: it.externalNetwork } }),
  'GET /v2.1/os-floating-ips/{floating_ip_id}': of('floating_ip_id', 'floatingIp'),
  'DELETE /v2.1/os-floating-ips/{floating_ip_id}': of('floating_ip_id', 'proxiedFloatingIp'),
  'GET /v2.1/os-floating-ip-pools': nothing,

  'GET /v2.1/os-networks': nothing,
  'GET /v2.1/os-networks/{network_id}': of('network_id', 'network'),
  'GET /v2.1/os-tenant-networks': nothing,
  'GET /v2.1/os-tenant-networks/{network_id}': of('network_id', 'network'),
};

/** Of `POST /v2.1/servers/{server_id}/action`. */
export const floatingIpActionCalls: MakeCall[] = [
  (it) => ({ params: { server_id: it.server }, body: { addFloatingIp: { address: it.floatingAddress } } }),
  (it) => ({ params: { server_id: it.server }, body: { removeFloatingIp: { address: it.floatingAddress } } }),
];
