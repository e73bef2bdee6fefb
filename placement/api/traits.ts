import { Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { flag, one } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { addName, listNames, removeName, requireName, traits } from '../names/names.ts';
import { setTraits } from '../providers/operations.ts';
import type { Provider } from '../providers/provider.ts';
import { getProvider, listProviders } from '../providers/store.ts';
import { checkQuery, forServices, fresh, prefix, requireSince, unkept } from './common.ts';
import type { PlacementDeps } from './deps.ts';

export const traitPolicy = definePolicy({
  'placement:traits:list': forServices('List traits'),
  'placement:traits:show': forServices('Show whether there is a trait'),
  'placement:traits:update': forServices('Create a trait'),
  'placement:traits:delete': forServices('Delete a trait'),
  'placement:resource_providers:traits:list': forServices('List the traits of a resource provider'),
  'placement:resource_providers:traits:update': forServices('Set the traits of a resource provider'),
  'placement:resource_providers:traits:delete': forServices('Take its traits from a resource provider'),
});

const NewTraits = Type.Object(
  {
    resource_provider_generation: Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 }),
    traits: Type.Array(Type.String({ pattern: '^[A-Z0-9_]{1,255}$' }), { maxItems: 1000, uniqueItems: true }),
  },
  { additionalProperties: false },
);

export const traitRoutes = ({ db }: PlacementDeps) => [
  route({
    method: 'GET',
    path: '/traits',
    rule: traitPolicy['placement:traits:list'],
    summary: 'List traits',
    status: 200,
    async handler({ query, version }, h) {
      requireSince(version, 6);
      checkQuery(query, (name) => name === 'name' || name === 'associated');
      const isWanted = byName(one(query.name));
      const associated = flag(query.associated, 'associated');
      const used = new Set(associated === undefined ? [] : (await listProviders(db)).flatMap((each) => each.traits));
      const all = (await listNames(db, traits)).filter(
        (name) => isWanted(name) && (associated === undefined || used.has(name) === associated),
      );
      return fresh(h, version, { traits: all });
    },
  }),
  route({
    method: 'GET',
    path: '/traits/{name}',
    rule: traitPolicy['placement:traits:show'],
    summary: 'Show whether there is a trait',
    status: 204,
    async handler({ params, version }, h) {
      requireSince(version, 6);
      await requireName(db, traits, params.name ?? '');
      return unkept(noContent(h), version);
    },
  }),
  route({
    method: 'PUT',
    path: '/traits/{name}',
    rule: traitPolicy['placement:traits:update'],
    summary: 'Create a trait, or find it there',
    status: 201,
    async handler({ params, version }, h) {
      requireSince(version, 6);
      const name = params.name ?? '';
      const isNew = !traits.standard.includes(name) && (await addName(db, traits, name));
      return unkept(h.response().code(isNew ? 201 : 204), version).header('location', `${prefix}/traits/${name}`);
    },
  }),
  route({
    method: 'DELETE',
    path: '/traits/{name}',
    rule: traitPolicy['placement:traits:delete'],
    summary: 'Delete a trait that no resource provider has',
    status: 204,
    async handler({ params, version }, h) {
      requireSince(version, 6);
      await removeName(db, traits, params.name ?? '');
      return noContent(h);
    },
  }),
  route({
    method: 'GET',
    path: '/resource_providers/{uuid}/traits',
    rule: traitPolicy['placement:resource_providers:traits:list'],
    summary: 'List the traits of a resource provider',
    status: 200,
    async handler({ params, version }, h) {
      requireSince(version, 6);
      return fresh(h, version, view(await getProvider(db, params.uuid ?? '')));
    },
  }),
  route({
    method: 'PUT',
    path: '/resource_providers/{uuid}/traits',
    rule: traitPolicy['placement:resource_providers:traits:update'],
    summary: 'Set the traits of a resource provider; those that its host says of itself stay',
    body: NewTraits,
    status: 200,
    async handler({ params, body, version }, h) {
      requireSince(version, 6);
      const changed = await setTraits(db, params.uuid ?? '', body.resource_provider_generation, body.traits);
      return fresh(h, version, view(changed));
    },
  }),
  route({
    method: 'DELETE',
    path: '/resource_providers/{uuid}/traits',
    rule: traitPolicy['placement:resource_providers:traits:delete'],
    summary: 'Take the traits from a resource provider that it was given; those that its host says of itself stay',
    status: 204,
    async handler({ params, version }, h) {
      requireSince(version, 6);
      await setTraits(db, params.uuid ?? '', undefined, []);
      return noContent(h);
    },
  }),
];

const view = ({ traits: names, placementGeneration }: Provider) => ({
  traits: names,
  resource_provider_generation: placementGeneration,
});

/** `startswith:CUSTOM` or `in:A,B`. */
function byName(text: string | undefined): (name: string) => boolean {
  if (text === undefined) return () => true;
  const [, kind, rest = ''] = text.match(/^(startswith|in):(.*)$/) ?? [];
  if (kind === undefined)
    throw new BadRequest(
      `Badly formatted name parameter. Expected name query string parameter in form: ?name=[in|startswith]:[name1,name2|prefix]. Got: ${text.slice(0, 255)}`,
    );
  const names = rest.split(',');
  return kind === 'in' ? (name) => names.includes(name) : (name) => name.startsWith(rest);
}
