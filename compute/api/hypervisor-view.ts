/** The JSON of hypervisors, field by field and microversion by microversion. */
import { since, type Version } from '../../common/http/microversion.ts';
import type { ComputeHost } from '../hosts/host.ts';

export function hypervisorSummary(host: ComputeHost, version: Version) {
  return {
    id: idOf(host, version),
    hypervisor_hostname: host.name,
    state: host.isUp ? 'up' : 'down',
    status: host.isDisabled ? 'disabled' : 'enabled',
  };
}

export function hypervisorView(host: ComputeHost, version: Version) {
  const details = {
    ...hypervisorSummary(host, version),
    service: { id: idOf(host, version), host: host.name, disabled_reason: host.disabledReason },
    host_ip: host.address,
    hypervisor_type: host.hypervisorType,
    hypervisor_version: host.hypervisorVersion,
  };
  // As the host told with its last sign of life: nobody waits for the slowest of all.
  if (since(version, 2, 88)) return { ...details, uptime: host.isUp ? host.uptime : null };
  const cpu = cpuInfo(host);
  return { ...details, ...capacityOf([host]), cpu_info: since(version, 2, 28) ? cpu : JSON.stringify(cpu) };
}

export function hypervisorStatistics(hosts: readonly ComputeHost[]) {
  return { count: hosts.length, ...capacityOf(hosts) };
}

const idOf = (host: ComputeHost, version: Version) => (since(version, 2, 53) ? host.id : host.number);

function cpuInfo(host: ComputeHost) {
  return {
    arch: host.architecture,
    model: host.cpuModel,
    vendor: '',
    topology: { sockets: 1, cores: host.vcpus, threads: 1 },
    features: [],
  };
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
