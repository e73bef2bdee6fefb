import { Type } from 'typebox';
import { visibleTo } from '../../common/context.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectAdmin, projectReader } from '../../common/policy/rules.ts';
import { validateExtraSpec } from '../flavors/extra-specs.ts';
import { getFlavor, removeExtraSpec, setExtraSpecs } from '../flavors/store.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed } from './fields.ts';

export const flavorExtraSpecPolicy = definePolicy({
  'os_compute_api:os-flavor-extra-specs:index': projectReader('List the extra specs of a flavor'),
  'os_compute_api:os-flavor-extra-specs:show': projectReader('Show an extra spec of a flavor'),
  'os_compute_api:os-flavor-extra-specs:create': projectAdmin('Add extra specs to a flavor'),
  'os_compute_api:os-flavor-extra-specs:update': projectAdmin('Change an extra spec of a flavor'),
  'os_compute_api:os-flavor-extra-specs:delete': projectAdmin('Take an extra spec from a flavor'),
});

/** Numbers are taken too, and answered as they came; lists have them as text. */
const Specs = Type.Record(
  Type.String({ pattern: '^[a-zA-Z0-9_:. -]{1,255}$' }),
  Type.Union([Type.String({ maxLength: 255 }), Type.Number()]),
  { additionalProperties: false },
);
const ExtraSpecs = Type.Object({ extra_specs: Specs }, closed);

const base = '/v2.1/flavors/{flavor_id}/os-extra_specs';

export const flavorExtraSpecRoutes = ({ db }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: base,
    rule: flavorExtraSpecPolicy['os_compute_api:os-flavor-extra-specs:index'],
    summary: 'List the extra specs of a flavor',
    status: 200,
    async handler({ ctx, params }) {
      return { extra_specs: (await getFlavor(db, visibleTo(ctx), params.flavor_id ?? '')).extraSpecs };
    },
  }),
  route({
    method: 'POST',
    path: base,
    rule: flavorExtraSpecPolicy['os_compute_api:os-flavor-extra-specs:create'],
    summary: 'Add extra specs to a flavor, or change some; checked from 2.86 on',
    body: ExtraSpecs,
    status: 200,
    async handler({ params, body, version }) {
      await setExtraSpecs(db, params.flavor_id ?? '', checked(version, body.extra_specs));
      return body;
    },
  }),
  route({
    method: 'GET',
    path: `${base}/{key}`,
    rule: flavorExtraSpecPolicy['os_compute_api:os-flavor-extra-specs:show'],
    summary: 'Show an extra spec of a flavor',
    status: 200,
    async handler({ ctx, params }) {
      const { flavor_id: id = '', key = '' } = params;
      const { extraSpecs } = await getFlavor(db, visibleTo(ctx), id);
      if (!Object.hasOwn(extraSpecs, key)) throw new NotFound(`Extra spec of flavor ${id}`, key);
      return { [key]: extraSpecs[key] };
    },
  }),
  route({
    method: 'PUT',
    path: `${base}/{key}`,
    rule: flavorExtraSpecPolicy['os_compute_api:os-flavor-extra-specs:update'],
    summary: 'Add an extra spec to a flavor, or change it; checked from 2.86 on',
    body: Specs,
    status: 200,
    async handler({ params, body, version }) {
      const { flavor_id: id = '', key = '' } = params;
      if (Object.keys(body).length !== 1) throw new BadRequest('The body must have exactly one extra spec.');
      const specs = checked(version, body);
      if (!Object.hasOwn(body, key)) throw new BadRequest('Request body and URI mismatch');
      await setExtraSpecs(db, id, specs);
      return body;
    },
  }),
  route({
    method: 'DELETE',
    path: `${base}/{key}`,
    rule: flavorExtraSpecPolicy['os_compute_api:os-flavor-extra-specs:delete'],
    summary: 'Take an extra spec from a flavor',
    status: 200,
    async handler({ params }, h) {
      const { flavor_id: id = '', key = '' } = params;
      await getFlavor(db, 'everyone', id);
      await removeExtraSpec(db, id, key);
      return h.response().code(200);
    },
  }),
];

function checked(version: Version, specs: Record<string, string | number>): Record<string, string> {
  const entries = Object.entries(specs).map(([name, value]) => [name, String(value)] as const);
  for (const [name, value] of entries) {
    if (value.length > 255) throw new BadRequest(`The value of extra spec ${name} is longer than 255 characters.`);
    if (/\p{Cc}|\p{Cs}/u.test(value)) throw new BadRequest(`The value of extra spec ${name} has control characters.`);
    if (since(version, 2, 86)) validateExtraSpec(name, value);
  }
  return Object.fromEntries(entries);
}
