/** What is around servers: flavors' details, groups of servers and of hosts, quotas, usage. */
import type { Calls, MakeCall } from '../call.ts';
import { publicKey } from '../things/public-key.ts';
import type { Thing, Things } from '../things.ts';

const nothing: MakeCall = () => ({});
/** Until it is advertised, asked for by name. */
const headers = { 'openstack-api-version': 'compute 2.96' };

const flavor =
  (more: object = {}): MakeCall =>
  (it) => ({ params: { flavor_id: it.privateFlavor }, ...more });
const access =
  (action: string): MakeCall =>
  (it) => ({ params: { flavor_id: it.privateFlavor }, body: { [action]: { tenant: it.partner } } });
/** By the user’s name as well, without which it is about whoever asks. */
const keypair =
  (thing: Thing): MakeCall =>
  (it) => ({ headers, params: { keypair_name: it[thing] }, query: { user_id: it.user } });
const spec =
  (more: object = {}): MakeCall =>
  (it) => ({ params: { flavor_id: it.privateFlavor, key: 'hw:boot_menu' }, ...more });
const group =
  (thing: Thing): MakeCall =>
  (it) => ({ params: { server_group_id: it[thing] } });
const aggregate =
  (body?: (it: Things) => object, thing: Thing = 'aggregate'): MakeCall =>
  (it) => ({ params: { aggregate_id: it[thing] }, ...(body && { body: body(it) }) });
const quota =
  (more: object = {}): MakeCall =>
  (it) => ({ params: { project_id: it.project }, ...more });
const quotaClass =
  (more: object = {}): MakeCall =>
  () => ({ params: { quota_class: 'other' }, ...more });
const named: MakeCall = (it) => ({ params: { hypervisor_id: it.host } });

export const computeAroundCalls: Calls = {
  'PUT /v2.1/flavors/{flavor_id}': flavor({ headers, body: { flavor: { description: 'for some' } } }),
  'GET /v2.1/flavors/{flavor_id}/os-extra_specs': flavor(),
  'POST /v2.1/flavors/{flavor_id}/os-extra_specs': flavor({ body: { extra_specs: { 'hw:cpu_cores': '1' } } }),
  'GET /v2.1/flavors/{flavor_id}/os-extra_specs/{key}': spec(),
  'PUT /v2.1/flavors/{flavor_id}/os-extra_specs/{key}': spec({ headers, body: { 'hw:boot_menu': 'false' } }),
  'DELETE /v2.1/flavors/{flavor_id}/os-extra_specs/{key}': spec(),
  'GET /v2.1/flavors/{flavor_id}/os-flavor-access': flavor(),
  'POST /v2.1/flavors/{flavor_id}/action': [access('addTenantAccess'), access('removeTenantAccess')],

  'GET /v2.1/os-keypairs': [nothing, (it) => ({ headers, query: { user_id: it.user } })],
  'POST /v2.1/os-keypairs': [
    () => ({ body: { keypair: { name: 'new', public_key: publicKey } } }),
    (it) => ({ headers, status: 201, body: { keypair: { name: 'newer', public_key: publicKey, user_id: it.user } } }),
  ],
  'GET /v2.1/os-keypairs/{keypair_name}': keypair('keypair'),
  'DELETE /v2.1/os-keypairs/{keypair_name}': (it) => ({ ...keypair('spareKeypair')(it), status: 204 }),

  'GET /v2.1/os-server-groups': [nothing, () => ({ headers, query: { limit: '10' } })],
  'POST /v2.1/os-server-groups': [
    () => ({ body: { server_group: { name: 'new', policies: ['affinity'] } } }),
    () => ({
      headers,
      body: { server_group: { name: 'new', policy: 'anti-affinity', rules: { max_server_per_host: 2 } } },
    }),
  ],
  'GET /v2.1/os-server-groups/{server_group_id}': group('serverGroup'),
  'DELETE /v2.1/os-server-groups/{server_group_id}': group('spareServerGroup'),

  'GET /v2.1/os-aggregates': nothing,
  'POST /v2.1/os-aggregates': (it) => ({ body: { aggregate: { name: `new ${it.aggregate}` } } }),
  'GET /v2.1/os-aggregates/{aggregate_id}': aggregate(),
  'PUT /v2.1/os-aggregates/{aggregate_id}': aggregate((it) => ({ aggregate: { name: `changed ${it.aggregate}` } })),
  'DELETE /v2.1/os-aggregates/{aggregate_id}': aggregate(undefined, 'spareAggregate'),
  'POST /v2.1/os-aggregates/{aggregate_id}/action': [
    aggregate((it) => ({ add_host: { host: it.host } })),
    aggregate(() => ({ set_metadata: { metadata: { ssd: 'true', old: null } } })),
    aggregate((it) => ({ remove_host: { host: it.host } })),
  ],
  'POST /v2.1/os-aggregates/{aggregate_id}/images': (it) => ({
    headers,
    params: { aggregate_id: it.aggregate },
    body: { cache: [{ id: it.image }] },
  }),
  'GET /v2.1/os-availability-zone': nothing,
  'GET /v2.1/os-availability-zone/detail': nothing,

  'PUT /v2.1/os-services/force-down': (it) => ({
    headers: { 'openstack-api-version': 'compute 2.11' },
    body: { host: it.host, binary: 'nova-compute', forced_down: false },
  }),
  'PUT /v2.1/os-services/{service_id}': (it) => ({
    headers,
    params: { service_id: it.computeService },
    body: { status: 'disabled', disabled_reason: 'because' },
  }),
  'DELETE /v2.1/os-services/{service_id}': (it) => ({ params: { service_id: it.spareComputeService } }),
  'GET /v2.1/os-hypervisors/{hypervisor_id}/search': named,
  'GET /v2.1/os-hypervisors/{hypervisor_id}/servers': named,

  'GET /v2.1/limits': [nothing, (it) => ({ query: { tenant_id: it.project } })],
  'GET /v2.1/os-quota-sets/{project_id}': [quota(), (it) => ({ ...quota()(it), query: { user_id: it.user } })],
  'GET /v2.1/os-quota-sets/{project_id}/defaults': quota(),
  'GET /v2.1/os-quota-sets/{project_id}/detail': quota(),
  'PUT /v2.1/os-quota-sets/{project_id}': quota({ body: { quota_set: { ram: 40_960, cores: '15', force: 'True' } } }),
  'DELETE /v2.1/os-quota-sets/{project_id}': quota(),
  'GET /v2.1/os-quota-class-sets/{quota_class}': quotaClass(),
  'PUT /v2.1/os-quota-class-sets/{quota_class}': quotaClass({ body: { quota_class_set: { cores: 21 } } }),

  'GET /v2.1/os-simple-tenant-usage': () => ({ query: { start: '2020-01-01T00:00:00', detailed: '1' } }),
  'GET /v2.1/os-simple-tenant-usage/{project_id}': quota({
    query: { start: '2020-01-01T00:00:00', end: '2020-02-01T00:00:00' }, // what grows meanwhile would differ
  }),
  'GET /v2.1/os-instance_usage_audit_log': nothing,
  'GET /v2.1/os-instance_usage_audit_log/{before_timestamp}': () => ({
    params: { before_timestamp: '2026-01-02 03:04:05' },
  }),
};
