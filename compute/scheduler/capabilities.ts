/** `capabilities:…` of flavors against what a host says of itself (nova's ComputeCapabilitiesFilter). Pure. */
import type { HostCapacity } from './filters.ts';
import { matches } from './spec-operators.ts';

const scope = 'capabilities:';

type Capabilities = Pick<
  HostCapacity,
  'hypervisorType' | 'hypervisorVersion' | 'cpuModel' | 'architecture' | 'vcpus' | 'memoryMib'
>;

/** What a host can be asked for, by Nova's names. */
function capabilityOf(host: Capabilities, name: string): string | undefined {
  switch (name) {
    case 'hypervisor_type':
      return host.hypervisorType;
    case 'hypervisor_version':
      return String(host.hypervisorVersion);
    case 'cpu_info:model':
      return host.cpuModel;
    case 'cpu_info:arch':
      return host.architecture;
    case 'vcpus_total':
      return String(host.vcpus);
    case 'total_usable_ram_mb':
      return String(host.memoryMib);
    default:
      return undefined;
  }
}

/** The first one that the host has not, in words. */
export function unmetCapability(host: Capabilities, extraSpecs: Readonly<Record<string, string>>): string | undefined {
  for (const [spec, wanted] of Object.entries(extraSpecs)) {
    if (!spec.startsWith(scope)) continue;
    const value = capabilityOf(host, spec.slice(scope.length));
    if (value === undefined || !matches(value, wanted)) return `${spec} ${wanted}, and the host has ${value ?? 'none'}`;
  }
  return undefined;
}
