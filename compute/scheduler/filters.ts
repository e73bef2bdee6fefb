/** Whether one host can take one guest, check by check, under Nova's names. Pure. */
import { unhonouredSpecs } from '../flavors/extra-specs.ts';
import { tuningProblem } from '../flavors/guest-tuning.ts';
import { isForOthers, type Metadata, unmetSpec } from './aggregate-filters.ts';
import { unmetCapability } from './capabilities.ts';
import { type Allocation, capacityOf, type HostResources, type Resource } from './capacity.ts';
import type { Demand } from './demand.ts';
import { unmetRequirement } from './image-requirements.ts';
import { unmetTrait } from './traits.ts';

export interface HostCapacity extends HostResources {
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
  /** `kvm` where its processors run guests themselves. */
  virtualisation: string;
  /** By Placement's names: what it says of itself, and what administrators have given it. */
  traits: readonly string[];
  /** Where servers of other hosts come in; absent or null: nowhere. */
  migrationAddress?: string | null;
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

type Filter = (host: HostCapacity, demand: Demand, allocation: Allocation) => Omit<Refusal, 'filter'> | undefined;

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
    hostName === null || hostName === host.name ? undefined : { reason: 'not the requested host', detail: hostName },
  MoveFilter(host, { leaving, uncleared }) {
    if (uncleared?.has(host.name)) return { reason: 'what was left of the server there is not removed yet' };
    if (leaving === undefined) return undefined;
    if (leaving.hostName === host.name) return { reason: 'the server is there already' };
    if (leaving.needsRoad && host.migrationAddress == null)
      return { reason: 'takes no servers of other hosts', detail: 'its setting migrationListen is empty' };
    if (host.hypervisorVersion < (leaving.hypervisorVersion ?? 0)) return { reason: 'its hypervisor is older' };
    return undefined;
  },
  CoreFilter: short('vcpus', 'VCPUs'),
  RamFilter: short('memoryMib', 'MiB of memory'),
  DiskFilter: short('diskGib', 'GiB of disk'),
} satisfies Record<string, Filter>;

const optional = {
  RequiredTraitsFilter(host, { extraSpecs = {}, imageProperties = {} }) {
    const unmet = unmetTrait(host.traits, extraSpecs) ?? unmetTrait(host.traits, imageProperties);
    return unmet === undefined ? undefined : { reason: unmet };
  },
  ImagePropertiesFilter(host, { imageProperties = {} }) {
    const unmet = unmetRequirement(host, imageProperties);
    return unmet === undefined ? undefined : { reason: `the image asks for ${unmet}` };
  },
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
/** In the order in which hosts are asked. */
export const filterNames: readonly string[] = [...Object.keys(always), ...optionalFilters];

/** The first check that fails; undefined when the guest fits. */
export function refusalOf(
  host: HostCapacity,
  demand: Demand,
  { filters, allocation }: { filters: readonly OptionalFilter[]; allocation: Allocation },
): Refusal | undefined {
  for (const [filter, check] of alwaysAsked) {
    const refusal = check(host, demand, allocation);
    if (refusal !== undefined) return { filter, ...refusal };
  }
  for (const filter of filters) {
    const refusal = (optional[filter] as Filter)(host, demand, allocation);
    if (refusal !== undefined) return { filter, ...refusal };
  }
  return undefined;
}

/** What another image may change of whether a guest can be where it is. */
const aboutImages: readonly OptionalFilter[] = ['RequiredTraitsFilter', 'ImagePropertiesFilter'];

/** Whether a guest can stay on its host with that image, whatever else the host is asked before it takes one. */
export function imageRefusalOf(
  host: HostCapacity,
  demand: Demand,
  { filters, allocation }: { filters: readonly OptionalFilter[]; allocation: Allocation },
): Refusal | undefined {
  for (const filter of filters.filter((one) => aboutImages.includes(one))) {
    const refusal = (optional[filter] as Filter)(host, demand, allocation);
    if (refusal !== undefined) return { filter, ...refusal };
  }
  return undefined;
}

const alwaysAsked = Object.entries<Filter>(always);

const claimedOf = (host: HostCapacity, resource: Resource) =>
  ({ vcpus: host.claimedVcpus, memoryMib: host.claimedMemoryMib, diskGib: host.claimedDiskGib })[resource];

/** What the guests on it have left; less than nothing where more was promised than there is now. */
export function freeOf(host: HostCapacity, allocation: Allocation, resource: Resource): number {
  return capacityOf(host, allocation, resource) - claimedOf(host, resource);
}

function short(resource: Resource, unit: string): Filter {
  return (host, demand, allocation) => {
    const asked = demand[resource];
    const free = Math.max(0, freeOf(host, allocation, resource));
    if (asked <= free) return undefined;
    const capacity = capacityOf(host, allocation, resource);
    return {
      reason: `${asked} ${unit} asked for, ${free} of ${capacity} free`,
      missing: { amount: asked - free, unit },
    };
  };
}
