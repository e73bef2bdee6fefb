import { since, type Version } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import type { Provider } from '../providers/provider.ts';
import { getProvider } from '../providers/store.ts';
import { forServices, fresh, requireSince } from './common.ts';
import type { PlacementDeps } from './deps.ts';

export const providerAggregatePolicy = definePolicy({
  'placement:resource_providers:aggregates:list': forServices('List the aggregates of a resource provider'),
});

/** They are those of Compute, and changed there. */
export const providerAggregateRoutes = ({ db }: PlacementDeps) => [
  route({
    method: 'GET',
    path: '/resource_providers/{uuid}/aggregates',
    rule: providerAggregatePolicy['placement:resource_providers:aggregates:list'],
    summary: 'List the aggregates of a resource provider: those of Compute that its host is in',
    status: 200,
    async handler({ params, version }, h) {
      requireSince(version, 1);
      return fresh(h, version, view(await getProvider(db, params.uuid ?? ''), version));
    },
  }),
];

function view({ aggregateIds, placementGeneration }: Provider, version: Version) {
  return {
    aggregates: aggregateIds,
    ...(since(version, 1, 19) && { resource_provider_generation: placementGeneration }),
  };
}
