/**
 * The tables and columns we use, with their types, so that a row is typed and its JSON can be read: OVSDB writes a set of
 * one element as the bare element (RFC 7047, 5.1), which cannot be told from a scalar without the schema.
 * Sources: ovn-nb(5), ovn-sb(5).
 */
import { PermanentFailure } from '../../../common/errors.ts';

export type Atom = 'string' | 'uuid' | 'integer' | 'boolean';

interface Column {
  shape: 'one' | 'optional' | 'set' | 'map';
  atom: Atom;
}

const one = <A extends Atom>(atom: A) => ({ shape: 'one', atom }) as const;
const optional = <A extends Atom>(atom: A) => ({ shape: 'optional', atom }) as const;
const set = <A extends 'string' | 'uuid'>(atom: A) => ({ shape: 'set', atom }) as const;
/** Every map we use is from strings to strings. */
const map = { shape: 'map', atom: 'string' } as const;

export const northbound = {
  Logical_Switch: { name: one('string'), ports: set('uuid'), acls: set('uuid'), other_config: map, external_ids: map },
  Logical_Switch_Port: {
    name: one('string'),
    type: one('string'),
    options: map,
    addresses: set('string'),
    port_security: set('string'),
    up: optional('boolean'),
    enabled: optional('boolean'),
    dhcpv4_options: optional('uuid'),
    dhcpv6_options: optional('uuid'),
    external_ids: map,
  },
  DHCP_Options: { cidr: one('string'), options: map, external_ids: map },
  Logical_Router: {
    name: one('string'),
    ports: set('uuid'),
    static_routes: set('uuid'),
    nat: set('uuid'),
    enabled: optional('boolean'),
    options: map,
    external_ids: map,
  },
  Logical_Router_Port: {
    name: one('string'),
    mac: one('string'),
    networks: set('string'),
    gateway_chassis: set('uuid'),
    ipv6_ra_configs: map,
    options: map,
    external_ids: map,
  },
  Logical_Router_Static_Route: {
    ip_prefix: one('string'),
    nexthop: one('string'),
    output_port: optional('string'),
    external_ids: map,
  },
  NAT: { type: one('string'), external_ip: one('string'), logical_ip: one('string'), external_ids: map },
  Gateway_Chassis: { name: one('string'), chassis_name: one('string'), priority: one('integer'), external_ids: map },
  Port_Group: { name: one('string'), ports: set('uuid'), acls: set('uuid'), external_ids: map },
  ACL: {
    direction: one('string'),
    priority: one('integer'),
    match: one('string'),
    action: one('string'),
    external_ids: map,
  },
} as const satisfies Schema;

export const southbound = {
  Chassis: { name: one('string'), other_config: map },
} as const satisfies Schema;

export type Schema = Record<string, Record<string, Column>>;

type AtomValue<A extends Atom> = A extends 'boolean' ? boolean : A extends 'integer' ? number : string;

type ColumnValue<C extends Column> = C['shape'] extends 'map'
  ? Readonly<Record<string, string>>
  : C['shape'] extends 'set'
    ? ReadonlySet<string>
    : C['shape'] extends 'optional'
      ? AtomValue<C['atom']> | null
      : AtomValue<C['atom']>;

export type Value = string | number | boolean | null | ReadonlySet<string> | Readonly<Record<string, string>>;

/** A row as we hold it; its uuid is its key in the table. */
export type Row<T extends Record<string, Column>> = { readonly [C in keyof T]: ColumnValue<T[C]> };

export type Northbound = typeof northbound;
export type Southbound = typeof southbound;

/** What OVSDB writes, as ours. Throws when it is not of the column's type. */
export function decodeValue(column: Column, json: unknown): Value {
  switch (column.shape) {
    case 'one':
      return decodeAtom(column.atom, json);
    case 'optional': {
      const [first] = elements(json);
      return first === undefined ? null : decodeAtom(column.atom, first);
    }
    case 'set':
      return new Set(elements(json).map((element) => String(decodeAtom(column.atom, element))));
    case 'map':
      return Object.fromEntries(pairs(json));
  }
}

/** Ours, as OVSDB reads it. */
export function encodeValue(column: Column, value: Value): unknown {
  if (column.shape === 'map') {
    const entries = Object.entries(value as Record<string, string>);
    return ['map', entries.map((pair) => pair.map((element) => encodeAtom('string', element)))];
  }
  if (column.shape === 'set') {
    return ['set', [...(value as ReadonlySet<string>)].map((element) => encodeAtom(column.atom, element))];
  }
  if (value === null) return ['set', []];
  return encodeAtom(column.atom, value as string | number | boolean);
}

/** The value after a `modify` of update2: sets and maps carry only what differs (ovsdb-server(7), 4.1.14). */
export function applyDifference(column: Column, old: Value, json: unknown): Value {
  if (column.shape === 'one') return decodeAtom(column.atom, json);
  if (column.shape === 'map') {
    const result = { ...(old as Record<string, string>) };
    for (const [key, value] of pairs(json)) {
      if (result[key] === value) delete result[key];
      else result[key] = value;
    }
    return result;
  }
  const difference = elements(json).map((element) => decodeAtom(column.atom, element));
  if (column.shape === 'optional') return difference.find((element) => element !== old) ?? null;
  return (old as ReadonlySet<string>).symmetricDifference(new Set(difference.map(String)));
}

/** What a column holds when an insert does not name it. */
export function emptyValue(column: Column): Value {
  if (column.shape === 'map') return {};
  if (column.shape === 'set') return new Set();
  if (column.shape === 'optional') return null;
  return column.atom === 'boolean' ? false : column.atom === 'integer' ? 0 : '';
}

export function sameValue(a: Value, b: Value): boolean {
  if (a instanceof Set && b instanceof Set) return a.size === b.size && a.isSubsetOf(b);
  if (isMap(a) && isMap(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
  }
  return a === b;
}

const isMap = (value: Value): value is Readonly<Record<string, string>> =>
  typeof value === 'object' && value !== null && !(value instanceof Set);

function decodeAtom(atom: Atom, json: unknown): string | number | boolean {
  if (atom === 'uuid' && Array.isArray(json) && json[0] === 'uuid' && typeof json[1] === 'string') return json[1];
  if (atom === 'string' && typeof json === 'string') return json;
  if (atom === 'integer' && typeof json === 'number') return json;
  if (atom === 'boolean' && typeof json === 'boolean') return json;
  throw new Error(`Not of type ${atom}: ${JSON.stringify(json)}`);
}

function encodeAtom(atom: Atom, value: string | number | boolean): unknown {
  // The server drops the connection over either (ovsdb-server(7), 4.1), and with it everybody's calls.
  if (typeof value === 'string' && (value.includes('\0') || !value.isWellFormed())) {
    throw new PermanentFailure('A text holds characters that the network engine cannot store.');
  }
  return atom === 'uuid' ? ['uuid', value] : value;
}

const elements = (json: unknown): unknown[] =>
  Array.isArray(json) && json[0] === 'set' && Array.isArray(json[1]) ? json[1] : [json];

function pairs(json: unknown): [string, string][] {
  if (Array.isArray(json) && json[0] === 'map' && Array.isArray(json[1])) return json[1];
  throw new Error(`Not a map: ${JSON.stringify(json)}`);
}
