/** What all reconcilers of this service do alike. Invariant: an object is on the engine as its row says, and no longer than its row. */
import type { Knex } from '../common/database/database.ts';
import { PermanentFailure } from '../common/errors.ts';
import type { Reconciler } from '../common/reconcile/loop.ts';
import { type NetworkDriver, type NetworkObjectKind, NotReady } from './drivers/driver.ts';
import { type DrawnTable, type LifecycleRow, reconcilerOf, settle, unsettle, unsettledIds, wake } from './lifecycle.ts';

export interface ReconcilerDeps {
  db: Knex;
  driver: NetworkDriver;
}

/** How one kind of object differs from the others. */
export interface Drawing<Row extends LifecycleRow> {
  table: DrawnTable;
  kind: NetworkObjectKind;
  /** The row with what else `ensure` has to know of it; without this it is the row alone. */
  find?(id: string): Promise<Row | undefined>;
  /** Makes the engine hold it and returns what was seen of it; `waiting` when something has to come first, which will wake it. */
  ensure(row: Row): Promise<Record<string, unknown> | 'waiting'>;
  /** Whether nothing stands on it any more; if something does, its end will wake this. */
  mayBeRemoved?(row: Row): Promise<boolean>;
  /** Wakes those that waited for this object to be there. */
  settled?(row: Row): Promise<void>;
  /** Deletes what hangs on the row, and wakes those that waited for its end; inside the transaction that deletes the row. */
  gone?(trx: Knex, row: Row): Promise<void>;
  /** Rows that the engine should hold as objects of this kind; all when absent. */
  drawn?(rows: Knex.QueryBuilder): void;
}

/** Of each kind and at each sweep: a large cloud is gone through in turns. */
const lookedAtAtOnce = 100;

export function drawingReconciler<Row extends LifecycleRow>(
  { db, driver }: ReconcilerDeps,
  drawing: Drawing<Row>,
): Reconciler {
  const { table, kind } = drawing;
  let lookedAtUpTo = '';
  const remove = async (row: Row) => {
    if (drawing.mayBeRemoved && !(await drawing.mayBeRemoved(row))) return;
    await driver.remove(kind, row.id);
    // Last: a crash before this line leaves a row by which the object is found again.
    await db.transaction(async (trx) => {
      await drawing.gone?.(trx, row);
      await trx(table).where({ id: row.id }).delete();
    });
  };
  const ensure = async (row: Row) => {
    const seen = await drawing.ensure(row);
    if (seen === 'waiting') return;
    const isAsBefore = row.settled_revision === row.revision && row.fault === null && Object.keys(seen).length === 0;
    if (!isAsBefore) await settle(db, table, row, { ...seen, fault: null });
    await drawing.settled?.(row);
  };
  const orphans = new Set<string>();
  const removeOrphan = async (id: string) => {
    if (!orphans.has(id)) return;
    await driver.remove(kind, id);
    orphans.delete(id);
  };
  return {
    name: reconcilerOf[table],
    pending: (limit) => unsettledIds(db, table, limit),
    async reconcile(id) {
      const row: Row | undefined = await (drawing.find?.(id) ?? db(table).where({ id }).first());
      if (row === undefined) return await removeOrphan(id); // or settled and gone since it was queued
      try {
        await (row.deletion_requested_at === null ? ensure(row) : remove(row));
      } catch (error) {
        // What it refers to wakes it, as does the poll. It was there before when somebody took both off the engine.
        if (error instanceof NotReady) return await unsettle(db, table, row);
        if (!(error instanceof PermanentFailure)) throw error;
        await settle(db, table, row, { fault: error.message }); // until something else is asked for
      }
    },
    /**
     * Returns what no row stands for, to be removed as an object of its own: should it stay, that ends nothing. With it what is
     * missing, what was given up, for another chance, and some of the rest to be looked at closely: what was damaged on the
     * engine looks whole in a list.
     */
    async sweep() {
      // The engine first: an object is made after its row and goes before it, so one without a row is nobody's.
      const there = new Set(await driver.list(kind));
      const rows: { id: string }[] = await db(table).select('id');
      const known = new Set(rows.map((row) => row.id));
      orphans.clear();
      for (const id of there) if (!known.has(id)) orphans.add(id);
      const wanted = db(table).select('id', 'fault').orderBy('id');
      drawing.drawn?.(wanted);
      const all = await wanted;
      const drifted = all.filter((row) => row.fault !== null || !there.has(row.id)).map((row) => row.id);
      const some = all.map((row) => row.id).filter((id) => id > lookedAtUpTo);
      const looked = some.slice(0, lookedAtAtOnce);
      lookedAtUpTo = looked.length < some.length ? looked.at(-1)! : '';
      return [...new Set([...orphans, ...drifted, ...looked])];
    },
  };
}

/** Wakes each row that `query` finds and that is not settled. */
export async function wakeUnsettled(db: Knex, table: DrawnTable, query: Knex.QueryBuilder): Promise<void> {
  const rows = await query
    .where((waiting) =>
      waiting
        .whereRaw('??.settled_revision <> ??.revision', [table, table])
        .orWhereNotNull(`${table}.deletion_requested_at`),
    )
    .distinct(`${table}.id`);
  for (const { id } of rows) await wake(db, table, id);
}
