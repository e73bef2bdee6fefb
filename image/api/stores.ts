import { noContent, route } from '../../common/http/route.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { imagePolicy } from '../images/policy.ts';
import { removeFromStore } from '../stores/operations.ts';
import type { ImageStores, NamedStore } from '../stores/stores.ts';

/** The store that a request names for the data of an image; undefined where it leaves that to us. */
export function storeHeader(headers: Record<string, unknown>): string | undefined {
  const value = headers['x-image-meta-store'];
  return typeof value === 'string' ? value : undefined;
}

export const storeRoutes = (deps: ImageModuleDeps) => [
  route({
    method: 'GET',
    path: '/v2/info/stores',
    rule: imagePolicy.get_image_schema,
    summary: 'List the stores of images',
    status: 200,
    handler: () => ({ stores: deps.stores.all.map((store) => storeView(store, deps.stores)) }),
  }),
  route({
    method: 'GET',
    path: '/v2/info/stores/detail',
    rule: imagePolicy.stores_info_detail,
    summary: 'List the stores of images with what they are',
    status: 200,
    handler: () => ({ stores: deps.stores.all.map((store) => detailView(store, deps.stores)) }),
  }),
  route({
    method: 'DELETE',
    path: '/v2/stores/{store_id}/{image_id}',
    rule: imagePolicy.delete_image_location,
    summary: 'Remove the data of an image from one of its stores',
    status: 204,
    async handler({ ctx, params }, h) {
      await removeFromStore(deps, ctx, params.store_id!, params.image_id!);
      return noContent(h);
    },
  }),
];

/** As Glance writes it (glance/api/v2/discovery.py): what is so is said in a string, what is not so is not said. */
function storeView({ id, description, isReadOnly }: NamedStore, stores: ImageStores) {
  return {
    id,
    ...(description !== '' && { description }),
    ...(id === stores.default.id && { default: 'true' }),
    ...(isReadOnly && { 'read-only': 'true' }),
  };
}

function detailView(store: NamedStore, stores: ImageStores) {
  return {
    ...storeView(store, stores),
    type: store.type === 'files' ? 'file' : store.type, // glance_store's names
    properties: store.properties,
    weight: store.weight,
  };
}
