/** Which of the hosts that fit is best, by Nova's weighers: each gives 0 to 1 over all of them, times its multiplier. Pure. */
import type { Allocation } from './capacity.ts';
import type { Demand } from './demand.ts';
import { freeOf, type HostCapacity } from './filters.ts';

type Weigher = (host: HostCapacity, demand: Demand, allocation: Allocation) => number;

const weighers = {
  RAMWeigher: (host, _, allocation) => freeOf(host, allocation, 'memoryMib'),
  CPUWeigher: (host, _, allocation) => freeOf(host, allocation, 'vcpus'),
  DiskWeigher: (host, _, allocation) => freeOf(host, allocation, 'diskGib'),
  ServerGroupSoftAffinityWeigher: (host, { group }) =>
    group?.policy === 'soft-affinity' ? (group.guestsByHost.get(host.id) ?? 0) : 0,
  ServerGroupSoftAntiAffinityWeigher: (host, { group }) =>
    group?.policy === 'soft-anti-affinity' ? -(group.guestsByHost.get(host.id) ?? 0) : 0,
} satisfies Record<string, Weigher>;

export type WeigherName = keyof typeof weighers;
export const weigherNames = Object.keys(weighers) as WeigherName[];
export type Weights = Readonly<Record<WeigherName, number>>;

/** The hosts with their weights, the best first. */
export function weighed<Host extends HostCapacity>(
  hosts: readonly Host[],
  demand: Demand,
  { weights, allocation }: { weights: Weights; allocation: Allocation },
): { host: Host; weight: number }[] {
  const totals = new Map(hosts.map((host) => [host, 0]));
  for (const name of weigherNames) {
    if (weights[name] === 0) continue;
    const raw = hosts.map((host) => weighers[name](host, demand, allocation));
    const least = raw.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    const most = raw.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    if (most === least) continue; // it does not tell them apart
    hosts.forEach((host, i) => {
      const share = ((raw[i] as number) - least) / (most - least);
      totals.set(host, (totals.get(host) ?? 0) + share * weights[name]);
    });
  }
  return [...totals].map(([host, weight]) => ({ host, weight })).sort((a, b) => b.weight - a.weight);
}
