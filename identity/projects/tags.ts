import type { Knex } from '../../common/database/database.ts';
import { one } from '../../common/http/page.ts';
import type { TagFilter } from '../domains/domain.ts';

/** Reads `tags`, `tags-any`, `not-tags` and `not-tags-any`, each a list with commas (the API working group's tags guideline). */
export function tagFilter(query: Record<string, unknown>): TagFilter {
  const list = (name: string) => one(query[name])?.split(',');
  const [all, any, notAll, notAny] = [list('tags'), list('tags-any'), list('not-tags'), list('not-tags-any')];
  return { ...(all && { all }), ...(any && { any }), ...(notAll && { notAll }), ...(notAny && { notAny }) };
}

/** Narrows a query of a table with the column `tags`. */
export function applyTagFilter(query: Knex.QueryBuilder, filter: TagFilter = {}): void {
  const { all, any, notAll, notAny } = filter;
  if (all) query.whereRaw('tags @> ?::text[]', [all]);
  if (any) query.whereRaw('tags && ?::text[]', [any]);
  if (notAll) query.whereRaw('not tags @> ?::text[]', [notAll]);
  if (notAny) query.whereRaw('not tags && ?::text[]', [notAny]);
}
