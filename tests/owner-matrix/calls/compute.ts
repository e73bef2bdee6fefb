import type { Calls, MakeCall } from '../call.ts';
import type { Thing, Things } from '../things.ts';
import { computeAroundCalls } from './compute-around.ts';
import { computeInterfaceCalls, interfaceActionCalls } from './compute-interfaces.ts';
import { computeMoveCalls, moveActionCalls } from './compute-moves.ts';
import { serverPasswordCalls } from './compute-password.ts';
import { computeProxyCalls, floatingIpActionCalls } from './compute-proxies.ts';
import { computeConsoleCalls } from './console.ts';

const nothing: MakeCall = () => ({});
const flavor =
  (thing: Thing, call: ReturnType<MakeCall> = {}): MakeCall =>
  (it) => ({
    params: { flavor_id: it[thing] },
    ...call,
  });
const server: MakeCall = (it) => ({ params: { server_id: it.server } });
const metadata: MakeCall = (it) => ({ params: { server_id: it.server, key: 'color' } });
const hypervisor: MakeCall = (it) => ({ params: { hypervisor_id: it.hypervisor } });
const service =
  (more: object = {}): MakeCall =>
  (it) => ({ body: { host: it.host, binary: 'nova-compute', ...more } });

const act =
  (action: object, status = 202, thing: Thing = 'server'): MakeCall =>
  (it) => ({
    params: { server_id: it[thing] },
    body: action,
    status,
  });

const resize: MakeCall = (it) => ({
  params: { server_id: it.server },
  body: { resize: { flavorRef: it.otherSize } },
});

const headers = { 'openstack-api-version': 'compute 2.96' };
const tags =
  (call: ReturnType<MakeCall> = {}): MakeCall =>
  (it) => ({ headers, params: { server_id: it.server }, ...call });
const tag =
  (name: string, status?: number): MakeCall =>
  (it) => ({ headers, params: { server_id: it.server, tag: name }, ...(status && { status }) });

/** What every new server has, what this one has of somebody’s things, and by which of those it is told where to be. */
const newServer =
  (more: (it: Things) => object, hints: (it: Things) => object = () => ({})): MakeCall =>
  (it) => ({
    body: {
      server: { name: 'new', imageRef: it.image, flavorRef: it.flavor, ...more(it) },
      'os:scheduler_hints': hints(it),
    },
  });

