import { BadRequest } from '../../common/errors.ts';
import { flag, many, one } from '../../common/http/page.ts';
import { visibilities } from '../images/image.ts';
import type { ImageFilter, ListColumn } from '../images/listing.ts';

type Query = Record<string, string | string[]>;

const pageParameters = new Set(['limit', 'marker', 'sort', 'sort_key', 'sort_dir']);
const columns: Record<string, ListColumn> = {
  id: 'id',
  name: 'name',
  status: 'status',
  owner: 'owner',
  disk_format: 'disk_format',
  container_format: 'container_format',
  checksum: 'md5',
  os_hash_value: 'sha512',
  min_disk: 'min_disk_gib',
  min_ram: 'min_ram_mib',
};
const comparable = { created_at: 'created_at', updated_at: 'updated_at' } as const;
const operators = { gt: '>', gte: '>=', lt: '<', lte: '<=', eq: '=', neq: '<>' } as const;

/** Reads Glance's filters. What is no field of an image is taken for a property. */
export function imageFilter(query: Query): ImageFilter {
  const filter: ImageFilter = {
    memberStatus: choice(query, 'member_status', ['pending', 'accepted', 'rejected', 'all']) ?? 'accepted',
    isHidden: flag(query.os_hidden, 'os_hidden') ?? false,
    oneOf: [],
    comparisons: [],
    tags: many(query.tag),
    properties: {},
  };
  const visibility = choice(query, 'visibility', [...visibilities, 'all']);
  if (visibility !== undefined) filter.visibility = visibility;
  const isProtected = flag(query.protected, 'protected');
  if (isProtected !== undefined) filter.isProtected = isProtected;
  for (const [key, values] of Object.entries(query)) {
    const value = one(values) ?? '';
    if (Object.hasOwn(columns, key)) filter.oneOf.push({ column: columns[key]!, values: members(key, value) });
    else if (Object.hasOwn(comparable, key)) filter.comparisons.push(timeComparison(key as 'created_at', value));
    else if (key === 'size_min' || key === 'size_max') filter.comparisons.push(sizeComparison(key, value));
    else if (!other.has(key) && !pageParameters.has(key)) filter.properties[key] = value;
  }
  return filter;
}

const other = new Set(['member_status', 'os_hidden', 'tag', 'visibility', 'protected', '__proto__']);

function choice<const T extends string>(query: Query, key: string, allowed: readonly T[]): T | undefined {
  const value = one(query[key]);
  if (value === undefined) return undefined;
  const found = allowed.find((word) => word === value);
  if (found === undefined) throw new BadRequest(`Invalid ${key} value: ${value}. It is one of ${allowed.join(', ')}.`);
  return found;
}

/** `in:a,"b,c"` names several values; anything else is one. Numbers are compared as numbers by the database. */
function members(key: string, value: string): string[] {
  const list = value.startsWith('in:') ? splitList(value.slice(3)) : [value];
  if (key === 'min_disk' || key === 'min_ram') {
    const bad = list.find((item) => !/^\d{1,9}$/.test(item));
    if (bad !== undefined) throw new BadRequest(`Invalid input for query parameter ${key}. Value: ${bad}.`);
  }
  return list;
}

/** Commas inside double quotes belong to the value. */
function splitList(text: string): string[] {
  const parts = text.match(/("[^"]*"|[^",]+)(?=,|$)/g);
  if (parts === null || parts.join(',') !== text) throw new BadRequest(`Invalid filter value ${text}.`);
  return parts.map((part) => part.replace(/^"(.*)"$/, '$1'));
}

function timeComparison(key: keyof typeof comparable, value: string): ImageFilter['comparisons'][number] {
  const match = /^(gt|gte|lt|lte|eq|neq):(.+)$/.exec(value);
  const operator = match === null ? 'eq' : (match[1] as keyof typeof operators);
  const text = match === null ? value : match[2]!;
  const time = new Date(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(time.getTime())) throw new BadRequest(`Invalid time format for ${key}: ${text}.`);
  return { column: comparable[key], operator: operators[operator], value: time };
}

function sizeComparison(key: 'size_min' | 'size_max', value: string): ImageFilter['comparisons'][number] {
  if (!/^\d{1,15}$/.test(value)) throw new BadRequest(`Invalid input for query parameter ${key}. Value: ${value}.`);
  return { column: 'size_bytes', operator: key === 'size_min' ? '>=' : '<=', value: Number(value) };
}
