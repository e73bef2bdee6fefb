import { BadRequest } from '../errors.ts';
import type { PageRequest } from '../http/page.ts';
import type { Knex } from './database.ts';
import { neverPrepared } from './preparing.ts';

export interface SortKey {
  column: string;
  direction: 'asc' | 'desc';
  /** Rows without a value come last upwards and first downwards, as PostgreSQL sorts them. Such a key keeps no index in use. */
  isNullable?: true;
}

/** What may be sorted by, by its name in the API: a column that is never null, or one that may be. */
export type Sortable = Readonly<Record<string, string | Pick<SortKey, 'column' | 'isNullable'>>>;

/** Reads `sort_key`/`sort_dir` pairs (or `sort=key:dir,…`). Those `ignored` are passed over with their direction. */
export function sortKeys(
  query: Record<string, unknown>,
  columns: Sortable,
  fallback: SortKey[],
  ignored: ReadonlySet<string> = new Set(),
): SortKey[] {
  const asked = askedFor(query).filter(({ key }) => !ignored.has(key));
  if (asked.length === 0) return fallback;
  return asked.map(({ key, direction = 'asc' }) => {
    const column = Object.hasOwn(columns, key) ? columns[key] : undefined;
    if (column === undefined)
      throw new BadRequest(`Sorting by ${key} is not supported; use one of ${Object.keys(columns).join(', ')}.`);
    if (direction !== 'asc' && direction !== 'desc')
      throw new BadRequest(`Unknown sort direction ${direction}, must be asc or desc.`);
    return typeof column === 'string' ? { column, direction } : { ...column, direction };
  });
}

function askedFor(query: Record<string, unknown>): { key: string; direction?: string }[] {
  const list = (value: unknown) => [value ?? []].flat().filter((v) => typeof v === 'string');
  if (typeof query.sort === 'string')
    return query.sort.split(',').map((part) => {
      const [key = '', direction] = part.split(':');
      return { key, direction };
    });
  const directions = list(query.sort_dir);
  return list(query.sort_key).map((key, i) => ({ key, direction: directions[i] ?? directions.at(-1) }));
}

/**
 * One page of `query` by keyset: rows strictly after the marker's, whatever was inserted or removed meanwhile. `id` breaks
 * ties and must be among the selected columns. With `asArrays` rows are the values alone, see array-rows.ts. A marker outside of what `query` can see throws `BadRequest`.
 */
export async function selectPage<Row extends object>(
  query: Knex.QueryBuilder,
  { limit, marker }: PageRequest,
  keys: SortKey[],
  { idColumn = 'id', asArrays = false }: { idColumn?: string; asArrays?: boolean } = {},
): Promise<{ rows: Row[]; more: boolean }> {
  const all = keys.some((key) => key.column === idColumn)
    ? keys
    : [...keys, { column: idColumn, direction: keys.at(-1)?.direction ?? 'asc' } satisfies SortKey];
  query.options(neverPrepared);
  if (marker !== undefined) {
    const last = await query
      .clone()
      .clearSelect()
      .select(all.map((key) => key.column))
      .where(idColumn, marker)
      .first();
    if (last === undefined) throw new BadRequest(`marker [${marker}] not found`);
    whereAfter(query, all, (key) => last[unqualified(key.column)]);
  }
  for (const key of all) query.orderBy(key.column, key.direction);
  if (asArrays) query.options({ rowMode: 'array' });
  const rows: Row[] = await query.limit(limit + 1);
  return { rows: rows.slice(0, limit), more: rows.length > limit && limit > 0 };
}

/**
 * Rows that the order has strictly after the one with `markedBy` each key. As many keys as run in one direction are compared as
 * a row, which an index over them can begin at; PostgreSQL finds no such beginning in the alternatives that the others need.
 */
function whereAfter(query: Knex.QueryBuilder, keys: SortKey[], markedBy: (key: SortKey) => unknown): void {
  const turn = keys.findIndex(({ direction, isNullable }) => isNullable || direction !== keys[0]?.direction);
  const row = turn === -1 ? keys : keys.slice(0, turn);
  if (row.length > 0) {
    const columns = row.map(() => '??').join(', ');
    const values = row.map(() => '?').join(', ');
    const comparison = `${row[0]?.direction === 'asc' ? '>' : '<'}${turn === -1 ? '' : '='}`;
    query.whereRaw(`(${columns}) ${comparison} (${values})`, [
      ...row.map(({ column }) => column),
      ...row.map((key) => markedBy(key) as Knex.Value),
    ]);
  }
  if (turn === -1) return;
  query.where((after) => {
    keys.forEach((key, i) => {
      after.orWhere((clause) => {
        for (const before of keys.slice(0, i)) clause.where(before.column, markedBy(before) as Knex.Value);
        whereBeyond(clause, key, markedBy(key) as Knex.Value);
      });
    });
  });
}

/** Rows whose one key is strictly after a value; null is the greatest. */
function whereBeyond(clause: Knex.QueryBuilder, { column, direction, isNullable }: SortKey, value: Knex.Value): void {
  if (value === null && direction === 'asc') clause.whereRaw('false');
  else if (value === null) clause.whereNotNull(column);
  else if (direction === 'desc') clause.where(column, '<', value);
  else
    clause.where((either) => {
      either.where(column, '>', value);
      if (isNullable) either.orWhereNull(column);
    });
}

function unqualified(column: string): string {
  return column.slice(column.lastIndexOf('.') + 1);
}
