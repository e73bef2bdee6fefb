/** How hosts are chosen, as the operator wants it. */
import type { Config } from '../../common/config/config.ts';
import { BadRequest } from '../../common/errors.ts';
import { type OptionalFilter, optionalFilters } from './filters.ts';
import { type WeigherName, type Weights, weigherNames } from './weighers.ts';

export interface Scheduling {
  /** Those that are asked beside the ones that always are. */
  filters: readonly OptionalFilter[];
  weights: Weights;
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

export const defaultScheduling: Scheduling = { filters: optionalFilters, weights: defaultWeights };

/** Throws `BadRequest` that names the setting. */
export function schedulingOf(config: Pick<Config, 'schedulerFilters' | 'schedulerWeights'>): Scheduling {
  return { filters: filtersOf(config.schedulerFilters), weights: weightsOf(config.schedulerWeights) };
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
