import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { visibleTo } from '../../common/context.ts';
import { sortKeys } from '../../common/database/page.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { linkedPage, one, pageRequest } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectAdmin, projectReader } from '../../common/policy/rules.ts';
import type { Flavor } from '../flavors/flavor.ts';
import { deleteFlavor, getFlavor, insertFlavor, listFlavorAccess, listFlavors } from '../flavors/store.ts';
import type { ComputeApiDeps } from './deps.ts';
import { Count, closed, countOf, Name } from './fields.ts';
import { linksOf, type Url } from './links.ts';

export const flavorPolicy = definePolicy({
  'os_compute_api:flavors': projectReader('List and show flavors'),
  'os_compute_api:os-flavor-manage:create': projectAdmin('Create a flavor'),
  'os_compute_api:os-flavor-manage:delete': projectAdmin('Delete a flavor'),
  'os_compute_api:os-flavor-access': projectAdmin('List the projects that may use a private flavor'),
  'os_compute_api:os-flavor-extra-specs:index': projectReader('List the extra specs of a flavor'),
});

const CreateFlavor = Type.Object(
  {
    flavor: Type.Object(
      {
        name: Name,
        ram: Count(1),
        vcpus: Count(1),
        disk: Count(0),
        id: Type.Optional(
          Type.Union([Type.Null(), Type.Integer(), Type.String({ maxLength: 255, pattern: '^[a-zA-Z0-9. _-]*$' })]),
        ),
        swap: Type.Optional(Count(0)),
        'OS-FLV-EXT-DATA:ephemeral': Type.Optional(Count(0)),
        rxtx_factor: Type.Optional(Type.Union([Type.Number({ exclusiveMinimum: 0 }), Type.String()])),
        'os-flavor-access:is_public': Type.Optional(Type.Boolean()),
      },
      closed,
    ),
  },
  closed,
);

const sortable = {
  flavorid: 'id',
  id: 'id',
  name: 'name',
  memory_mb: 'memory_mib',
  root_gb: 'disk_gib',
  vcpus: 'vcpus',
};

export const flavorRoutes = (deps: ComputeApiDeps) => [
  ...(['', '/detail'] as const).map((suffix) =>
    route({
      method: 'GET',
      path: `/v2.1/flavors${suffix}`,
      rule: flavorPolicy['os_compute_api:flavors'],
      summary: suffix === '' ? 'List flavors' : 'List flavors with details',
      status: 200,
      async handler({ ctx, query, request }) {
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
          suffix === '' ? flavorSummary(deps.url, flavor) : flavorView(deps.url, flavor),
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
    body: CreateFlavor,
    status: 200,
    async handler({ body: { flavor } }) {
      const created = await insertFlavor(deps.db, newFlavor(flavor));
      return { flavor: flavorView(deps.url, created) };
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/flavors/{flavor_id}',
    rule: flavorPolicy['os_compute_api:flavors'],
    summary: 'Show a flavor',
    status: 200,
    async handler({ ctx, params }) {
      return { flavor: flavorView(deps.url, await getFlavor(deps.db, visibleTo(ctx), params.flavor_id ?? '')) };
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
  route({
    method: 'GET',
    path: '/v2.1/flavors/{flavor_id}/os-extra_specs',
    rule: flavorPolicy['os_compute_api:os-flavor-extra-specs:index'],
    summary: 'List the extra specs of a flavor: none, as none is honoured yet',
    status: 200,
    async handler({ ctx, params }) {
      await getFlavor(deps.db, visibleTo(ctx), params.flavor_id ?? '');
      return { extra_specs: {} };
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/flavors/{flavor_id}/os-flavor-access',
    rule: flavorPolicy['os_compute_api:os-flavor-access'],
    summary: 'List the projects that may use a private flavor',
    status: 200,
    async handler({ ctx, params }) {
      const flavor = await getFlavor(deps.db, visibleTo(ctx), params.flavor_id ?? '');
      if (flavor.isPublic) throw new NotFound('Access list of public flavor', flavor.id);
      const projects = await listFlavorAccess(deps.db, flavor.id);
      return { flavor_access: projects.map((id) => ({ flavor_id: flavor.id, tenant_id: id })) };
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
  'os-flavor-access:is_public'?: boolean;
}

function newFlavor(asked: AskedFlavor): Flavor {
  if (Number(asked.swap ?? 0) > 0 || Number(asked['OS-FLV-EXT-DATA:ephemeral'] ?? 0) > 0)
    throw new BadRequest('Swap and ephemeral disks are not supported; leave them out or set them to 0.');
  const id = asked.id === undefined || asked.id === null || asked.id === 'auto' ? randomUUID() : String(asked.id);
  if (id.trim() !== id || id === '') throw new BadRequest('Invalid input for field/attribute id: spaces around it.');
  return {
    id,
    name: asked.name,
    vcpus: required(asked.vcpus, 'vcpus', 1),
    memoryMib: required(asked.ram, 'ram', 1),
    diskGib: required(asked.disk, 'disk', 0),
    rxtxFactor: factor(asked.rxtx_factor ?? 1),
    isPublic: asked['os-flavor-access:is_public'] ?? true,
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

function flavorSummary(url: Url, flavor: Flavor) {
  return { id: flavor.id, name: flavor.name, links: linksOf(url, `flavors/${encodeURIComponent(flavor.id)}`) };
}

function flavorView(url: Url, flavor: Flavor) {
  return {
    ...flavorSummary(url, flavor),
    ram: flavor.memoryMib,
    disk: flavor.diskGib,
    vcpus: flavor.vcpus,
    swap: '',
    rxtx_factor: flavor.rxtxFactor,
    'OS-FLV-EXT-DATA:ephemeral': 0,
    'OS-FLV-DISABLED:disabled': false,
    'os-flavor-access:is_public': flavor.isPublic,
  };
}
