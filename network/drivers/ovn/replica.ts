/** A copy of the monitored tables, as new as the last message of the server. */
import { applyDifference, decodeValue, emptyValue, type Row, type Schema, type Value } from './columns.ts';

type AnyRow = Record<string, Value>;

/** What a plan may read. */
export interface Tables<S extends Schema> {
  find<T extends keyof S & string>(table: T, uuid: string): Row<S[T]> | undefined;
  rows<T extends keyof S & string>(table: T): IterableIterator<[string, Row<S[T]>]>;
}

export interface RowChange {
  table: string;
  uuid: string;
  before: Readonly<AnyRow> | undefined;
  after: Readonly<AnyRow> | undefined;
}

/** `<table-updates2>`: by table, by row, one of the four (ovsdb-server(7), 4.1.14). */
type Updates = Record<string, Record<string, RowUpdate>>;
type JsonRow = Record<string, unknown>;
type RowUpdate = { initial: JsonRow } | { insert: JsonRow } | { modify: JsonRow } | { delete: null };

export class Replica<S extends Schema> implements Tables<S> {
  readonly #schema: S;
  readonly #tables: Map<string, Map<string, AnyRow>>;

  constructor(schema: S) {
    this.#schema = schema;
    this.#tables = new Map(Object.keys(schema).map((table) => [table, new Map()]));
  }

  find<T extends keyof S & string>(table: T, uuid: string): Row<S[T]> | undefined {
    // The rows of a table are built column by column from the same schema that types them.
    return this.#table(table).get(uuid) as Row<S[T]> | undefined;
  }

  rows<T extends keyof S & string>(table: T): IterableIterator<[string, Row<S[T]>]> {
    return this.#table(table).entries() as IterableIterator<[string, Row<S[T]>]>;
  }

  /** Takes a `<table-updates2>`; returns what it changed. A row is replaced, never altered: whoever holds one may keep it. */
  apply(json: unknown): RowChange[] {
    const changes: RowChange[] = [];
    for (const [table, rows] of Object.entries(json as Updates)) {
      for (const [uuid, update] of Object.entries(rows)) {
        const before = this.#table(table).get(uuid);
        const after = this.#after(table, before, update);
        if (after === undefined) this.#table(table).delete(uuid);
        else this.#table(table).set(uuid, after);
        changes.push({ table, uuid, before, after });
      }
    }
    return changes;
  }

  #table(table: string): Map<string, AnyRow> {
    const rows = this.#tables.get(table);
    if (rows === undefined) throw new Error(`Table ${table} is not monitored`);
    return rows;
  }

  #after(table: string, before: AnyRow | undefined, update: RowUpdate): AnyRow | undefined {
    if ('delete' in update) return undefined;
    const columns = this.#schema[table]!;
    if ('modify' in update) {
      if (before === undefined) throw new Error(`A change of a row that was never seen in ${table}`);
      const changed = Object.entries(update.modify).map(([name, json]) => {
        return [name, applyDifference(columns[name]!, before[name]!, json)] as const;
      });
      return { ...before, ...Object.fromEntries(changed) };
    }
    // Columns at their default are left out of these two.
    const row = 'initial' in update ? update.initial : update.insert;
    return Object.fromEntries(
      Object.entries(columns).map(([name, column]) => {
        return [name, name in row ? decodeValue(column, row[name]) : emptyValue(column)];
      }),
    );
  }
}
