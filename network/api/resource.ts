import { type Context, type ProjectContext, type Visible, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { noContent, type Route, route } from '../../common/http/route.ts';
import { isUuid } from '../../common/ids.ts';
import type { Target } from '../../common/policy/check-string.ts';
import type { Rule } from '../../common/policy/rules.ts';
import type { ApiDeps } from './deps.ts';
import { answer, type Listing, listPage, selected } from './listing.ts';

/** What one collection of the API is, for the requests that are alike in all of them. */
export interface Resource<Row extends { id: string }> {
  listing: Listing;
  /** `network`: the key around a single one. */
  member: string;
  /** `Network`: the name in `NetworkNotFound`. */
  resource: string;
  rule: Rule<'project'>;
  /** The rows that a caller may see, each all that its view needs. */
  rows: (db: Knex, visible: Visible) => Knex.QueryBuilder;
  view: (ctx: ProjectContext) => (row: Row) => Record<string, unknown>;
  /** Called before a list, for what exists as soon as somebody looks. */
  beforeList?: (ctx: ProjectContext) => Promise<unknown>;
}

/** `/v2.0/security-groups`: paths have dashes where keys have underscores. */
export function pathOf({ collection }: Listing): string {
  return `/v2.0/${collection.replaceAll('_', '-')}`;
}

/** The list and the single resource. */
export function readRoutes<Row extends { id: string }>(deps: ApiDeps, spec: Resource<Row>): Route[] {
  const { listing, member, rule } = spec;
  const path = pathOf(listing);
  return [
    route({
      method: 'GET',
      path,
      rule,
      summary: `List ${listing.collection}`,
      status: 200,
      async handler({ ctx, query }) {
        await spec.beforeList?.(ctx);
        const page = await listPage<Row>(
          spec.rows(deps.db, visibleTo(ctx)),
          listing,
          query,
          `${deps.url}${path.slice('/v2.0'.length)}`,
        );
        return answer(listing, page, query, spec.view(ctx));
      },
    }),
    route({
      method: 'GET',
      path: `${path}/{id}`,
      rule,
      summary: `Show one of the ${listing.collection.replaceAll('_', ' ')}`,
      status: 200,
      async handler({ ctx, params: { id = '' }, query }) {
        const rows = spec.rows(deps.db, visibleTo(ctx));
        const row: Row | undefined = isUuid(id) ? await rows.where(listing.idColumn, id).first() : undefined;
        if (row === undefined) throw new NotFound(spec.resource, id);
        return { [member]: selected(spec.view(ctx)(row), query) };
      },
    }),
  ];
}

/** Before anything is looked up a request is about the caller's own; the operation asks again, once it knows whose it is. */
export const own = (_params: Record<string, string>, ctx: Context): Target => ({
  project_id: ctx.projectId,
  'network:project_id': ctx.projectId,
});

/** `DELETE` of one. */
export function deleteRoute(
  listing: Listing,
  rule: Rule<'project'>,
  remove: (ctx: ProjectContext, id: string) => Promise<void>,
): Route {
  return route({
    method: 'DELETE',
    path: `${pathOf(listing)}/{id}`,
    rule,
    target: own,
    summary: `Delete one of ${listing.collection}`,
    status: 204,
    async handler({ ctx, params }, h) {
      await remove(ctx, params.id ?? '');
      return noContent(h);
    },
  });
}
