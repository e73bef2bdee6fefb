import type { Knex } from '../../common/database/database.ts';
import { type SortKey, selectPage } from '../../common/database/page.ts';
import { BadRequest } from '../../common/errors.ts';
import { many, nextHref, one, type PageRequest, pageRequest } from '../../common/http/page.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';

/** How a text is compared: exactly, or as `name__contains` and its like ask (keystone's inexact filters; `i…` ignores case). */
export interface TextFilter {
  column: string;
  comparison: Comparison;
  value: string;
}

const comparisons = [
  'equals',
  'iequals',
  'contains',
  'icontains',
  'startswith',
  'istartswith',
  'endswith',
  'iendswith',
] as const;
type Comparison = (typeof comparisons)[number];

/**
 * Reads the text filters of a query: `name=x`, `name__contains=x` and so on, for each API name that `columns` maps to a
 * column. A comparison that does not exist is ignored, as keystone ignores it.
 */
export function textFilters(query: Record<string, unknown>, columns: Readonly<Record<string, string>>): TextFilter[] {
  return Object.entries(query).flatMap(([key, values]) => {
    const [name = '', comparison = 'equals'] = key.split('__');
    const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
    if (column === undefined || !isComparison(comparison)) return [];
    return many(values).map((value) => ({ column, comparison, value: storable(value) }));
  });
}

function isComparison(text: string): text is Comparison {
  return (comparisons as readonly string[]).includes(text);
}

function storable(value: string): string {
  if (value.includes('\0')) throw new BadRequest('A filter holds a character that no name can have.');
  return value;
}

/** Narrows a query by text filters. `%` and `_` in a value stand for themselves. */
export function applyTextFilters<Q extends Knex.QueryBuilder>(query: Q, filters: readonly TextFilter[]): Q {
  for (const { column, comparison, value } of filters) {
    if (comparison === 'equals') {
      query.where(column, value);
      continue;
    }
    const operator = comparison.startsWith('i') ? 'ilike' : 'like';
    query.whereRaw(`?? ${operator} ? escape '\\'`, [column, patternOf(comparison.replace(/^i/, ''), value)]);
  }
  return query;
}

function patternOf(comparison: string, value: string): string {
  const text = value.replaceAll(/[\\%_]/g, '\\$&');
  if (comparison === 'contains') return `%${text}%`;
  if (comparison === 'startswith') return `${text}%`;
  return comparison === 'endswith' ? `%${text}` : text;
}

/** Most items of one answer, also when no `limit` was given. */
export const longestList = 10_000;

/** What of a list is asked for; without `limit` all of it, as keystone's clients expect. */
export function identityPage(query: Record<string, unknown>): PageRequest {
  return pageRequest(query, longestList);
}

/** One page of rows in the order of `keys`, by keyset. */
export function pageOf<Row extends object>(
  query: Knex.QueryBuilder,
  page: PageRequest,
  keys: SortKey[] = [{ column: 'name', direction: 'asc' }],
  options: { idColumn?: string } = {},
): Promise<{ rows: Row[]; more: boolean }> {
  return selectPage<Row>(query, page, keys, options);
}

/** `{"users": […], "links": {"self", "next", "previous": null}}`, and `truncated` where an unlimited list was cut. */
export function listView<T extends { id: string }>(
  deps: Pick<IdentityDeps, 'publicUrl'>,
  name: string,
  views: T[],
  { url, more = false, path = name }: { url: URL; more?: boolean; path?: string },
) {
  const base = `${identityUrl(deps)}/${path}`;
  const last = views.at(-1);
  const limited = one(Object.fromEntries(url.searchParams).limit) !== undefined;
  const next = more && last ? nextHref(url, base, last.id, views.length) : null;
  return {
    [name]: views,
    links: { self: `${base}${url.search}`, previous: null, next },
    ...(more && !limited && { truncated: true }),
  };
}