export const computeCalls: Calls = {
  'GET /': nothing,
  'GET /v2.1': nothing,

  'GET /v2.1/flavors': [nothing, (it) => ({ query: { marker: it.privateFlavor } })],
  'GET /v2.1/flavors/detail': nothing,
  'POST /v2.1/flavors': () => ({ body: { flavor: { name: 'new', ram: 64, vcpus: 1, disk: 1 } } }),
  'GET /v2.1/flavors/{flavor_id}': [flavor('privateFlavor'), flavor('flavor')],
  'DELETE /v2.1/flavors/{flavor_id}': flavor('spareFlavor'),

  'GET /v2.1/servers': [
    nothing,
    (it) => ({ query: { marker: it.server } }),
    (it) => ({ query: { image: it.image } }),
    (it) => ({ query: { flavor: it.privateFlavor } }),
    (it) => ({ query: { project_id: it.project } }),
    (it) => ({ query: { uuid: it.server } }),
  ],
  'GET /v2.1/servers/detail': [nothing, (it) => ({ query: { uuid: it.server } })],
  'POST /v2.1/servers': [
    newServer(
      (it) => ({ networks: [{ uuid: it.network }], security_groups: [{ name: it.securityGroup }] }),
      (it) => ({ group: it.serverGroup }),
    ),
    newServer(
      (it) => ({ networks: [{ port: it.serverPort }], key_name: it.keypair }),
      (it) => ({ same_host: it.server }),
    ),
    newServer(
      (it) => ({ networks: [{ uuid: it.network }], security_groups: [{ name: it.securityGroupName }] }),
      (it) => ({ different_host: [it.server] }),
    ),
    newServer((it) => ({ networks: [{ uuid: it.network }], flavorRef: it.privateFlavor })),
    newServer((it) => ({
      networks: [{ uuid: it.network }],
      imageRef: '',
      block_device_mapping_v2: [
        { source_type: 'image', destination_type: 'local', uuid: it.image, boot_index: 0, delete_on_termination: true },
      ],
    })),
  ],
  'GET /v2.1/servers/{server_id}': server,
  'PUT /v2.1/servers/{server_id}': (it) => ({
    params: { server_id: it.server },
    body: { server: { name: 'changed' } },
  }),
  'DELETE /v2.1/servers/{server_id}': (it) => ({ params: { server_id: it.spareServer } }),
  'GET /v2.1/servers/{server_id}/diagnostics': server,
  'POST /v2.1/os-server-external-events': (it) => ({
    body: { events: [{ name: 'network-changed', server_uuid: it.server }] },
  }),
  'GET /v2.1/servers/{server_id}/ips': server,
  'GET /v2.1/servers/{server_id}/ips/{network_label}': (it) => ({
    params: { server_id: it.server, network_label: it.networkName },
  }),
  'POST /v2.1/servers/{server_id}/action': [
    act({ 'os-getConsoleOutput': {} }, 200),
    ...interfaceActionCalls,
    ...floatingIpActionCalls,
    act({ 'os-getVNCConsole': { type: 'novnc' } }, 200),
    act({ 'os-getSerialConsole': { type: 'serial' } }, 200),
    act({ 'os-getSPICEConsole': { type: 'spice-html5' } }, 400), // it is not here
    act({ 'os-getRDPConsole': { type: 'rdp-html5' } }, 400),
    act({ reboot: { type: 'HARD' } }),
    ...moveActionCalls,
    act({ 'os-stop': null }),
    act({ 'os-start': null }),
    act({ pause: null }),
    act({ unpause: null }),
    act({ suspend: null }),
    act({ resume: null }),
    act({ lock: null }),
    act({ unlock: null }),
    (it) => ({ params: { server_id: it.server }, body: { rescue: { rescue_image_ref: it.image } }, status: 200 }),
    act({ unrescue: null }),
    (it) => ({ params: { server_id: it.server }, body: { rebuild: { imageRef: it.image } } }),
    (it) => ({
      headers,
      params: { server_id: it.server },
      body: { rebuild: { imageRef: it.image, key_name: it.keypair } },
    }),
    resize,
    act({ revertResize: null }),
    resize,
    act({ confirmResize: null }, 204),
    act({ createImage: { name: 'kept' } }),
    act({ createBackup: { name: 'kept', backup_type: 'daily', rotation: 1 } }),
    act({ changePassword: { adminPass: 'x' } }, 409), // its image has no agent
    (it) => ({ headers, params: { server_id: it.server }, body: { trigger_crash_dump: null }, status: 202 }),
    (it) => ({ params: { server_id: it.server }, body: { liveResize: { flavorRef: it.otherSize } }, status: 400 }), // its flavor says nothing of it
    act({ shelve: null }),
    act({ unshelve: null }),
    // Hosts are given up at once unless a site says otherwise.
    (it) => ({ params: { server_id: it.server }, body: { shelveOffload: null }, status: 409, by: 'admin' }),
    (it) => ({ params: { server_id: it.server }, body: { 'os-resetState': { state: 'active' } }, by: 'admin' }),
    act({ restore: null }, 409), // there is nothing to restore where nothing is kept
    act({ forceDelete: null }, 202, 'secondSpareServer'),
  ],
  'GET /v2.1/servers/{server_id}/metadata': server,
  'POST /v2.1/servers/{server_id}/metadata': (it) => ({
    params: { server_id: it.server },
    body: { metadata: { size: 'small' } },
  }),
  'PUT /v2.1/servers/{server_id}/metadata': (it) => ({
    params: { server_id: it.server },
    body: { metadata: { color: 'red' } },
  }),
  'GET /v2.1/servers/{server_id}/metadata/{key}': metadata,
  'PUT /v2.1/servers/{server_id}/metadata/{key}': (it) => ({ ...metadata(it), body: { meta: { color: 'green' } } }),
  'DELETE /v2.1/servers/{server_id}/metadata/{key}': metadata,
  'GET /v2.1/servers/{server_id}/tags': tags(),
  'PUT /v2.1/servers/{server_id}/tags': tags({ body: { tags: ['blue', 'green'] } }),
  'DELETE /v2.1/servers/{server_id}/tags': tags(),
  'GET /v2.1/servers/{server_id}/tags/{tag}': tag('blue'),
  'PUT /v2.1/servers/{server_id}/tags/{tag}': tag('blue', 204),
  'DELETE /v2.1/servers/{server_id}/tags/{tag}': tag('blue'),
  'GET /v2.1/servers/{server_id}/os-instance-actions': server,
  'GET /v2.1/servers/{server_id}/os-instance-actions/{request_id}': (it) => ({
    params: { server_id: it.server, request_id: it.serverAction },
  }),

  ...computeAroundCalls,
  ...computeInterfaceCalls,
  ...computeConsoleCalls,
  ...serverPasswordCalls,
  ...computeProxyCalls,
  ...computeMoveCalls,

  'GET /v2.1/os-hypervisors': nothing,
  'GET /v2.1/os-hypervisors/detail': nothing,
  'GET /v2.1/os-hypervisors/statistics': nothing,
  'GET /v2.1/os-hypervisors/{hypervisor_id}': hypervisor,
  'GET /v2.1/os-hypervisors/{hypervisor_id}/uptime': hypervisor,
  'GET /v2.1/os-services': nothing,
  'PUT /v2.1/os-services/enable': service(),
  'PUT /v2.1/os-services/disable': service(),
  'PUT /v2.1/os-services/disable-log-reason': service({ disabled_reason: 'because' }),
};
