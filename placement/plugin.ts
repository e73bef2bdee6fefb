import type { Module } from '../common/module.ts';
import { providerAggregatePolicy, providerAggregateRoutes } from './api/aggregates.ts';
import { allocationCandidatePolicy, allocationCandidateRoutes } from './api/allocation-candidates.ts';
import { allocationPolicy, allocationRoutes } from './api/allocations.ts';
import { placementDialect, placementMicroversions, prefix } from './api/common.ts';
import type { PlacementDeps } from './api/deps.ts';
import { inventoryPolicy, inventoryRoutes } from './api/inventories.ts';
import { resourceClassPolicy, resourceClassRoutes } from './api/resource-classes.ts';
import { resourceProviderPolicy, resourceProviderRoutes } from './api/resource-providers.ts';
import { rootRoutes } from './api/root.ts';
import { traitPolicy, traitRoutes } from './api/traits.ts';
import { usagePolicy, usageRoutes } from './api/usages.ts';

export const placementPolicy = {
  ...resourceProviderPolicy,
  ...inventoryPolicy,
  ...usagePolicy,
  ...providerAggregatePolicy,
  ...traitPolicy,
  ...resourceClassPolicy,
  ...allocationPolicy,
  ...allocationCandidatePolicy,
};

/** The placement service: Compute's hosts and claims, as Placement's clients look at them. Its rows are Compute's. */
export function placementModule(deps: PlacementDeps): Module {
  return {
    service: {
      name: 'placement',
      type: 'placement',
      prefix,
      dialect: placementDialect,
      microversions: placementMicroversions,
      overQuotaStatus: 403,
      routes: [
        ...rootRoutes(),
        ...resourceProviderRoutes(deps),
        ...inventoryRoutes(deps),
        ...usageRoutes(deps),
        ...providerAggregateRoutes(deps),
        ...traitRoutes(deps),
        ...resourceClassRoutes(deps),
        ...allocationRoutes(deps),
        ...allocationCandidateRoutes(deps),
      ],
    },
    controllers: [],
    agents: [],
  };
}
