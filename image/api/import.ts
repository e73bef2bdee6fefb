import { Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { route } from '../../common/http/route.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { imagePolicy } from '../images/policy.ts';
import { type AskedStores, importImage } from '../import/operations.ts';
import type { ImportMethod } from '../tasks/task.ts';
import { storeHeader } from './stores.ts';

const ImportBody = Type.Object(
  {
    method: Type.Object(
      {
        name: Type.String({ maxLength: 255, description: 'One of those that /v2/info/import lists' }),
        uri: Type.Optional(Type.String({ maxLength: 2048, description: 'Where web-download finds the data' })),
      },
      { additionalProperties: false },
    ),
    all_stores: Type.Optional(Type.Boolean()),
    all_stores_must_succeed: Type.Optional(Type.Boolean()),
    stores: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 100 })),
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
    async handler({ ctx, params, body, request }, h) {
      const asked = storesOf(body, storeHeader(request.headers));
      await importImage(deps, ctx, params.image_id!, methodOf(body.method), asked);
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

/** As Glance reads them (glance/common/utils.py, get_stores_from_request). Throws `BadRequest` for what contradicts itself. */
function storesOf(
  body: { stores?: string[]; all_stores?: boolean; all_stores_must_succeed?: boolean },
  header: string | undefined,
): AskedStores {
  const { stores, all_stores: all = false, all_stores_must_succeed: allMustSucceed = true } = body;
  if (all && (stores !== undefined || header !== undefined))
    throw new BadRequest("All_stores parameter can't be used with x-image-meta-store header or stores parameter");
  if (stores !== undefined && header !== undefined)
    throw new BadRequest("Stores parameter and x-image-meta-store header can't be both specified");
  return { stores: stores ?? (header === undefined ? [] : [header]), all, allMustSucceed };
}

function methodOf({ name, uri }: { name: string; uri?: string }): ImportMethod {
  if (name === 'glance-direct' || name === 'copy-image') return { name };
  if (name !== 'web-download') throw new BadRequest(`Unknown import method name '${name}'.`);
  if (uri === undefined) throw new BadRequest("The method 'web-download' needs a uri.");
  return { name, uri };
}
