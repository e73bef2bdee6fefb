import type { SortKey } from '../../common/database/page.ts';
import { BadRequest } from '../../common/errors.ts';
import { flag, many, one } from '../../common/http/page.ts';
import { visibilities } from '../images/image.ts';
import { type ImageFilter, type ListColumn, type NumberColumn, newestFirst, sortColumns } from '../images/listing.ts';

type Query = Record<string, string | string[]>;

/** What says which part of the list, in which order, and no property of an image. */
const pageParameters = ['limit', 'marker', 'sort', 'sort_key', 'sort_dir'];
const flags = ['member_status', 'os_hidden', 'tag', 'visibility', 'protected', '__proto__'];
const other = new Set([...pageParameters, ...flags]);

const texts: Record<string, ListColumn> = {
  id: 'id',
  name: 'name',
  status: 'status',
  owner: 'owner',
  disk_format: 'disk_format',
  container_format: 'container_format',
  checksum: 'md5',
  os_hash_value: 'sha512',
};
const numbers: Record<string, NumberColumn> = {
  size: 'size_bytes',
  virtual_size: 'virtual_size_bytes',
  min_disk: 'min_disk_gib',
  min_ram: 'min_ram_mib',
};
const times = { created_at: 'created_at', updated_at: 'updated_at' } as const;
const operators = { gt: '>', gte: '>=', lt: '<', lte: '<=', eq: '=', neq: '<>' } as const;
const operated = /^(gt|gte|lt|lte|eq|neq|in):(.*)$/s;

/**
 * Reads Glance's filters. What is no field of an image is taken for a property; by one that the caller may not read nothing is
 * found, as if no image had it. Throws `BadRequest` that names the filter.
 */
export function imageFilter(query: Query, mayRead: (property: string) => boolean): ImageFilter {
  if (query['changes-since'] !== undefined) throw new BadRequest('The filter changes-since is not available on v2.');
  const filter: ImageFilter = {
    memberStatus: choice(query, 'member_status', ['pending', 'accepted', 'rejected', 'all']) ?? 'accepted',
    isHidden: flag(query.os_hidden, 'os_hidden') ?? false,
    oneOf: [],
    comparisons: [],
    tags: many(query.tag).map((tag) => tag.trim()),
    properties: {},
  };
  const visibility = choice(query, 'visibility', [...visibilities, 'all']);
  if (visibility !== undefined) filter.visibility = visibility;
  const isProtected = flag(query.protected, 'protected');
  if (isProtected !== undefined) filter.isProtected = isProtected;
  for (const [key, values] of Object.entries(query)) {
    if (other.has(key)) continue;
    const comparison = comparisonOf(key);
    if (Object.hasOwn(texts, key))
      for (const value of many(values)) filter.oneOf.push({ column: texts[key]!, values: members(key, value) });
    else if (comparison !== undefined) filter.comparisons.push(...many(values).map(comparison));
    else if (mayRead(key)) filter.properties[key] = one(values) ?? '';
    else filter.oneOf.push({ column: 'id', values: [] });
  }
  return filter;
}

/** Reads `sort=key:dir,…`, or `sort_key` and `sort_dir` given as often. Downwards where no direction is said, as in Glance. */
export function imageSortKeys(query: Query): SortKey[] {
  const [keys, directions] = [many(query.sort_key), many(query.sort_dir)];
  const sort = one(query.sort);
  if (sort === undefined) {
    if (directions.length > 1 && directions.length !== keys.length)
      throw new BadRequest('Number of sort dirs does not match the number of sort keys.');
    if (keys.length === 0 && directions.length === 1)
      return newestFirst.map(({ column }) => sortKey(column, directions[0]));
    if (keys.length === 0) return newestFirst;
    return keys.map((key, i) => sortKey(key.trim(), directions[i] ?? directions[0]));
  }
  if (keys.length + directions.length > 0) throw new BadRequest('Old and new sorting syntax cannot be combined.');
  return sort.split(',').map((part) => {
    const [key = '', direction] = part.split(':');
    return sortKey(key.trim(), direction?.trim() || undefined);
  });
}

function sortKey(key: string, direction = 'desc'): SortKey {
  const column = Object.hasOwn(sortColumns, key) ? sortColumns[key as keyof typeof sortColumns] : undefined;
  if (column === undefined)
    throw new BadRequest(`Sorting by ${key} is not supported; use one of ${Object.keys(sortColumns).join(', ')}.`);
  if (direction !== 'asc' && direction !== 'desc')
    throw new BadRequest(`Unknown sort direction ${direction}, must be asc or desc.`);
  return { column, direction };
}

function choice<const T extends string>(query: Query, key: string, allowed: readonly T[]): T | undefined {
  const value = one(query[key]);
  if (value === undefined) return undefined;
  const found = allowed.find((word) => word === value);
  if (found === undefined) throw new BadRequest(`Invalid ${key} value: ${value}. It is one of ${allowed.join(', ')}.`);
  return found;
}

/** `in:a,"b,c"` names several values; `eq:a` and `a` one. */
function members(key: string, value: string): string[] {
  const [, operator, text = value] = operated.exec(value) ?? [];
  if (operator === 'in') return splitList(text);
  if (operator !== undefined && operator !== 'eq')
    throw new BadRequest(`Unable to filter ${key} by the operator ${operator}.`);
  return [text];
}

/** Commas inside double quotes belong to the value. */
function splitList(text: string): string[] {
  const parts = text.match(/("[^"]*"|[^",]+)(?=,|$)/g);
  if (parts === null || parts.join(',') !== text) throw new BadRequest(`Invalid filter value ${text}.`);
  return parts.map((part) => part.replace(/^"(.*)"$/, '$1'));
}

type Comparison = ImageFilter['comparisons'][number];

/** How a filter of that name is read; undefined when it is none of a number or a time. */
function comparisonOf(key: string): ((value: string) => Comparison) | undefined {
  if (Object.hasOwn(times, key)) return (value) => timeComparison(key as keyof typeof times, value);
  if (Object.hasOwn(numbers, key)) return (value) => numberComparison(key, numbers[key]!, value);
  const [, field = '', end] = /^(.+)_(min|max)$/.exec(key) ?? [];
  if (!Object.hasOwn(numbers, field)) return undefined;
  return (value) => numberComparison(key, numbers[field]!, `${end === 'min' ? 'gte' : 'lte'}:${value}`);
}

function numberComparison(key: string, column: NumberColumn, value: string): Comparison {
  const [, operator = 'eq', text = value] = operated.exec(value) ?? [];
  if (operator === 'in' || !/^\d{1,15}$/.test(text))
    throw new BadRequest(`Invalid input for query parameter ${key}. Value: ${value}.`);
  return { column, operator: operators[operator as keyof typeof operators], value: Number(text) };
}

function timeComparison(key: keyof typeof times, value: string): Comparison {
  const [, operator = 'eq', text = value] = operated.exec(value) ?? [];
  const time = new Date(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  if (operator === 'in' || Number.isNaN(time.getTime()))
    throw new BadRequest(`Invalid time format for ${key}: ${text}.`);
  return { column: times[key], operator: operators[operator as keyof typeof operators], value: time };
}
