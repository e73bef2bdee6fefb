import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { sortKeys } from '../../common/database/page.ts';
import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { linkedPage, one, pageRequest } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectAdmin, projectReader } from '../../common/policy/rules.ts';
import { isYes } from '../../common/truth.ts';
import type { Flavor } from '../flavors/flavor.ts';
import { deleteFlavor, describeFlavor, getFlavor, insertFlavor, listFlavors } from '../flavors/store.ts';
import { checkBody, checkQuery, requireSince } from './by-version.ts';
import type { ComputeApiDeps } from './deps.ts';
import { BooleanLike, Count, closed, countOf, Name } from './fields.ts';
import { flavorExtraSpecPolicy } from './flavor-extra-specs.ts';
import { linksOf, type Url } from './links.ts';

export const flavorPolicy = definePolicy({
  'os_compute_api:flavors': projectReader('List and show flavors'),
  'os_compute_api:os-flavor-manage:create': projectAdmin('Create a flavor'),
  'os_compute_api:os-flavor-manage:update': projectAdmin('Describe a flavor'),
  'os_compute_api:os-flavor-manage:delete': projectAdmin('Delete a flavor'),
});

const fields = {
  name: Name,
  ram: Count(1),
  vcpus: Count(1),
  disk: Count(0),
  id: Type.Optional(
    Type.Union([
      Type.Null(),
      Type.Number(),
      Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._-]([a-zA-Z0-9. _-]*[a-zA-Z0-9._-])?$' }),
    ]),
  ),
  swap: Type.Optional(Count(0)),
  'OS-FLV-EXT-DATA:ephemeral': Type.Optional(Count(0)),
  rxtx_factor: Type.Optional(
    Type.Union([
      Type.Number({ exclusiveMinimum: 0, maximum: 3.40282e38 }),
      Type.String({ pattern: '^[0-9]+(\\.[0-9]+)?$', maxLength: 40 }),
    ]),
  ),
  'os-flavor-access:is_public': Type.Optional(BooleanLike),
};
const CreateFlavor = Type.Object({ flavor: Type.Object(fields, closed) }, closed);
/** Printable text, or null for none. */
const Description = Type.Union([
  Type.Null(),
  Type.String({ maxLength: 65_535, pattern: '^[^\\u0000-\\u001f\\u007f]*$' }),
]);
/** From 2.55. */
const CreateDescribed = Type.Object(
  { flavor: Type.Object({ ...fields, description: Type.Optional(Description) }, closed) },
  closed,
);
const UpdateFlavor = Type.Object({ flavor: Type.Object({ description: Description }, closed) }, closed);

/** Nova's keys; what is the same for all flavors here (`disabled`, `vcpu_weight`) orders nothing. */
const sortable = {
  created_at: 'created_at',
  description: 'description_order',
  disabled: 'id',
  ephemeral_gb: 'ephemeral_gib',
  flavorid: 'id',
  id: 'id',
  is_public: 'is_public',
  memory_mb: 'memory_mib',
  name: 'name',
  root_gb: 'disk_gib',
  rxtx_factor: 'rxtx_factor',
  swap: 'swap_mib',
  updated_at: 'updated_at',
  vcpu_weight: 'id',
  vcpus: 'vcpus',
};
const known = ['limit', 'marker', 'is_public', 'minRam', 'minDisk', 'sort_key', 'sort_dir'];

