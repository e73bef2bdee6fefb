/** What objects, properties and tags of a namespace have in common in the API. */
import { one, pageRequest } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import type { Rule } from '../../common/policy/rules.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { type Kind, sortColumns } from '../metadefs/contents.ts';
import { deleteContent, deleteContents } from '../metadefs/contents-operations.ts';
import { metadefSortKeys } from './metadefs.ts';

/** Objects and tags have no default limit in Glance; this is more than a namespace can be read with. */
const unlimited = 1_000_000;

/** How a list of objects or tags was asked for. */
export function contentsPaging(query: Record<string, unknown>) {
  const { marker } = query;
  const page = pageRequest({ ...query, marker: one(marker) || undefined }, unlimited);
  return { page, keys: metadefSortKeys(query, sortColumns) };
}

/** What is deleted: at `path` all of a namespace, at `path/{parameter}` one. `words` are for summaries: one, and all. */
interface Deletion<T extends { name: string }> {
  path: string;
  kind: Kind<T>;
  parameter: string;
  words: [one: string, all: string];
  rules: { one: Rule<'project'>; all: Rule<'project'> };
}

/** `DELETE` of one, and of all, of a kind. */
export function deletionRoutes<T extends { name: string }>(
  deps: ImageModuleDeps,
  { path, kind, parameter, words: [one, all], rules }: Deletion<T>,
) {
  return [
    route({
      method: 'DELETE',
      path,
      rule: rules.all,
      summary: `Delete all ${all} of a namespace`,
      status: 204,
      async handler({ ctx, params }, h) {
        await deleteContents(deps, ctx, params.namespace!, kind);
        return noContent(h);
      },
    }),
    route({
      method: 'DELETE',
      path: `${path}/{${parameter}}`,
      rule: rules.one,
      summary: `Delete ${one} of a namespace`,
      status: 204,
      async handler({ ctx, params }, h) {
        await deleteContent(deps, ctx, params.namespace!, kind, params[parameter]!);
        return noContent(h);
      },
    }),
  ];
}
