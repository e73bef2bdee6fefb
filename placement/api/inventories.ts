import { Type } from 'typebox';
import { Conflict, NotFound } from '../../common/errors.ts';
import { since } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { setInventories } from '../providers/operations.ts';
import { inventories, inventory, type Provider, type ProviderInventory } from '../providers/provider.ts';
import { getProvider } from '../providers/store.ts';
import { forServices, fresh, requireSince } from './common.ts';
import type { PlacementDeps } from './deps.ts';

export const inventoryPolicy = definePolicy({
  'placement:resource_providers:inventories:list': forServices('List the inventories of a resource provider'),
  'placement:resource_providers:inventories:show': forServices('Show an inventory of a resource provider'),
  'placement:resource_providers:inventories:update': forServices('Change inventories of a resource provider'),
  'placement:resource_providers:inventories:delete': forServices('Delete inventories of a resource provider'),
});

const most = 2 ** 31 - 1;
const fields = {
  total: Type.Integer({ minimum: 1, maximum: most }),
  reserved: Type.Optional(Type.Integer({ minimum: 0, maximum: most })),
  min_unit: Type.Optional(Type.Integer({ minimum: 1, maximum: most })),
  max_unit: Type.Optional(Type.Integer({ minimum: 1, maximum: most })),
  step_size: Type.Optional(Type.Integer({ minimum: 1, maximum: most })),
  allocation_ratio: Type.Optional(Type.Number({ minimum: 0.0001, maximum: 9999 })),
};
const closed = { additionalProperties: false };
const generation = { resource_provider_generation: Type.Integer({ minimum: 0, maximum: most }) };
const Inventory = Type.Object({ ...generation, ...fields }, closed);
const Inventories = Type.Object(
  {
    ...generation,
    inventories: Type.Record(Type.String({ pattern: '^[A-Z0-9_]{1,255}$' }), Type.Object(fields, closed)),
  },
  closed,
);

const becauseTrue =
  'Hosts have what they have: only their agents say so. What may be changed is allocation_ratio and reserved.';

export const inventoryRoutes = ({ db, allocation }: PlacementDeps) => {
  const allOf = (provider: Provider) => ({
    resource_provider_generation: provider.placementGeneration,
    inventories: Object.fromEntries([...inventories(provider, allocation)].map(([name, one]) => [name, view(one)])),
  });
  const oneOf = (provider: Provider, name: string) => {
    const found = inventory(provider, name, allocation);
    if (found === undefined) throw new NotFound('Inventory', `${name.slice(0, 255)} of ${provider.id}`);
    return { resource_provider_generation: provider.placementGeneration, ...view(found) };
  };
  return [
    route({
      method: 'GET',
      path: '/resource_providers/{uuid}/inventories',
      rule: inventoryPolicy['placement:resource_providers:inventories:list'],
      summary: 'List the inventories of a resource provider',
      status: 200,
      handler: async ({ params, version }, h) => fresh(h, version, allOf(await getProvider(db, params.uuid ?? ''))),
    }),
    route({
      method: 'PUT',
      path: '/resource_providers/{uuid}/inventories',
      rule: inventoryPolicy['placement:resource_providers:inventories:update'],
      summary: 'Set allocation ratios and what is reserved of a resource provider',
      body: Inventories,
      status: 200,
      async handler({ params, body, version }, h) {
        const asked = body.inventories;
        const how = { allocation, isAll: true, mayReserveAll: since(version, 1, 26) };
        const changed = await setInventories(db, params.uuid ?? '', body.resource_provider_generation, asked, how);
        return fresh(h, version, allOf(changed));
      },
    }),
    route({
      method: 'DELETE',
      path: '/resource_providers/{uuid}/inventories',
      rule: inventoryPolicy['placement:resource_providers:inventories:delete'],
      summary: 'Refused, as hosts have what they have',
      status: 409,
      async handler({ params, version }) {
        requireSince(version, 5);
        await getProvider(db, params.uuid ?? '');
        throw new Conflict(becauseTrue);
      },
    }),
    route({
      method: 'GET',
      path: '/resource_providers/{uuid}/inventories/{resource_class}',
      rule: inventoryPolicy['placement:resource_providers:inventories:show'],
      summary: 'Show an inventory of a resource provider',
      status: 200,
      async handler({ params, version }, h) {
        return fresh(h, version, oneOf(await getProvider(db, params.uuid ?? ''), params.resource_class ?? ''));
      },
    }),
    route({
      method: 'PUT',
      path: '/resource_providers/{uuid}/inventories/{resource_class}',
      rule: inventoryPolicy['placement:resource_providers:inventories:update'],
      summary: 'Set the allocation ratio and what is reserved of one inventory',
      body: Inventory,
      status: 200,
      async handler({ params, body, version }, h) {
        const name = params.resource_class ?? '';
        oneOf(await getProvider(db, params.uuid ?? ''), name);
        const { resource_provider_generation: seen, ...asked } = body;
        const how = { allocation, isAll: false, mayReserveAll: since(version, 1, 26) };
        return fresh(
          h,
          version,
          oneOf(await setInventories(db, params.uuid ?? '', seen, { [name]: asked }, how), name),
        );
      },
    }),
    route({
      method: 'DELETE',
      path: '/resource_providers/{uuid}/inventories/{resource_class}',
      rule: inventoryPolicy['placement:resource_providers:inventories:delete'],
      summary: 'Refused, as hosts have what they have',
      status: 409,
      async handler({ params }) {
        oneOf(await getProvider(db, params.uuid ?? ''), params.resource_class ?? '');
        throw new Conflict(becauseTrue);
      },
    }),
  ];
};

function view({ total, reserved, ratio }: ProviderInventory) {
  return { total, reserved, min_unit: 1, max_unit: total, step_size: 1, allocation_ratio: ratio };
}
