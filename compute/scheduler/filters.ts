/** Whether one host can take one guest, check by check, under Nova's names. Pure. */
import { unhonouredSpecs } from '../flavors/extra-specs.ts';
import { tuningProblem } from '../flavors/guest-tuning.ts';
import { allocationRatios, reservedMemoryMib } from '../limits.ts';
import { isForOthers, type Metadata, unmetSpec } from './aggregate-filters.ts';
import { unmetCapability } from './capabilities.ts';
import type { Demand } from './demand.ts';

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
  /** Its availability zone. */
  zone: string;
  /** The metadata of the aggregates it is in. */
  aggregates: readonly Metadata[];
  hypervisorType: string;
  hypervisorVersion: number;
  cpuModel: string;
  architecture: string;
  vcpus: number;
  memoryMib: number;
  diskGib: number;
  /** Sums over the claims of every guest on it, of whatever kind. */
  claimedVcpus: number;
  claimedMemoryMib: number;
  claimedDiskGib: number;
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

/** Without these nothing would hold: a configuration cannot leave them out. */
const always = {
  ComputeFilter(host) {
    if (!host.isUp) return { reason: host.downReason, detail: host.downDetail };
    if (host.isDisabled) return { reason: 'disabled', detail: host.disabledReason };
    return undefined;
  },
  AvailabilityZoneFilter: (host, { zone }) =>
    zone === null || zone === host.zone ? undefined : { reason: `not in zone ${zone}` },
  RequestedHostFilter: (host, { hostName }) =>
    hostName === null || hostName === host.name ? undefined : { reason: `not the requested host ${hostName}` },
  CoreFilter: (host, demand) => short('VCPUs', demand.vcpus, vcpuCapacity(host), host.claimedVcpus),
  RamFilter: (host, demand) => short('MiB of memory', demand.memoryMib, memoryCapacity(host), host.claimedMemoryMib),
  DiskFilter: (host, demand) => short('GiB of disk', demand.diskGib, diskCapacity(host), host.claimedDiskGib),
} satisfies Record<string, Filter>;

const optional = {
  ComputeCapabilitiesFilter(host, { extraSpecs = {}, vcpus, guestVcpus = vcpus }) {
    const [spec] = unhonouredSpecs(extraSpecs);
    if (spec !== undefined) return { reason: `the flavor asks for ${spec}, which no host here honours` };
    const unmet = tuningProblem(extraSpecs, guestVcpus) ?? unmetCapability(host, extraSpecs);
    return unmet === undefined ? undefined : { reason: `the flavor asks for ${unmet}` };
  },
  AggregateInstanceExtraSpecsFilter(host, demand) {
    const unmet = unmetSpec(host.aggregates, demand);
    return unmet === undefined ? undefined : { reason: unmet };
  },
  AggregateMultiTenancyIsolation: (host, demand) =>
    isForOthers(host.aggregates, demand) ? { reason: 'for other projects' } : undefined,
  SameHostFilter: (host, { sameHostIds }) =>
    sameHostIds === undefined || sameHostIds.has(host.id)
      ? undefined
      : { reason: 'none of the named servers is on it' },
  DifferentHostFilter: (host, { differentHostIds }) =>
    differentHostIds?.has(host.id) ? { reason: 'one of the named servers is on it' } : undefined,
  ServerGroupAffinityFilter: (host, { group }) =>
    group?.policy !== 'affinity' || group.guestsByHost.size === 0 || group.guestsByHost.has(host.id)
      ? undefined
      : { reason: 'the servers of the group are on another host' },
  ServerGroupAntiAffinityFilter: (host, { group }) =>
    group?.policy !== 'anti-affinity' || (group.guestsByHost.get(host.id) ?? 0) < group.mostPerHost
      ? undefined
      : { reason: `as many servers of the group as may be together (${group.mostPerHost}) are on it` },
} satisfies Record<string, Filter>;

export type OptionalFilter = keyof typeof optional;
export const optionalFilters = Object.keys(optional) as OptionalFilter[];

/** The first check that fails; undefined when the guest fits. */
export function refusalOf(
  host: HostCapacity,
  demand: Demand,
  enabled: readonly OptionalFilter[] = optionalFilters,
): Refusal | undefined {
  const filters: [string, Filter][] = [
    ...Object.entries(always),
    ...enabled.map((name) => [name, optional[name]] as [string, Filter]),
  ];
  for (const [filter, check] of filters) {
    const refusal = check(host, demand);
    if (refusal !== undefined) return { filter, ...refusal };
  }
  return undefined;
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
