import type { Knex } from '../../common/database/database.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { route } from '../../common/http/route.ts';
import { admin, definePolicy } from '../../common/policy/rules.ts';
import { callHost } from '../hosts/calls.ts';
import type { ComputeHost } from '../hosts/host.ts';
import { listHosts } from '../hosts/store.ts';
import type { ComputeApiDeps } from './deps.ts';

export const hypervisorPolicy = definePolicy({
  'os_compute_api:os-hypervisors:list': admin('List hypervisors'),
  'os_compute_api:os-hypervisors:list-detail': admin('List hypervisors with details'),
  'os_compute_api:os-hypervisors:statistics': admin('Sum up all hypervisors'),
  'os_compute_api:os-hypervisors:uptime': admin('Ask how long a hypervisor has been up'),
  'os_compute_api:os-hypervisors:show': admin('Show a hypervisor'),
});

export const hypervisorRoutes = ({ db }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/os-hypervisors',
    rule: hypervisorPolicy['os_compute_api:os-hypervisors:list'],
    summary: 'List hypervisors',
    status: 200,
    handler: async () => ({ hypervisors: (await listHosts(db)).map(summary) }),
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-hypervisors/detail',
    rule: hypervisorPolicy['os_compute_api:os-hypervisors:list-detail'],
    summary: 'List hypervisors with details',
    status: 200,
    handler: async () => ({ hypervisors: (await listHosts(db)).map(hypervisorView) }),
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-hypervisors/statistics',
    rule: hypervisorPolicy['os_compute_api:os-hypervisors:statistics'],
    summary: 'Sum up all hypervisors',
    status: 200,
    handler: async () => ({ hypervisor_statistics: statistics(await listHosts(db)) }),
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-hypervisors/{hypervisor_id}',
    rule: hypervisorPolicy['os_compute_api:os-hypervisors:show'],
    summary: 'Show a hypervisor',
    status: 200,
    handler: async ({ params }) => ({ hypervisor: hypervisorView(await hostOf(db, params.hypervisor_id ?? '')) }),
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-hypervisors/{hypervisor_id}/uptime',
    rule: hypervisorPolicy['os_compute_api:os-hypervisors:uptime'],
    summary: 'Ask a host how long it has been up and how busy it is',
    status: 200,
    async handler({ params }) {
      const host = await hostOf(db, params.hypervisor_id ?? '');
      if (!host.isUp) throw new BadRequest(`Compute service of ${host.name} is unavailable at this time.`);
      return { hypervisor: { ...summary(host), uptime: await callHost(db, host.id, 'uptime', {}) } };
    },
  }),
];

/** By the number that microversions before 2.53 know it by. */
async function hostOf(db: Knex, number: string): Promise<ComputeHost> {
  const host = (await listHosts(db)).find((candidate) => String(candidate.number) === number);
  if (host === undefined) throw new NotFound('Hypervisor with ID', number);
  return host;
}

function summary(host: ComputeHost) {
  return {
    id: host.number,
    hypervisor_hostname: host.name,
    state: host.isUp ? 'up' : 'down',
    status: host.isDisabled ? 'disabled' : 'enabled',
  };
}

function hypervisorView(host: ComputeHost) {
  return {
    ...summary(host),
    ...capacityOf([host]),
    service: { id: host.number, host: host.name, disabled_reason: host.disabledReason },
    host_ip: host.address,
    hypervisor_type: host.hypervisorType,
    hypervisor_version: host.hypervisorVersion,
    cpu_info: JSON.stringify({
      arch: host.architecture,
      model: host.cpuModel,
      vendor: '',
      topology: { sockets: 1, cores: host.vcpus, threads: 1 },
      features: [],
    }),
  };
}

function statistics(hosts: readonly ComputeHost[]) {
  return { count: hosts.length, ...capacityOf(hosts) };
}

/** What is claimed, by servers and by containers; free may be negative, as promises may exceed what there is. */
function capacityOf(hosts: readonly ComputeHost[]) {
  const sum = (field: (host: ComputeHost) => number) => hosts.reduce((total, host) => total + field(host), 0);
  const memory = sum((host) => host.memoryMib);
  const memoryUsed = sum((host) => host.claimedMemoryMib);
  const disk = sum((host) => host.diskGib);
  const diskUsed = sum((host) => host.claimedDiskGib);
  return {
    vcpus: sum((host) => host.vcpus),
    vcpus_used: Math.ceil(sum((host) => host.claimedVcpus)),
    memory_mb: memory,
    memory_mb_used: memoryUsed,
    free_ram_mb: memory - memoryUsed,
    local_gb: disk,
    local_gb_used: diskUsed,
    free_disk_gb: disk - diskUsed,
    disk_available_least: disk - diskUsed,
    running_vms: sum((host) => host.guests),
    current_workload: 0,
  };
}
