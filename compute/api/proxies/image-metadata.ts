/** Properties of images for clients that ask Compute for them, until 2.38 (nova/api/openstack/compute/image_metadata.py). */
import { Type } from 'typebox';
import { type ProjectContext, visibleTo } from '../../../common/context.ts';
import { BadRequest, Forbidden, NotFound } from '../../../common/errors.ts';
import { noContent, route } from '../../../common/http/route.ts';
import { imagePolicy } from '../../../image/images/policy.ts';
import { changeProperties } from '../../../image/images/properties.ts';
import { getImage } from '../../../image/images/store.ts';
import { limitOf } from '../../quotas/limits.ts';
import { requireUpTo } from '../by-version.ts';
import type { ComputeApiDeps } from '../deps.ts';
import { closed, Metadata } from '../fields.ts';
import { unknownImage } from './images.ts';

const lastMinor = 38;
const base = '/v2.1/images/{image_id}/metadata';
const Items = Type.Object({ metadata: Metadata }, closed);
const Item = Type.Object({ meta: Metadata }, closed);

type Properties = Readonly<Record<string, string>>;

export const imageMetadataRoutes = (deps: ComputeApiDeps) => {
  const { db, imageProtection: protection } = deps;
  const read = async (ctx: ProjectContext, id = ''): Promise<Properties> =>
    protection.readable(ctx, await getImage(db, visibleTo(ctx), id).catch(unknownImage)).properties;
  /** What there is of them afterwards, as far as the caller sees it. */
  const change = async (ctx: ProjectContext, id = '', edit: (properties: Properties) => Record<string, string>) => {
    const most = await limitOf(db, { projectId: ctx.projectId, region: deps.region }, 'metadata_items');
    const image = await changeProperties({ ...deps, protection }, ctx, id, (before) => {
      const after = edit(before);
      const isMore = Object.keys(after).length > Object.keys(before).length;
      if (isMore && most >= 0 && Object.keys(after).length > most) throw new Forbidden('Image metadata limit exceeded');
      return after;
    }).catch((error) => {
      throw error instanceof NotFound && error.resource === 'Image' ? unknownImage(error) : error;
    });
    return protection.readable(ctx, image).properties;
  };
  return [
    route({
      method: 'GET',
      path: base,
      rule: imagePolicy.get_image,
      summary: 'List the properties of an image, until 2.38',
      status: 200,
      async handler({ ctx, params, version }) {
        requireUpTo(version, lastMinor);
        return { metadata: await read(ctx, params.image_id) };
      },
    }),
    route({
      method: 'POST',
      path: base,
      rule: imagePolicy.modify_image,
      summary: 'Add properties to an image, until 2.38',
      body: Items,
      status: 200,
      async handler({ ctx, params, body, version }) {
        requireUpTo(version, lastMinor);
        return { metadata: await change(ctx, params.image_id, (before) => ({ ...before, ...body.metadata })) };
      },
    }),
    route({
      method: 'PUT',
      path: base,
      rule: imagePolicy.modify_image,
      summary: 'Replace the properties of an image, until 2.38',
      body: Items,
      status: 200,
      async handler({ ctx, params, body, version }) {
        requireUpTo(version, lastMinor);
        return { metadata: await change(ctx, params.image_id, () => body.metadata) };
      },
    }),
    route({
      method: 'GET',
      path: `${base}/{key}`,
      rule: imagePolicy.get_image,
      summary: 'Show a property of an image, until 2.38',
      status: 200,
      async handler({ ctx, params: { image_id, key = '' }, version }) {
        requireUpTo(version, lastMinor);
        const properties = await read(ctx, image_id);
        if (!Object.hasOwn(properties, key)) throw new NotFound('Metadata item', key);
        return { meta: { [key]: properties[key] } };
      },
    }),
    route({
      method: 'PUT',
      path: `${base}/{key}`,
      rule: imagePolicy.modify_image,
      summary: 'Set a property of an image, until 2.38',
      body: Item,
      status: 200,
      async handler({ ctx, params: { image_id, key = '' }, body: { meta }, version }) {
        requireUpTo(version, lastMinor);
        if (!Object.hasOwn(meta, key) || Object.keys(meta).length !== 1)
          throw new BadRequest('Request body and URI mismatch');
        await change(ctx, image_id, (before) => ({ ...before, ...meta }));
        return { meta };
      },
    }),
    route({
      method: 'DELETE',
      path: `${base}/{key}`,
      rule: imagePolicy.modify_image,
      summary: 'Remove a property of an image, until 2.38',
      status: 204,
      async handler({ ctx, params: { image_id, key = '' }, version }, h) {
        requireUpTo(version, lastMinor);
        await change(ctx, image_id, (before) => {
          if (!Object.hasOwn(before, key)) throw new NotFound('Metadata item', key);
          return Object.fromEntries(Object.entries(before).filter(([name]) => name !== key));
        });
        return noContent(h);
      },
    }),
  ];
};
