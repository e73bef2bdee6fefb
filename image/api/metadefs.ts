import { sortKeys } from '../../common/database/page.ts';
import { BadRequest } from '../../common/errors.ts';
import { nextHref, one, pageRequest } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { prefixedFor } from '../metadefs/definition.ts';
import { type NamespaceFilter, sortColumns } from '../metadefs/namespaces.ts';
import {
  changeNamespace,
  createNamespace,
  deleteNamespace,
  showNamespace,
  showNamespaces,
} from '../metadefs/operations.ts';
import { metadefPolicy } from '../metadefs/policy.ts';
import { contentsOf, NamespaceBody, namespaceOf, refuseReadOnly } from './metadefs-fields.ts';
import { namespacesPath, namespaceView } from './metadefs-views.ts';

/** Glance's default limit_param_default. */
const defaultLimit = '25';

export const metadefRoutes = (deps: ImageModuleDeps) => [
  route({
    method: 'GET',
    path: namespacesPath,
    rule: metadefPolicy.get_metadef_namespaces,
    summary: 'List namespaces of metadata definitions',
    status: 200,
    async handler({ ctx, query, request }) {
      const page = pageRequest({ limit: defaultLimit, ...query });
      const keys = metadefSortKeys(query, sortColumns);
      const { namespaces, more } = await showNamespaces(deps, ctx, filterOf(query), page, keys);
      const first = new URLSearchParams(request.url.search);
      first.delete('marker');
      const last = namespaces.at(-1);
      return {
        namespaces: namespaces.map(namespaceView),
        schema: '/v2/schemas/metadefs/namespaces',
        first: first.size > 0 ? `${namespacesPath}?${first}` : namespacesPath,
        ...(more && last && { next: nextHref(request.url, namespacesPath, last.name, page.limit) }),
      };
    },
  }),
  route({
    method: 'POST',
    path: namespacesPath,
    rule: metadefPolicy.add_metadef_namespace,
    summary: 'Create a namespace of metadata definitions, with what is in it',
    body: NamespaceBody,
    status: 201,
    async handler({ ctx, body }, h) {
      refuseReadOnly(body);
      const namespace = await createNamespace(deps, ctx, namespaceOf(body, ctx.projectId), contentsOf(body));
      const location = `${deps.publicUrl}/image${namespacesPath}/${encodeURIComponent(namespace.name)}`;
      return h.response(namespaceView(namespace)).code(201).header('location', location);
    },
  }),
  route({
    method: 'GET',
    path: `${namespacesPath}/{namespace}`,
    rule: metadefPolicy.get_metadef_namespace,
    summary: 'Show a namespace of metadata definitions, and all that is in it',
    status: 200,
    async handler({ ctx, params, query }) {
      const shown = await showNamespace(deps, ctx, params.namespace!);
      const resourceType = one(query.resource_type);
      return namespaceView(resourceType ? { ...shown, ...prefixedFor(resourceType, shown) } : shown);
    },
  }),
  route({
    method: 'PUT',
    path: `${namespacesPath}/{namespace}`,
    rule: metadefPolicy.modify_metadef_namespace,
    summary: 'Replace what is said of a namespace itself',
    body: NamespaceBody,
    status: 200,
    async handler({ ctx, params, body }) {
      refuseReadOnly(body);
      const asked = namespaceOf(body, ctx.projectId);
      return namespaceView(await changeNamespace(deps, ctx, params.namespace!, asked));
    },
  }),
  route({
    method: 'DELETE',
    path: `${namespacesPath}/{namespace}`,
    rule: metadefPolicy.delete_metadef_namespace,
    summary: 'Delete a namespace of metadata definitions, with all that is in it',
    status: 204,
    async handler({ ctx, params }, h) {
      await deleteNamespace(deps, ctx, params.namespace!);
      return noContent(h);
    },
  }),
];

/** The newest first, unless `sort_key` or `sort_dir` say otherwise. */
export function metadefSortKeys(query: Record<string, unknown>, columns: Record<string, string>) {
  const { sort_key = 'created_at', sort_dir = 'desc' } = query;
  return sortKeys({ sort_key: one(sort_key), sort_dir: one(sort_dir) }, columns, []);
}

function filterOf(query: Record<string, unknown>): NamespaceFilter {
  const filter: NamespaceFilter = {};
  const visibility = one(query.visibility);
  if (visibility === 'public' || visibility === 'private') filter.visibility = visibility;
  else if (visibility) throw new BadRequest(`Invalid visibility value: ${visibility}`);
  const resourceTypes = one(query.resource_types);
  if (resourceTypes !== undefined) filter.resourceTypes = resourceTypes.split(',');
  return filter;
}
