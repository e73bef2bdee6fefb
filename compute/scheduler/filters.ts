/** Whether one host can take one guest, check by check, under Nova's names. Pure. */
import { allocationRatios, availabilityZone, reservedMemoryMib } from '../limits.ts';

export interface HostCapacity {
  id: string;
  name: string;
  isUp: boolean;
  /** Whether its engine or it itself is silent when it is not up. */
  downReason: string;
  /** For administrators: what its engine's driver says, also while that is too recent to call the host down. */
  downDetail: string | null;
  isDisabled: boolean;
  disabledReason: string | null;
  vcpus: number;
  memoryMib: number;
  diskGib: number;
  /** Sums over the claims of every guest on it, of whatever kind. */
  claimedVcpus: number;
  claimedMemoryMib: number;
  claimedDiskGib: number;
}

export interface Demand {
  vcpus: number;
  memoryMib: number;
  diskGib: number;
  /** Null: any. */
  zone: string | null;
  /** An administrator's choice of host; null: any. */
  hostName: string | null;
}

/** Why a host cannot take it; `missing` is by how much, for finding the host that came closest. */
export interface Refusal {
  filter: string;
  /** For whoever asked. */
  reason: string;
  /** For administrators: their own words, and those of engines, which name paths. */
  detail?: string | null;
  missing?: { amount: number; unit: string };
}

type Filter = (host: HostCapacity, demand: Demand) => Omit<Refusal, 'filter'> | undefined;

const filters: Record<string, Filter> = {
  ComputeFilter(host) {
    if (!host.isUp) return { reason: host.downReason, detail: host.downDetail };
    if (host.isDisabled) return { reason: 'disabled', detail: host.disabledReason };
    return undefined;
  },
  AvailabilityZoneFilter: (_host, { zone }) =>
    zone === null || zone === availabilityZone ? undefined : { reason: `not in zone ${zone}` },
  RequestedHostFilter: (host, { hostName }) =>
    hostName === null || hostName === host.name ? undefined : { reason: `not the requested host ${hostName}` },
  CoreFilter: (host, demand) => short('VCPUs', demand.vcpus, vcpuCapacity(host), host.claimedVcpus),
  RamFilter: (host, demand) => short('MiB of memory', demand.memoryMib, memoryCapacity(host), host.claimedMemoryMib),
  DiskFilter: (host, demand) => short('GiB of disk', demand.diskGib, diskCapacity(host), host.claimedDiskGib),
};

/** The first check that fails; undefined when the guest fits. */
export function refusalOf(host: HostCapacity, demand: Demand): Refusal | undefined {
  for (const [filter, check] of Object.entries(filters)) {
    const refusal = check(host, demand);
    if (refusal !== undefined) return { filter, ...refusal };
  }
  return undefined;
}

/**
 * Most free memory first, as Nova's RAMWeigher has it: guests spread over the hosts. A host whose engine has just stopped
 * to answer is the last resort: engines are restarted, and guests wait for them.
 */
export function byFreeMemory(a: HostCapacity, b: HostCapacity): number {
  const faults = Number(a.downDetail !== null) - Number(b.downDetail !== null);
  if (faults !== 0) return faults;
  return memoryCapacity(b) - b.claimedMemoryMib - (memoryCapacity(a) - a.claimedMemoryMib);
}

export const vcpuCapacity = (host: Pick<HostCapacity, 'vcpus'>) => host.vcpus * allocationRatios.vcpus;
export const memoryCapacity = (host: Pick<HostCapacity, 'memoryMib'>) =>
  Math.max(0, host.memoryMib - reservedMemoryMib) * allocationRatios.memory;
export const diskCapacity = (host: Pick<HostCapacity, 'diskGib'>) => host.diskGib * allocationRatios.disk;

function short(unit: string, asked: number, capacity: number, claimed: number): Omit<Refusal, 'filter'> | undefined {
  const free = Math.max(0, capacity - claimed);
  if (asked <= free) return undefined;
  return {
    reason: `${asked} ${unit} asked for, ${free} of ${capacity} free`,
    missing: { amount: asked - free, unit },
  };
}
