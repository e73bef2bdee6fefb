/** How hosts are chosen, as the operator wants it. */
import type { Config } from '../../common/config/config.ts';
import { BadRequest } from '../../common/errors.ts';
import type { Allocation } from './capacity.ts';
import { type OptionalFilter, optionalFilters } from './filters.ts';
import { type WeigherName, type Weights, weigherNames } from './weighers.ts';

export interface Scheduling {
  /** Those that are asked beside the ones that always are. */
  filters: readonly OptionalFilter[];
  weights: Weights;
  /** How much of hosts may be promised, where nothing is said of one. */
  allocation: Allocation;
  /** Hears of every guest that no host could take, and why. */
  noValidHost?(why: { reason: string; details: string; projectId: string }): void;
}

/**
 * As Nova's, but that the wishes of soft server groups outweigh the spreading by memory, or they would mean little, and that
 * CPUs and disk, which are shared or sparse, do not count unless the operator says so.
 */
const defaultWeights: Weights = {
  RAMWeigher: 1,
  CPUWeigher: 0,
  DiskWeigher: 0,
  ServerGroupSoftAffinityWeigher: 10,
  ServerGroupSoftAntiAffinityWeigher: 10,
};

/** CPUs are shared by time; memory and disk that are not there cannot be. */
const defaultAllocation: Allocation = {
  vcpus: { ratio: 16, reserved: 0 },
  memoryMib: { ratio: 1, reserved: 512 },
  diskGib: { ratio: 1, reserved: 0 },
};

export const defaultScheduling: Scheduling = {
  filters: optionalFilters,
  weights: defaultWeights,
  allocation: defaultAllocation,
};

/** Throws `BadRequest` that names the setting. */
export function schedulingOf(config: SchedulingConfig): Scheduling {
  return {
    filters: filtersOf(config.schedulerFilters),
    weights: weightsOf(config.schedulerWeights),
    allocation: {
      vcpus: { ratio: ratioOf('cpuAllocationRatio', config), reserved: config.reservedHostCpus },
      memoryMib: { ratio: ratioOf('ramAllocationRatio', config), reserved: config.reservedHostMemoryMib },
      diskGib: { ratio: ratioOf('diskAllocationRatio', config), reserved: config.reservedHostDiskGib },
    },
  };
}

type Ratio = 'cpuAllocationRatio' | 'ramAllocationRatio' | 'diskAllocationRatio';
type SchedulingConfig = Pick<
  Config,
  'schedulerFilters' | 'schedulerWeights' | Ratio | 'reservedHostCpus' | 'reservedHostMemoryMib' | 'reservedHostDiskGib'
>;

function ratioOf(name: Ratio, config: SchedulingConfig): number {
  const text = config[name];
  if (!/^\d{1,4}(\.\d{1,4})?$/.test(text) || Number(text) === 0)
    throw new BadRequest(`Setting ${name}: ${text} is not a number above 0 and below 10000.`);
  return Number(text);
}

function filtersOf(text: string): OptionalFilter[] {
  if (text === 'all') return optionalFilters;
  return items(text).map((name) => {
    const filter = optionalFilters.find((known) => known === name);
    if (filter === undefined)
      throw new BadRequest(`Setting schedulerFilters: ${name} is none of ${optionalFilters.join(', ')}.`);
    return filter;
  });
}

function weightsOf(text: string): Weights {
  const changes = items(text).map((item) => {
    const [name = '', value = ''] = item.split('=').map((part) => part.trim());
    if (!weigherNames.includes(name as WeigherName))
      throw new BadRequest(`Setting schedulerWeights: ${name} is none of ${weigherNames.join(', ')}.`);
    if (!/^-?\d{1,6}(\.\d{1,6})?$/.test(value))
      throw new BadRequest(`Setting schedulerWeights: ${item} is not of the form ${name}=1.5.`);
    return [name, Number(value)];
  });
  return { ...defaultWeights, ...Object.fromEntries(changes) };
}

function items(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
