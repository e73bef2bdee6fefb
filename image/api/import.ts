import { Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { route } from '../../common/http/route.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { imagePolicy } from '../images/policy.ts';
import { importImage } from '../import/operations.ts';
import type { ImportMethod } from '../tasks/task.ts';

const ImportBody = Type.Object(
  {
    method: Type.Object(
      {
        name: Type.String({ maxLength: 255, description: 'One of those that /v2/info/import lists' }),
        uri: Type.Optional(Type.String({ maxLength: 2048, description: 'Where web-download finds the data' })),
      },
      { additionalProperties: false },
    ),
    // There is one place for data: it is in all of them, and there is no other to name.
    all_stores: Type.Optional(Type.Boolean()),
    all_stores_must_succeed: Type.Optional(Type.Boolean()),
    stores: Type.Optional(Type.Array(Type.String(), { maxItems: 0 })),
  },
  { additionalProperties: false },
);

export const importRoutes = (deps: ImageModuleDeps) => [
  route({
    method: 'POST',
    path: '/v2/images/{image_id}/import',
    rule: imagePolicy.modify_image,
    summary: 'Import the data of an image',
    body: ImportBody,
    status: 202,
    async handler({ ctx, params, body }, h) {
      await importImage(deps, ctx, params.image_id!, methodOf(body.method));
      return h.response().code(202);
    },
  }),
  route({
    method: 'GET',
    path: '/v2/info/import',
    rule: imagePolicy.get_image_schema,
    summary: 'List the ways to import images',
    status: 200,
    handler: () => ({
      'import-methods': { description: 'Import methods available.', type: 'array', value: deps.imports.methods },
    }),
  }),
];

function methodOf({ name, uri }: { name: string; uri?: string }): ImportMethod {
  if (name === 'glance-direct') return { name };
  if (name !== 'web-download') throw new BadRequest(`Unknown import method name '${name}'.`);
  if (uri === undefined) throw new BadRequest("The method 'web-download' needs a uri.");
  return { name, uri };
}
