/**
 * Glance's cache management (`glance/api/v2/cached_images.py`). What it is about here are the images that hosts keep for their
 * guests: image/README.md says what each answer means with many hosts.
 */
import { BadRequest, NotFound } from '../../common/errors.ts';
import { noContent, route } from '../../common/http/route.ts';
import { isUuid } from '../../common/ids.ts';
import type { CachedImage } from '../cache/host-caches.ts';
import { cachePolicy } from '../cache/policy.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { findImage, getImage } from '../images/store.ts';

export const cacheRoutes = ({ db, hostCaches }: ImageModuleDeps) => [
  route({
    method: 'GET',
    path: '/v2/cache',
    rule: cachePolicy.cache_list,
    summary: 'List the images that hosts have, and those that they are asked to get',
    status: 200,
    async handler() {
      const { cached, queued } = await hostCaches.list(db);
      return { cached_images: cached.map(cachedView), queued_images: queued };
    },
  }),
  route({
    method: 'PUT',
    path: '/v2/cache/{image_id}',
    rule: cachePolicy.cache_image,
    summary: 'Have hosts get an image',
    status: 202,
    async handler({ params }, h) {
      const image = await getImage(db, 'everyone', params.image_id!);
      if (image.status !== 'active')
        throw new BadRequest('Only images with status active can be targeted for queueing');
      await hostCaches.queue(db, image.id, image.containerFormat === 'docker' ? 'container' : 'disk');
      return h.response().code(202);
    },
  }),
  route({
    method: 'DELETE',
    path: '/v2/cache/{image_id}',
    rule: cachePolicy.cache_delete,
    summary: 'Have hosts give up an image, or no longer get it',
    status: 204,
    async handler({ params }, h) {
      const id = params.image_id!;
      // One that is no more may still be on hosts.
      const isSomewhere = isUuid(id) && (await hostCaches.remove(db, id));
      if (!isSomewhere && (await findImage(db, 'everyone', id)) === undefined) throw new NotFound('Image', id);
      return noContent(h);
    },
  }),
  route({
    method: 'DELETE',
    path: '/v2/cache',
    rule: cachePolicy.cache_delete,
    summary: 'Have hosts give up all images, no longer get any, or both',
    status: 204,
    async handler({ request }, h) {
      const target = String(request.headers['x-image-cache-clear-target'] ?? '').toLowerCase();
      if (!['', 'cache', 'queue'].includes(target))
        throw new BadRequest("If provided 'x-image-cache-clear-target' must be 'cache', 'queue' or empty string.");
      if (target !== 'cache') await hostCaches.clear(db, 'queue');
      if (target !== 'queue') await hostCaches.clear(db, 'cache');
      return noContent(h);
    },
  }),
];

/** Times are seconds since 1970, as Glance's cache has them. */
function cachedView(image: CachedImage) {
  return {
    image_id: image.imageId,
    hits: image.hits,
    last_accessed: image.lastAccessedAt.getTime() / 1000,
    last_modified: image.lastModifiedAt.getTime() / 1000,
    size: image.sizeBytes,
  };
}
