import { type Static, Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { noContent, route } from '../../common/http/route.ts';
import { newHexId } from '../../common/ids.ts';
import { authenticated, definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { extraOf } from '../extra.ts';
import { changeRegion, deleteRegion } from '../regions/operations.ts';
import { getRegion, insertRegion, listRegions, type Region } from '../regions/store.ts';
import { checkSameId } from './fields.ts';
import { identityPage, listView, textFilters } from './listing.ts';
import { administrators } from './personas.ts';

export const regionId = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^\\u0000-\\u001f]*$' });

const fields = {
  description: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
  parent_region_id: Type.Optional(Type.Union([regionId, Type.Null()])),
};
const known = ['id', 'links', ...Object.keys(fields)];

const CreateRegion = Type.Object({
  region: Type.Object({ ...fields, id: Type.Optional(Type.Union([regionId, Type.Literal(''), Type.Null()])) }),
});
const UpdateRegion = Type.Object({ region: Type.Object(fields, { minProperties: 1 }) });

export const regionPolicy = definePolicy({
  'identity:get_region': authenticated('Show a region'),
  'identity:list_regions': authenticated('List regions'),
  'identity:create_region': administrators('Create a region'),
  'identity:update_region': administrators('Update a region'),
  'identity:delete_region': administrators('Delete a region'),
});

function regionView(deps: IdentityDeps, region: Region) {
  return {
    ...region.extra,
    id: region.id,
    description: region.description,
    parent_region_id: region.parentRegionId,
    links: { self: `${identityUrl(deps)}/regions/${encodeURIComponent(region.id)}` },
  };
}

export const regionRoutes = (deps: IdentityDeps) => {
  const create = async (id: string, body: Static<typeof CreateRegion>['region']) =>
    regionView(
      deps,
      await insertRegion(deps.db, {
        id,
        parentRegionId: body.parent_region_id ?? null,
        description: body.description ?? '',
        extra: extraOf(body, known),
      }),
    );
  return [
    route({
      method: 'GET',
      path: '/v3/regions',
      rule: regionPolicy['identity:list_regions'],
      summary: 'List regions',
      status: 200,
      async handler({ query, request }) {
        const filters = textFilters(query, { parent_region_id: 'parent_region_id' });
        const { regions, more } = await listRegions(deps.db, filters, identityPage(query));
        const views = regions.map((region) => regionView(deps, region));
        return listView(deps, 'regions', views, { url: request.url, more });
      },
    }),
    route({
      method: 'POST',
      path: '/v3/regions',
      rule: regionPolicy['identity:create_region'],
      summary: 'Create a region, with an id of its own if none is given',
      body: CreateRegion,
      status: 201,
      handler: async ({ body: { region } }, h) =>
        h.response({ region: await create(region.id || newHexId(), region) }).code(201),
    }),
    route({
      method: 'PUT',
      path: '/v3/regions/{region_id}',
      rule: regionPolicy['identity:create_region'],
      summary: 'Create a region with this id',
      body: CreateRegion,
      status: 201,
      async handler({ params: { region_id: id = '' }, body: { region } }, h) {
        if (region.id !== undefined && region.id !== id)
          throw new BadRequest(`Conflicting region IDs specified: "${id}" != "${region.id}".`);
        if (id.length > 255) throw new BadRequest('The id of a region has at most 255 characters.');
        return h.response({ region: await create(id, region) }).code(201);
      },
    }),
    route({
      method: 'GET',
      path: '/v3/regions/{region_id}',
      rule: regionPolicy['identity:get_region'],
      summary: 'Show a region',
      status: 200,
      handler: async ({ params }) => ({ region: regionView(deps, await getRegion(deps.db, params.region_id ?? '')) }),
    }),
    route({
      method: 'PATCH',
      path: '/v3/regions/{region_id}',
      rule: regionPolicy['identity:update_region'],
      summary: 'Update a region, or move it below another',
      body: UpdateRegion,
      status: 200,
      async handler({ params, body: { region: asked } }) {
        checkSameId(asked, params.region_id ?? '');
        const { description, parent_region_id } = asked;
        const region = await changeRegion(deps, params.region_id ?? '', {
          ...(description !== undefined && { description: description ?? '' }),
          ...(parent_region_id !== undefined && { parentRegionId: parent_region_id }),
          extra: extraOf(asked, known),
        });
        return { region: regionView(deps, region) };
      },
    }),
    route({
      method: 'DELETE',
      path: '/v3/regions/{region_id}',
      rule: regionPolicy['identity:delete_region'],
      summary: 'Delete a region and those below it',
      status: 204,
      async handler({ params }, h) {
        await deleteRegion(deps, params.region_id ?? '');
        return noContent(h);
      },
    }),
  ];
};
