/** Images for clients that ask Compute for them, until 2.35 (nova/api/openstack/compute/images.py). The rules are Image's own. */
import { visibleTo } from '../../../common/context.ts';
import { BadRequest, Forbidden, NotFound } from '../../../common/errors.ts';
import { linkedPage, one, pageRequest } from '../../../common/http/page.ts';
import { noContent, route } from '../../../common/http/route.ts';
import { imageFilter } from '../../../image/api/query.ts';
import { listImages, newestFirst } from '../../../image/images/listing.ts';
import { deleteImage } from '../../../image/images/operations.ts';
import { imagePolicy } from '../../../image/images/policy.ts';
import { getImage } from '../../../image/images/store.ts';
import { requireUpTo } from '../by-version.ts';
import type { ComputeApiDeps } from '../deps.ts';
import { imageDetails, imageSummary } from './image-view.ts';
import { lastProxyMinor } from './proxy.ts';

type Query = Record<string, string | string[]>;

const lists = [
  { suffix: '', view: imageSummary, summary: 'List images, until 2.35' },
  { suffix: '/detail', view: imageDetails, summary: 'List images with details, until 2.35' },
] as const;

export const imageProxyRoutes = (deps: ComputeApiDeps) => [
  ...lists.map(({ suffix, view, summary }) =>
    route({
      method: 'GET',
      path: `/v2.1/images${suffix}`,
      rule: imagePolicy.get_images,
      summary,
      status: 200,
      async handler({ ctx, query, version, request }) {
        requireUpTo(version, lastProxyMinor);
        const page = pageOf(query);
        const filter = imageFilter(glanceQuery(query), (name) => deps.imageProtection.allows(ctx, 'read', name));
        const { images, more } = await listImages(deps.db, visibleTo(ctx), filter, page, newestFirst);
        const views = images.map((image) => view(deps.imageProtection.readable(ctx, image), deps.url));
        const base = `${deps.url.versioned}/images${suffix}`;
        return linkedPage('images', views, {
          more,
          marker: images.at(-1)?.id,
          url: request.url,
          base,
          limit: page.limit,
        });
      },
    }),
  ),
  route({
    method: 'GET',
    path: '/v2.1/images/{image_id}',
    rule: imagePolicy.get_image,
    summary: 'Show an image, until 2.35',
    status: 200,
    async handler({ ctx, params, version }) {
      requireUpTo(version, lastProxyMinor);
      const image = await getImage(deps.db, visibleTo(ctx), params.image_id ?? '').catch(unknownImage);
      return { image: imageDetails(deps.imageProtection.readable(ctx, image), deps.url) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v2.1/images/{image_id}',
    rule: imagePolicy.delete_image,
    summary: 'Delete an image, until 2.35',
    status: 204,
    async handler({ ctx, params, version }, h) {
      requireUpTo(version, lastProxyMinor);
      await deleteImage(deps, ctx, params.image_id ?? '')
        .catch(unknownImage)
        .catch((error) => {
          if (!(error instanceof Forbidden)) throw error;
          throw new Forbidden(`You are not allowed to delete the image. ${error.message}`, { cause: error });
        });
      return noContent(h);
    },
  }),
];

/** In Nova's words. */
export function unknownImage(error: unknown): never {
  throw error instanceof NotFound ? Object.assign(error, { message: 'Image not found.' }) : error;
}

/** Throws `BadRequest`, also for a limit of 0, which Nova takes for none elsewhere. */
function pageOf(query: Query) {
  const page = pageRequest(query);
  if (page.limit === 0) throw new BadRequest('Invalid input for query parameter limit. Value: 0.');
  return page;
}

const names: Readonly<Record<string, string>> = {
  name: 'name',
  status: 'status',
  'changes-since': 'updated_at',
  server: 'instance_uuid',
  type: 'image_type',
  minRam: 'min_ram',
  minDisk: 'min_disk',
};

/** Nova's filters as Glance's; whatever is none is left out. A server may be told by its link. */
export function glanceQuery(query: Query): Query {
  const filters = new Map<string, string>();
  for (const [name, values] of Object.entries(query)) {
    const property = /^property-(.+)$/s.exec(name)?.[1];
    const filter = property ?? (Object.hasOwn(names, name) ? names[name] : undefined);
    const value = one(values);
    if (filter !== undefined && value !== undefined) filters.set(filter, written(name, value));
  }
  return Object.fromEntries(filters);
}

function written(name: string, value: string): string {
  switch (name) {
    case 'status':
      return value.toLowerCase();
    case 'changes-since':
      return `gte:${value}`;
    case 'server':
      return value.split('/').at(-1) ?? value;
    default:
      return value;
  }
}
