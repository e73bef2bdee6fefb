import { type Context, visibleTo } from '../../common/context.ts';
import { NotFound } from '../../common/errors.ts';
import { nextHref, pageRequest } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { type Image, newImage } from '../images/image.ts';
import { listVersions, readListed } from '../images/listing.ts';
import { changeImage, createImage, deactivateImage, deleteImage } from '../images/operations.ts';
import { imagePolicy } from '../images/policy.ts';
import { getImage } from '../images/store.ts';
import { applyDocument, imageView, NewImageDocument } from './document.ts';
import { applyPatch, PatchBody, patchTypes } from './patch.ts';
import { imageFilter, imageSortKeys } from './query.ts';
import { rememberDocuments } from './remembered.ts';

/** Glance's default limit_param_default. */
const defaultLimit = '25';

/** Without the properties that the caller may not know of. */
const viewFor = ({ protection }: ImageModuleDeps, ctx: Context, image: Image) =>
  imageView(protection.readable(ctx, image));

export const imageRoutes = (deps: ImageModuleDeps, documents = rememberDocuments()) => [
  route({
    method: 'POST',
    path: '/v2/images',
    rule: imagePolicy.add_image,
    summary: 'Create an image',
    body: NewImageDocument,
    status: 201,
    async handler({ ctx, body: { id, ...document } }, h) {
      const image = await createImage(deps, ctx, id, applyDocument(newImage(ctx.projectId), document));
      return h
        .response(viewFor(deps, ctx, image))
        .code(201)
        .header('location', `${deps.publicUrl}/image/v2/images/${image.id}`)
        .header('openstack-image-import-methods', deps.imports.methods.join(','))
        .header('openstack-image-store-ids', deps.stores.all.map((store) => store.id).join(','));
    },
  }),
  route({
    method: 'GET',
    path: '/v2/images',
    rule: imagePolicy.get_images,
    summary: 'List images',
    status: 200,
    async handler({ ctx, query, request }, h) {
      const page = pageRequest({ limit: defaultLimit, ...query });
      const mayRead = (property: string) => deps.protection.allows(ctx, 'read', property);
      const [visible, filter] = [visibleTo(ctx), imageFilter(query, mayRead)];
      const { versions, more } = await listVersions(deps.db, visible, filter, page, imageSortKeys(query));
      const read = (ids: string[]) => readListed(deps.db, visible, filter, ids);
      const reader = deps.protection.readerOf(ctx);
      const texts = await documents.textsOf(versions, read, (image) => viewFor(deps, ctx, image), reader);
      const first = new URLSearchParams(request.url.search);
      first.delete('marker');
      const last = versions.at(-1);
      const rest = {
        schema: '/v2/schemas/images',
        first: first.size > 0 ? `/v2/images?${first}` : '/v2/images',
        ...(more && last && { next: nextHref(request.url, '/v2/images', last.id, page.limit) }),
      };
      return h
        .response(`{"images":[${texts.join(',')}],${JSON.stringify(rest).slice(1)}`)
        .type('application/json; charset=utf-8');
    },
  }),
  route({
    method: 'GET',
    path: '/v2/images/{image_id}',
    rule: imagePolicy.get_image,
    summary: 'Show an image',
    status: 200,
    handler: async ({ ctx, params }) => viewFor(deps, ctx, await getImage(deps.db, visibleTo(ctx), params.image_id!)),
  }),
  route({
    method: 'PATCH',
    path: '/v2/images/{image_id}',
    rule: imagePolicy.modify_image,
    summary: 'Change an image by a JSON patch',
    body: PatchBody,
    bodyTypes: patchTypes,
    status: 200,
    handler: async ({ ctx, params, body }) =>
      viewFor(deps, ctx, await changeImage(deps, ctx, params.image_id!, (image) => applyPatch(image, body))),
  }),
  route({
    method: 'DELETE',
    path: '/v2/images/{image_id}',
    rule: imagePolicy.delete_image,
    summary: 'Delete an image',
    status: 204,
    async handler({ ctx, params }, h) {
      await deleteImage(deps, ctx, params.image_id!);
      return noContent(h);
    },
  }),
  route({
    method: 'PUT',
    path: '/v2/images/{image_id}/tags/{tag}',
    rule: imagePolicy.modify_image,
    summary: 'Add a tag to an image',
    status: 204,
    async handler({ ctx, params }, h) {
      await changeImage(deps, ctx, params.image_id!, (image) =>
        applyDocument(image, { ...image.properties, tags: [...image.tags, params.tag] }),
      );
      return noContent(h);
    },
  }),
  route({
    method: 'DELETE',
    path: '/v2/images/{image_id}/tags/{tag}',
    rule: imagePolicy.modify_image,
    summary: 'Remove a tag from an image',
    status: 204,
    async handler({ ctx, params }, h) {
      await changeImage(deps, ctx, params.image_id!, (image) => {
        if (!image.tags.includes(params.tag!)) throw new NotFound('Tag', params.tag!);
        return { ...image, tags: image.tags.filter((tag) => tag !== params.tag) };
      });
      return noContent(h);
    },
  }),
  ...(['deactivate', 'reactivate'] as const).map((action) =>
    route({
      method: 'POST',
      path: `/v2/images/{image_id}/actions/${action}`,
      rule: imagePolicy[action],
      summary: imagePolicy[action].description,
      status: 204,
      async handler({ ctx, params }, h) {
        await deactivateImage(deps, ctx, params.image_id!, action === 'deactivate');
        return noContent(h);
      },
    }),
  ),
];
