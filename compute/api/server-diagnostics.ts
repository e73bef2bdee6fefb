/** What a server has used (nova/api/openstack/compute/server_diagnostics.py and nova/virt/libvirt/driver.py). */
import { since } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import type { InterfaceTraffic } from '../drivers/driver.ts';
import { diagnoseServer, type ServerDiagnostics } from '../servers/diagnostics.ts';
import type { ComputeApiDeps } from './deps.ts';

export const serverDiagnosticsPolicy = definePolicy({
  'os_compute_api:os-server-diagnostics': projectAdmin('See what a server has used'),
});

export const serverDiagnosticsRoutes = (deps: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/servers/{server_id}/diagnostics',
    rule: serverDiagnosticsPolicy['os_compute_api:os-server-diagnostics'],
    summary: 'Show what a running server has used',
    status: 200,
    async handler({ ctx, params, version }) {
      const diagnostics = await diagnoseServer(deps, ctx, params.server_id ?? '');
      return since(version, 2, 48) ? standardView(diagnostics) : libvirtView(diagnostics);
    },
  }),
];

/** Since 2.48: the same for every hypervisor. Memory is in MiB, times of processors in nanoseconds; null: nobody counts it. */
function standardView({ server, guest, macAddresses, uptimeSeconds }: ServerDiagnostics) {
  const traffic = (prefix: 'rx' | 'tx', { bytes, packets, errors, drops }: InterfaceTraffic) => ({
    [`${prefix}_octets`]: bytes,
    [`${prefix}_packets`]: packets,
    [`${prefix}_errors`]: errors,
    [`${prefix}_drop`]: drops,
    [`${prefix}_rate`]: null,
  });
  const mib = (kib: number) => Math.round(kib / 1024);
  return {
    state: server.observedPower,
    driver: 'libvirt',
    hypervisor: guest.virtualisation === 'kvm' ? 'kvm' : 'qemu',
    hypervisor_os: 'linux',
    uptime: uptimeSeconds,
    config_drive: server.hasConfigDrive,
    num_cpus: guest.cpus.length,
    num_disks: guest.disks.length,
    num_nics: guest.interfaces.length,
    cpu_details: guest.cpus.map(({ id, timeNs }) => ({ id, time: timeNs, utilisation: null })),
    disk_details: guest.disks.map((disk) => ({
      read_bytes: disk.readBytes,
      read_requests: disk.reads,
      write_bytes: disk.writtenBytes,
      write_requests: disk.writes,
      errors_count: -1, // QEMU counts none, and Nova passes on what libvirt says then
    })),
    nic_details: guest.interfaces.map(({ name, received, sent }) => ({
      mac_address: macAddresses.get(name) ?? null,
      ...traffic('rx', received),
      ...traffic('tx', sent),
    })),
    memory_details: { maximum: mib(guest.memoryKib.maximum), used: mib(guest.memoryKib.used) },
  };
}

/** Before 2.48: what the driver of libvirt makes of it; memory is in KiB. */
function libvirtView({ guest }: ServerDiagnostics): Record<string, number> {
  const view: Record<string, number> = {};
  for (const { id, timeNs } of guest.cpus) view[`cpu${id}_time`] = timeNs;
  for (const { name, reads, readBytes, writes, writtenBytes } of guest.disks) {
    view[`${name}_read_req`] = reads;
    view[`${name}_read`] = readBytes;
    view[`${name}_write_req`] = writes;
    view[`${name}_write`] = writtenBytes;
    view[`${name}_errors`] = -1;
  }
  for (const { name, received, sent } of guest.interfaces)
    for (const [prefix, traffic] of Object.entries({ rx: received, tx: sent })) {
      view[`${name}_${prefix}`] = traffic.bytes;
      view[`${name}_${prefix}_packets`] = traffic.packets;
      view[`${name}_${prefix}_errors`] = traffic.errors;
      view[`${name}_${prefix}_drop`] = traffic.drops;
    }
  const { maximum, current, used } = guest.memoryKib;
  return { ...view, memory: maximum, 'memory-actual': current, 'memory-rss': used };
}
