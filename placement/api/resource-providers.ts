import { Type } from 'typebox';
import { BadRequest, Conflict } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { many, one } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { isUuid } from '../../common/ids.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { listNames, requireTraits, resourceClasses } from '../names/names.ts';
import type { Provider } from '../providers/provider.ts';
import { getProvider, listProviders } from '../providers/store.ts';
import { aggregatesOf, resourcesOf, satisfies, traitsOf, type Wanted } from '../providers/wanted.ts';
import { checkQuery, forServices, fresh, prefix } from './common.ts';
import type { PlacementDeps } from './deps.ts';

export const resourceProviderPolicy = definePolicy({
  'placement:resource_providers:list': forServices('List resource providers'),
  'placement:resource_providers:create': forServices('Create a resource provider'),
  'placement:resource_providers:show': forServices('Show a resource provider'),
  'placement:resource_providers:update': forServices('Update a resource provider'),
  'placement:resource_providers:delete': forServices('Delete a resource provider'),
});

const closed = { additionalProperties: false };
const NewProvider = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    uuid: Type.Optional(Type.String({ format: 'uuid' })),
    parent_provider_uuid: Type.Optional(Type.Union([Type.String({ format: 'uuid' }), Type.Null()])),
  },
  closed,
);
const ChangedProvider = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    parent_provider_uuid: Type.Optional(Type.Union([Type.String({ format: 'uuid' }), Type.Null()])),
  },
  closed,
);

const becauseHosts =
  'The resource providers of this cloud are its hosts: one is there from when its agent reports, under its own name, until its compute service is deleted.';

export const resourceProviderRoutes = (deps: PlacementDeps) => [
  route({
    method: 'GET',
    path: '/resource_providers',
    rule: resourceProviderPolicy['placement:resource_providers:list'],
    summary: 'List resource providers: the hosts of the cloud',
    status: 200,
    async handler({ query, version }, h) {
      const isWanted = await filterOf(deps, query, version);
      const providers = (await listProviders(deps.db)).filter(isWanted);
      return fresh(h, version, { resource_providers: providers.map((one) => providerView(one, version)) });
    },
  }),
  route({
    method: 'POST',
    path: '/resource_providers',
    rule: resourceProviderPolicy['placement:resource_providers:create'],
    summary: 'Refused, as providers are hosts',
    body: NewProvider,
    status: 409,
    handler() {
      throw new Conflict(becauseHosts);
    },
  }),
  route({
    method: 'GET',
    path: '/resource_providers/{uuid}',
    rule: resourceProviderPolicy['placement:resource_providers:show'],
    summary: 'Show a resource provider',
    status: 200,
    async handler({ params, version }, h) {
      return fresh(h, version, providerView(await getProvider(deps.db, params.uuid ?? ''), version));
    },
  }),
  route({
    method: 'PUT',
    path: '/resource_providers/{uuid}',
    rule: resourceProviderPolicy['placement:resource_providers:update'],
    summary: 'Refused for another name or parent, as providers are hosts',
    body: ChangedProvider,
    status: 200,
    async handler({ params, body, version }, h) {
      const provider = await getProvider(deps.db, params.uuid ?? '');
      if (body.name !== provider.name || (body.parent_provider_uuid ?? null) !== null) throw new Conflict(becauseHosts);
      return fresh(h, version, providerView(provider, version));
    },
  }),
  route({
    method: 'DELETE',
    path: '/resource_providers/{uuid}',
    rule: resourceProviderPolicy['placement:resource_providers:delete'],
    summary: 'Refused, as providers are hosts',
    status: 409,
    async handler({ params }) {
      await getProvider(deps.db, params.uuid ?? '');
      throw new Conflict(becauseHosts);
    },
  }),
];

function providerView(provider: Provider, version: Version) {
  const path = `${prefix}/resource_providers/${provider.id}`;
  const parts: [name: string, minor: number][] = [
    ['inventories', 0],
    ['usages', 0],
    ['aggregates', 1],
    ['traits', 6],
    ['allocations', 11],
  ];
  return {
    uuid: provider.id,
    name: provider.name,
    generation: provider.placementGeneration,
    links: [
      { rel: 'self', href: path },
      ...parts
        .filter(([, minor]) => since(version, 1, minor))
        .map(([name]) => ({ rel: name, href: `${path}/${name}` })),
    ],
    ...(since(version, 1, 14) && { parent_provider_uuid: null, root_provider_uuid: provider.id }),
  };
}

/** The microversions that brought the parameters of the list. */
const known: Record<string, number> = { name: 0, uuid: 0, member_of: 3, resources: 4, in_tree: 14, required: 18 };

async function filterOf(
  { db, allocation }: PlacementDeps,
  query: Record<string, string | string[]>,
  version: Version,
): Promise<(provider: Provider) => boolean> {
  checkQuery(query, (name) => Object.hasOwn(known, name) && since(version, 1, known[name] ?? 0));
  const [name, id, tree, resources] = [one(query.name), one(query.uuid), one(query.in_tree), one(query.resources)];
  for (const [key, value] of Object.entries({ uuid: id, in_tree: tree }))
    if (value !== undefined && !isUuid(value))
      throw new BadRequest(`Invalid query string parameters: '${value.slice(0, 255)}' of ${key} is not a 'uuid'`);
  const wanted: Wanted = {
    resources: resources === undefined ? new Map() : resourcesOf(resources),
    traits: traitsOf(many(query.required), version),
    aggregates: aggregatesOf(many(query.member_of), version),
  };
  await requireKnown(db, wanted);
  const ids = [id, tree].filter((value) => value !== undefined).map((value) => value.toLowerCase());
  return (provider) =>
    (name === undefined || provider.name === name) &&
    ids.every((value) => value === provider.id) &&
    satisfies(provider, wanted, allocation);
}

/** Throws `BadRequest` for classes and traits that nobody knows. */
export async function requireKnown(db: PlacementDeps['db'], { resources, traits }: Wanted): Promise<void> {
  if (resources.size > 0) {
    const classes = await listNames(db, resourceClasses);
    const unknown = [...resources.keys()].find((name) => !classes.includes(name));
    if (unknown !== undefined) throw new BadRequest(`Invalid resource class in resources parameter: ${unknown}`);
  }
  const asked = [...traits.anyOf.flat(), ...traits.forbidden];
  if (asked.length > 0) await requireTraits(db, asked);
}
