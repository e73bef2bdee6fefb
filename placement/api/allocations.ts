import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import { isUuid } from '../../common/ids.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { type Consumption, getProvider, getProviders, listConsumptions } from '../providers/store.ts';
import { forServices, fresh } from './common.ts';
import { consumerTypes } from './consumer-types.ts';
import type { PlacementDeps } from './deps.ts';

export const allocationPolicy = definePolicy({
  'placement:allocations:list': forServices('List the allocations of a consumer'),
  'placement:resource_providers:allocations:list': forServices('List the allocations of a resource provider'),
});

/** What servers and containers take. It is read off their rows: only they and their actions change it. */
export const allocationRoutes = ({ db }: PlacementDeps) => [
  route({
    method: 'GET',
    path: '/resource_providers/{uuid}/allocations',
    rule: allocationPolicy['placement:resource_providers:allocations:list'],
    summary: 'List what servers and containers take of a resource provider',
    status: 200,
    async handler({ params, version }, h) {
      const provider = await getProvider(db, params.uuid ?? '');
      const all = await listConsumptions(db, { providerId: provider.id });
      return fresh(h, version, {
        resource_provider_generation: provider.placementGeneration,
        allocations: Object.fromEntries(
          all.map(({ consumerId, resources }) => [
            consumerId,
            { resources, ...(since(version, 1, 28) && { consumer_generation: generation }) },
          ]),
        ),
      });
    },
  }),
  route({
    method: 'GET',
    path: '/allocations/{consumer_uuid}',
    rule: allocationPolicy['placement:allocations:list'],
    summary: 'List what a server or container takes, and of which resource provider',
    status: 200,
    async handler({ params, version }, h) {
      const consumerId = params.consumer_uuid ?? '';
      if (!isUuid(consumerId)) throw new BadRequest(`Malformed consumer_uuid: ${consumerId.slice(0, 255)}`);
      const all = await listConsumptions(db, { consumerId });
      const [consumption] = all;
      if (consumption === undefined) return fresh(h, version, { allocations: {} });
      const providers = await getProviders(
        db,
        all.map(({ providerId }) => providerId),
      );
      const ofProvider = providers.map(({ id, placementGeneration }) => [
        id,
        { generation: placementGeneration, resources: all.find(({ providerId }) => providerId === id)?.resources },
      ]);
      return fresh(h, version, { allocations: Object.fromEntries(ofProvider), ...view(consumption, version) });
    },
  }),
];

/** Nobody can change the same allocations through Placement, so they have but one. */
const generation = 1;

function view({ projectId, userId, kind }: Consumption, version: Version) {
  return {
    ...(since(version, 1, 12) && { project_id: projectId, user_id: userId }),
    ...(since(version, 1, 28) && { consumer_generation: generation }),
    ...(since(version, 1, 38) && { consumer_type: consumerTypes[kind] }),
  };
}
