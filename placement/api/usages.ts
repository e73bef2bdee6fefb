import { BadRequest } from '../../common/errors.ts';
import { since } from '../../common/http/microversion.ts';
import { one } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { inventories } from '../providers/provider.ts';
import { type Consumption, getProvider, listConsumptions } from '../providers/store.ts';
import { checkQuery, forServices, fresh, requireSince } from './common.ts';
import { consumerTypes } from './consumer-types.ts';
import type { PlacementDeps } from './deps.ts';

export const usagePolicy = definePolicy({
  'placement:resource_providers:usages': forServices('Show what is used of a resource provider'),
  'placement:usages': {
    check: 'rule:service_or_admin or (role:reader and project_id:%(project_id)s)',
    scopes: ['project', 'system'],
    description: 'Show what a project uses',
  },
});

export const usageRoutes = ({ db, allocation }: PlacementDeps) => [
  route({
    method: 'GET',
    path: '/resource_providers/{uuid}/usages',
    rule: usagePolicy['placement:resource_providers:usages'],
    summary: 'Show what is used of a resource provider',
    status: 200,
    async handler({ params, version }, h) {
      const provider = await getProvider(db, params.uuid ?? '');
      const usages = [...inventories(provider, allocation)].map(([name, { used }]) => [name, used]);
      return fresh(h, version, {
        resource_provider_generation: provider.placementGeneration,
        usages: Object.fromEntries(usages),
      });
    },
  }),
  route({
    method: 'GET',
    path: '/usages',
    rule: usagePolicy['placement:usages'],
    target: (_, __, query) => ({ project_id: one(query.project_id) ?? '' }),
    summary: 'Show what a project, or a user of it, uses of all resource providers',
    status: 200,
    async handler({ query, version }, h) {
      requireSince(version, 9);
      checkQuery(query, (name) =>
        ['project_id', 'user_id', ...(since(version, 1, 38) ? ['consumer_type'] : [])].includes(name),
      );
      const [projectId, userId, type] = [one(query.project_id), one(query.user_id), one(query.consumer_type)];
      if (projectId === undefined || projectId === '')
        throw new BadRequest("Invalid query string parameters: 'project_id' is a required property");
      const all = await listConsumptions(db, { projectId, ...(userId !== undefined && { userId }) });
      if (!since(version, 1, 38)) return fresh(h, version, { usages: sums(all) });
      return fresh(h, version, { usages: byType(all, type) });
    },
  }),
];

function sums(consumptions: readonly Consumption[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const { resources } of consumptions)
    for (const [name, amount] of Object.entries(resources)) total[name] = (total[name] ?? 0) + amount;
  return total;
}

/** `all` is one group of all; nothing said, a group for each type there is. Nobody here is of an unknown one. */
function byType(all: readonly Consumption[], type: string | undefined) {
  if (type !== undefined && !/^[A-Z0-9_]{1,255}$/.test(type) && type !== 'all' && type !== 'unknown')
    throw new BadRequest(`Invalid query string parameters: '${type.slice(0, 255)}' is no consumer type`);
  const groups = type === 'all' ? new Map([['all', all]]) : Map.groupBy(all, ({ kind }) => consumerTypes[kind]);
  return Object.fromEntries(
    [...groups]
      .filter(([name]) => type === undefined || name === type)
      .map(([name, ofType]) => [name, { consumer_count: countOf(ofType), ...sums(ofType) }]),
  );
}

const countOf = (consumptions: readonly Consumption[]) =>
  new Set(consumptions.map(({ consumerId }) => consumerId)).size;
