/** What a plan would leave behind, without any database: for tests of the rows alone. */
import { encodeValue, type Northbound, northbound, type Row, type Value } from '../columns.ts';
import { Changes, type Operation } from '../operations.ts';
import type { NorthboundChanges } from '../plan.ts';
import { Replica } from '../replica.ts';

/** Runs plans one after the other, each seeing what those before it made. */
export class PlannedTables {
  readonly replica = new Replica(northbound);
  /** Of the last plan. */
  operations: Operation[] = [];

  plan(collect: (changes: NorthboundChanges) => void): this {
    const changes = new Changes(northbound, this.replica);
    collect(changes);
    this.operations = changes.operations;
    for (const operation of changes.operations) this.#apply(operation);
    return this;
  }

  row<T extends keyof Northbound>(table: T, uuid: string): Row<Northbound[T]> {
    const row = this.replica.find(table, uuid);
    if (row === undefined) throw new Error(`No row ${uuid} in ${table}`);
    return row;
  }

  all<T extends keyof Northbound>(table: T): Row<Northbound[T]>[] {
    return [...this.replica.rows(table)].map(([, row]) => row);
  }

  #apply({ op, table, uuid, where, row, mutations }: Operation): void {
    const id = (uuid ?? (where as [[string, string, [string, string]]])[0][2][1]) as string;
    if (op === 'insert') this.replica.apply({ [table]: { [id]: { insert: row } } });
    if (op === 'delete') this.replica.apply({ [table]: { [id]: { delete: null } } });
    if (op === 'update') this.#modify(table, id, row as Record<string, unknown>);
    if (op === 'mutate') {
      // Our mutations name only elements that are to come or to go, which is the difference itself.
      for (const [column, , elements] of mutations as [string, string, unknown][]) {
        this.replica.apply({ [table]: { [id]: { modify: { [column]: elements } } } });
      }
    }
  }

  /** As the server tells of it: inserted anew, since a test need not know of differences. */
  #modify(table: string, id: string, changed: Record<string, unknown>): void {
    const columns: Record<string, Parameters<typeof encodeValue>[0]> = northbound[table as keyof Northbound];
    const present = this.replica.find(table as keyof Northbound, id) as unknown as Record<string, Value>;
    const whole = Object.entries(present).map(([name, value]) => [name, encodeValue(columns[name]!, value)]);
    this.replica.apply({ [table]: { [id]: { insert: { ...Object.fromEntries(whole), ...changed } } } });
  }
}
