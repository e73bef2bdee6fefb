/**
 * Rows as PostgreSQL's driver gives them with `rowMode: 'array'`, to be read by the names of their columns all the same. The
 * objects that it makes otherwise are hash tables as soon as they have more than a dozen columns: of a page of 500 servers they
 * were three megabytes to be collected.
 */
export function arrayRows<Name extends string>(
  names: readonly Name[],
): (values: readonly unknown[]) => Readonly<Record<Name, unknown>> {
  class Row {
    readonly values: readonly unknown[];

    constructor(values: readonly unknown[]) {
      this.values = values;
    }
  }
  names.forEach((name, index) => {
    Object.defineProperty(Row.prototype, name, {
      get(this: Row) {
        return this.values[index];
      },
    });
  });
  return (values) => new Row(values) as unknown as Readonly<Record<Name, unknown>>;
}