export const flavorRoutes = (deps: ComputeApiDeps) => [
  ...(['', '/detail'] as const).map((suffix) =>
    route({
      method: 'GET',
      path: `/v2.1/flavors${suffix}`,
      rule: flavorPolicy['os_compute_api:flavors'],
      summary: suffix === '' ? 'List flavors' : 'List flavors with details',
      status: 200,
      async handler({ ctx, query, request, version }) {
        checkQuery(version, query, known);
        const page = pageRequest(query);
        const filter = {
          isPublic: ctx.isAdmin ? isPublicFilter(one(query.is_public)) : true,
          minMemoryMib: leastOf(query.minRam, 'minRam'),
          minDiskGib: leastOf(query.minDisk, 'minDisk'),
        };
        const who = { visible: visibleTo(ctx), projectId: ctx.projectId };
        const sort = sortKeys(query, sortable, [{ column: 'id', direction: 'asc' }]);
        const { flavors, more } = await listFlavors(deps.db, who, filter, page, sort);
        const views = flavors.map((flavor) =>
          suffix === '' ? flavorSummary(deps.url, flavor, version) : flavorView(deps, ctx, flavor, version),
        );
        const base = `${deps.url.versioned}/flavors${suffix}`;
        return linkedPage('flavors', views, {
          more,
          marker: flavors.at(-1)?.id,
          url: request.url,
          base,
          limit: page.limit,
        });
      },
    }),
  ),
  route({
    method: 'POST',
    path: '/v2.1/flavors',
    rule: flavorPolicy['os_compute_api:os-flavor-manage:create'],
    summary: 'Create a flavor',
    body: CreateDescribed,
    status: 200,
    async handler({ ctx, body, version }) {
      checkBody(version, body, [CreateFlavor, [55, CreateDescribed]]);
      const created = await insertFlavor(deps.db, newFlavor(body.flavor));
      return { flavor: flavorView(deps, ctx, created, version) };
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/flavors/{flavor_id}',
    rule: flavorPolicy['os_compute_api:flavors'],
    summary: 'Show a flavor',
    status: 200,
    async handler({ ctx, params, version }) {
      const flavor = await getFlavor(deps.db, visibleTo(ctx), params.flavor_id ?? '');
      return { flavor: flavorView(deps, ctx, flavor, version) };
    },
  }),
  route({
    method: 'PUT',
    path: '/v2.1/flavors/{flavor_id}',
    rule: flavorPolicy['os_compute_api:os-flavor-manage:update'],
    summary: 'Describe a flavor, from 2.55 on; nothing else of it changes',
    body: UpdateFlavor,
    status: 200,
    async handler({ ctx, params, body, version }) {
      requireSince(version, 55);
      const flavor = await describeFlavor(deps.db, params.flavor_id ?? '', body.flavor.description);
      return { flavor: flavorView(deps, ctx, flavor, version) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v2.1/flavors/{flavor_id}',
    rule: flavorPolicy['os_compute_api:os-flavor-manage:delete'],
    summary: 'Delete a flavor; servers made of it stay as they are',
    status: 202,
    async handler({ params }, h) {
      await deleteFlavor(deps.db, params.flavor_id ?? '');
      return h.response().code(202);
    },
  }),
];

interface AskedFlavor {
  name: string;
  id?: string | number | null;
  ram: string | number;
  vcpus: string | number;
  disk: string | number;
  swap?: string | number;
  'OS-FLV-EXT-DATA:ephemeral'?: string | number;
  rxtx_factor?: string | number;
  'os-flavor-access:is_public'?: boolean | string;
  description?: string | null;
}

function newFlavor(asked: AskedFlavor): Flavor {
  const id = asked.id === undefined || asked.id === null || asked.id === 'auto' ? randomUUID() : String(asked.id);
  return {
    id,
    name: asked.name,
    vcpus: required(asked.vcpus, 'vcpus', 1),
    memoryMib: required(asked.ram, 'ram', 1),
    diskGib: required(asked.disk, 'disk', 0),
    rxtxFactor: factor(asked.rxtx_factor ?? 1),
    isPublic: isYes(asked['os-flavor-access:is_public'] ?? true),
    description: asked.description ?? null,
    swapMib: required(asked.swap ?? 0, 'swap', 0),
    ephemeralGib: required(asked['OS-FLV-EXT-DATA:ephemeral'] ?? 0, 'OS-FLV-EXT-DATA:ephemeral', 0),
    extraSpecs: {},
  };
}

function required(value: string | number, name: string, minimum: number): number {
  const count = countOf(value, { minimum });
  if (count === undefined) throw new BadRequest(`Invalid input for field/attribute ${name}. Value: ${value}.`);
  return count;
}

function factor(value: string | number): number {
  const number = Number(value);
  if (Number.isFinite(number) && number > 0 && number < 3.4e38) return number;
  throw new BadRequest(`Invalid input for field/attribute rxtx_factor. Value: ${value}.`);
}

/** Nova's own rule: public ones unless asked otherwise, `None` for all. */
function isPublicFilter(text: string | undefined): boolean | undefined {
  if (text === undefined) return true;
  if (text.toLowerCase() === 'none') return undefined;
  if (/^(true|1|t|yes|y|on)$/i.test(text)) return true;
  if (/^(false|0|f|no|n|off)$/i.test(text)) return false;
  throw new BadRequest(`Invalid is_public filter [${text}]`);
}

function leastOf(value: unknown, name: string): number | undefined {
  const text = one(value);
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new BadRequest(`Invalid ${name} filter [${text}]`);
  return Number(text);
}

function flavorSummary(url: Url, flavor: Flavor, version: Version) {
  return {
    id: flavor.id,
    name: flavor.name,
    links: linksOf(url, `flavors/${encodeURIComponent(flavor.id)}`),
    ...(since(version, 2, 55) && { description: flavor.description }),
  };
}

function flavorView({ url, enforcer }: ComputeApiDeps, ctx: ProjectContext, flavor: Flavor, version: Version) {
  const showsSpecs =
    since(version, 2, 61) && enforcer.allows(ctx, flavorExtraSpecPolicy['os_compute_api:os-flavor-extra-specs:index']);
  return {
    ...flavorSummary(url, flavor, version),
    ram: flavor.memoryMib,
    disk: flavor.diskGib,
    vcpus: flavor.vcpus,
    swap: flavor.swapMib || (since(version, 2, 75) ? 0 : ''),
    rxtx_factor: flavor.rxtxFactor,
    'OS-FLV-EXT-DATA:ephemeral': flavor.ephemeralGib,
    'OS-FLV-DISABLED:disabled': false,
    'os-flavor-access:is_public': flavor.isPublic,
    ...(showsSpecs && { extra_specs: flavor.extraSpecs }),
  };
}
