/** The operations of a transaction (RFC 7047, 5.2), and how a wanted row becomes the fewest of them. */
import { PermanentFailure } from '../../../common/errors.ts';
import { encodeValue, type Row, type Schema, sameValue, type Value } from './columns.ts';
import type { Tables } from './replica.ts';

export interface Operation {
  op: 'insert' | 'update' | 'mutate' | 'delete' | 'wait';
  table: string;
  [member: string]: unknown;
}

type SetColumn<S extends Schema, T extends keyof S> = {
  [C in keyof S[T]]: S[T][C]['shape'] extends 'set' ? C : never;
}[keyof S[T]] &
  string;

const byUuid = (uuid: string) => [['_uuid', '==', ['uuid', uuid]]];

/** Collects what one transaction has to do; plans read `tables` and call these. */
export class Changes<S extends Schema> {
  readonly operations: Operation[] = [];
  readonly tables: Tables<S>;
  readonly #schema: S;
  readonly #expected = new Set<string>();
  readonly #inserted = new Map<string, Record<string, unknown>>();

  constructor(schema: S, tables: Tables<S>) {
    this.#schema = schema;
    this.tables = tables;
  }

  /** Inserts the row under this very uuid, or updates those of its columns that differ. */
  put<T extends keyof S & string>(table: T, uuid: string, wanted: Partial<Row<S[T]>>): void {
    const present = this.tables.find(table, uuid);
    const columns = Object.entries(wanted) as [string, Value][];
    if (present === undefined) {
      this.#insert(table, uuid, this.#encode(table, columns));
      return;
    }
    const different = columns.filter(([name, value]) => !sameValue(present[name] as Value, value));
    if (different.length > 0) {
      this.operations.push({ op: 'update', table, where: byUuid(uuid), row: this.#encode(table, different) });
    }
  }

  /**
   * Adds elements to a set and takes others away, without touching the rest of it: other transactions may be changing the
   * same set. Elements already there, or already gone, cost nothing.
   */
  mutateSet<T extends keyof S & string>(
    table: T,
    uuid: string,
    column: SetColumn<S, T>,
    { add = [], remove = [] }: { add?: Iterable<string>; remove?: Iterable<string> },
  ): void {
    const present = this.tables.find(table, uuid)?.[column] as ReadonlySet<string> | undefined;
    const missing = [...add].filter((element) => present?.has(element) !== true);
    const surplus = [...remove].filter((element) => present?.has(element) === true);
    const mutations: unknown[] = [];
    if (surplus.length > 0) mutations.push([column, 'delete', this.#encodeOne(table, column, new Set(surplus))]);
    if (missing.length > 0) mutations.push([column, 'insert', this.#encodeOne(table, column, new Set(missing))]);
    if (mutations.length > 0) this.operations.push({ op: 'mutate', table, where: byUuid(uuid), mutations });
  }

  /** Makes the set these elements and no others; for a set that has one owner. */
  replaceSet<T extends keyof S & string>(table: T, uuid: string, column: SetColumn<S, T>, wanted: Set<string>): void {
    const present = this.tables.find(table, uuid)?.[column] as ReadonlySet<string> | undefined;
    this.mutateSet(table, uuid, column, { add: wanted, remove: present?.difference(wanted) ?? [] });
  }

  /** Deletes the row if it is there. Rows that only it held on to (ports of a switch, …) go with it. */
  delete<T extends keyof S & string>(table: T, uuid: string): void {
    if (this.tables.find(table, uuid) === undefined) return;
    this.operations.push({ op: 'delete', table, where: byUuid(uuid) });
  }

  /**
   * The transaction shall fail unless the row still has this value: what we decided rests on it. Goes to the front, since
   * what follows may change the row.
   */
  expect<T extends keyof S & string>(table: T, uuid: string, column: keyof S[T] & string): void {
    const key = `${table} ${uuid} ${column}`;
    const present = this.tables.find(table, uuid);
    if (present === undefined || this.#expected.has(key)) return;
    this.#expected.add(key);
    const rows = [{ [column]: this.#encodeOne(table, column, present[column] as Value) }];
    this.operations.unshift({
      op: 'wait',
      table,
      where: byUuid(uuid),
      columns: [column],
      until: '==',
      rows,
      timeout: 0,
    });
  }

  /** Whether there is anything to do but to look. */
  get isEmpty(): boolean {
    return this.operations.every(({ op }) => op === 'wait');
  }

  /** Wanted twice, by two of its users: inserted once. */
  #insert(table: string, uuid: string, row: Record<string, unknown>): void {
    const earlier = this.#inserted.get(`${table} ${uuid}`);
    if (earlier !== undefined) {
      Object.assign(earlier, row);
      return;
    }
    // The server would take it and lose one of the two: see names.ts.
    const other = Object.keys(this.#schema).find((name) => {
      return name !== table && (this.tables.find(name, uuid) !== undefined || this.#inserted.has(`${name} ${uuid}`));
    });
    if (other !== undefined) throw new PermanentFailure(`${uuid} is the id of two different things.`);
    this.#inserted.set(`${table} ${uuid}`, row);
    this.operations.push({ op: 'insert', table, uuid, row });
  }

  #encode(table: string, columns: [string, Value][]): Record<string, unknown> {
    return Object.fromEntries(columns.map(([name, value]) => [name, this.#encodeOne(table, name, value)]));
  }

  #encodeOne(table: string, column: string, value: Value): unknown {
    return encodeValue(this.#schema[table]![column]!, value);
  }
}
