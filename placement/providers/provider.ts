/** Compute hosts as Placement sees them: each is a resource provider without parents or children. Pure. */
import type { ComputeHost } from '../../compute/hosts/host.ts';
import { type Allocation, inventoryOf, type Resource } from '../../compute/scheduler/capacity.ts';

/** What servers and containers take of hosts, by the names of os-resource-classes. */
export const resourceOf = { VCPU: 'vcpus', MEMORY_MB: 'memoryMib', DISK_GB: 'diskGib' } as const satisfies Record<
  string,
  Resource
>;
export type HostClass = keyof typeof resourceOf;
export const hostClasses = Object.keys(resourceOf) as HostClass[];

export function isHostClass(name: string): name is HostClass {
  return Object.hasOwn(resourceOf, name);
}

export interface Provider extends ComputeHost {
  /** Of the aggregates of Compute that it is in. */
  aggregateIds: readonly string[];
}

export interface ProviderInventory {
  total: number;
  reserved: number;
  ratio: number;
  /** May be more than is there, where more was promised than there is now. */
  used: number;
}

/** Undefined where a host has nothing of it: without a disk there is no inventory of disks. */
export function inventory(provider: ComputeHost, name: string, allocation: Allocation): ProviderInventory | undefined {
  if (!isHostClass(name)) return undefined;
  const resource = resourceOf[name];
  const total = provider[resource];
  if (total < 1) return undefined;
  const claimed = {
    vcpus: Math.ceil(provider.claimedVcpus), // containers take parts of CPUs, which Placement does not know
    memoryMib: provider.claimedMemoryMib,
    diskGib: provider.claimedDiskGib,
  };
  return { total, used: claimed[resource], ...inventoryOf(provider, allocation, resource) };
}

/** The inventories by their classes. */
export function inventories(provider: ComputeHost, allocation: Allocation): Map<HostClass, ProviderInventory> {
  const all = hostClasses.map((name) => [name, inventory(provider, name, allocation)] as const);
  return new Map(all.filter((one): one is [HostClass, ProviderInventory] => one[1] !== undefined));
}

/** As Placement reckons it: whole units. */
export function capacity({ total, reserved, ratio }: ProviderInventory): number {
  return Math.floor(Math.max(0, total - reserved) * ratio);
}

/** Whether so much more could be taken, by one consumer. */
export function hasRoom(one: ProviderInventory | undefined, amount: number): boolean {
  return one !== undefined && amount <= one.total && one.used + amount <= capacity(one);
}
