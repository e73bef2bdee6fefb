/**
 * Lists as Neutron answers them: any attribute filters by equality (given twice, either value), `sort_key`/`sort_dir`,
 * `limit`/`marker`/`page_reverse` with links, and `fields`. Each resource says which column is behind which attribute.
 */

import { isIP } from 'node:net';
import type { Knex } from '../../common/database/database.ts';
import { selectPage, sortKeys } from '../../common/database/page.ts';
import { BadRequest } from '../../common/errors.ts';
import { flag, many, one, pageRequest } from '../../common/http/page.ts';
import { isUuid } from '../../common/ids.ts';

export type AttributeKind = 'uuid' | 'text' | 'boolean' | 'integer' | 'address' | 'mac';

export interface Attribute {
  /** Qualified: `n.name`. */
  column: string;
  kind: AttributeKind;
  /** Only where the column is never null. */
  sortable?: true;
}

export interface Listing {
  /** `networks`: the key of the answer. */
  collection: string;
  idColumn: string;
  attributes: Readonly<Record<string, Attribute>>;
  /** Filters that are not equality of one column. */
  filters?: Readonly<Record<string, (query: Knex.QueryBuilder, values: string[]) => void>>;
}

export interface Listed<Row> {
  rows: Row[];
  links: { rel: 'next' | 'previous'; href: string }[];
}

/** One page of `query` as the client asked for it. `base` is the public URL of the collection. */
export async function listPage<Row extends { id: string }>(
  query: Knex.QueryBuilder,
  listing: Listing,
  asked: Record<string, unknown>,
  base: string,
): Promise<Listed<Row>> {
  applyFilters(query, listing, asked);
  const page = pageRequest(one(asked.limit) === '0' ? { ...asked, limit: undefined } : asked); // 0: no limit
  if (page.marker !== undefined && !isUuid(page.marker)) throw new BadRequest(`marker [${page.marker}] not found`);
  const sortable = Object.entries(listing.attributes).filter(([, attribute]) => attribute.sortable);
  const columns = Object.fromEntries(sortable.map(([name, { column }]) => [name, column]));
  const keys = sortKeys(asked, columns, [{ column: listing.idColumn, direction: 'asc' }]);
  const reverse = flag(asked.page_reverse, 'page_reverse') ?? false;
  const directed = reverse
    ? keys.map(({ column, direction }) => ({ column, direction: direction === 'asc' ? 'desc' : 'asc' }) as const)
    : keys;
  const { rows, more } = await selectPage<Row>(query, page, directed, { idColumn: listing.idColumn });
  if (reverse) rows.reverse();
  return { rows, links: links({ rows, more, reverse, marker: page.marker, asked, base }) };
}

function links(page: {
  rows: { id: string }[];
  more: boolean;
  reverse: boolean;
  marker: string | undefined;
  asked: Record<string, unknown>;
  base: string;
}): Listed<never>['links'] {
  const [first, last] = [page.rows[0], page.rows.at(-1)];
  if (!first || !last) return [];
  const href = (marker: string, reverse: boolean) => {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(page.asked))
      if (key !== 'marker' && key !== 'page_reverse') for (const item of many(value)) query.append(key, item);
    query.set('marker', marker);
    if (reverse) query.set('page_reverse', 'True');
    return `${page.base}?${query}`;
  };
  const hasNext = page.reverse ? page.marker !== undefined : page.more;
  const hasPrevious = page.reverse ? page.more : page.marker !== undefined;
  return [
    ...(hasNext ? [{ rel: 'next' as const, href: href(last.id, false) }] : []),
    ...(hasPrevious ? [{ rel: 'previous' as const, href: href(first.id, true) }] : []),
  ];
}

function applyFilters(query: Knex.QueryBuilder, listing: Listing, asked: Record<string, unknown>): void {
  for (const [name, given] of Object.entries(asked)) {
    const values = many(given);
    const custom = own(listing.filters, name);
    if (custom) custom(query, values);
    const attribute = own(listing.attributes, name);
    if (!custom && attribute)
      query.whereIn(attribute.column, values.flatMap((value) => comparable(name, attribute.kind, value)) as string[]);
  }
}

function own<T>(map: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return map && Object.hasOwn(map, name) ? map[name] : undefined;
}

/** What PostgreSQL compares with; nothing when no row can have such a value. */
function comparable(name: string, kind: AttributeKind, value: string): (string | boolean | number)[] {
  switch (kind) {
    case 'text':
      return [value];
    case 'uuid':
      return isUuid(value) ? [value] : [];
    case 'boolean':
      return [flag(value, name) === true];
    case 'integer':
      return /^\d{1,9}$/.test(value) ? [Number(value)] : [];
    case 'address':
      return isIP(value.split('/')[0] ?? '') ? [value] : [];
    case 'mac':
      return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(value) ? [value] : [];
  }
}

/** `tags`: all of them; `tags-any`: one; and the opposites of both. Values are separated by commas. */
export function tagFilters(idColumn: string): NonNullable<Listing['filters']> {
  const tagged = (query: Knex.QueryBuilder, tags: string[], least: number) =>
    query
      .from('network_tags as filtered')
      .select(1 as never)
      .whereRaw('filtered.resource_id = ??', [idColumn])
      .whereIn('filtered.tag', tags)
      .havingRaw('count(*) >= ?', [least]);
  const split = (values: string[]) => [...new Set(values.flatMap((value) => value.split(',')))];
  return {
    tags: (query, values) => query.whereExists((sub) => tagged(sub, split(values), split(values).length)),
    'tags-any': (query, values) => query.whereExists((sub) => tagged(sub, split(values), 1)),
    'not-tags': (query, values) => query.whereNotExists((sub) => tagged(sub, split(values), split(values).length)),
    'not-tags-any': (query, values) => query.whereNotExists((sub) => tagged(sub, split(values), 1)),
  };
}

/** The attributes that were asked for with `fields`, or all. */
export function selected<V extends object>(view: V, asked: Record<string, unknown>): Partial<V> {
  const fields = many(asked.fields).filter((field) => field !== '');
  if (fields.length === 0) return view;
  return Object.fromEntries(Object.entries(view).filter(([name]) => fields.includes(name))) as Partial<V>;
}

/** The answer of a list. */
export function answer<Row, V extends object>(
  listing: Listing,
  { rows, links }: Listed<Row>,
  asked: Record<string, unknown>,
  view: (row: Row) => V,
): Record<string, unknown> {
  const items = rows.map((row) => selected(view(row), asked));
  const { collection } = listing;
  const paged = one(asked.limit) !== undefined || links.length > 0;
  return { [collection]: items, ...(paged && links.length > 0 && { [`${collection}_links`]: links }) };
}
