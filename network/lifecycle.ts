/** The SQL of the columns that every table with objects on the driver has (see the first migration). */
import type { Knex } from '../common/database/database.ts';
import { notify } from '../common/database/notifications.ts';

/** Tables whose rows are objects of the driver, and the reconciler that draws them. */
export const reconcilerOf = {
  networks: 'networks',
  subnets: 'subnets',
  ports: 'ports',
  routers: 'routers',
  security_groups: 'security-groups',
} as const;

export type DrawnTable = keyof typeof reconcilerOf;

export interface LifecycleRow {
  id: string;
  revision: number;
  settled_revision: number;
  fault: string | null;
  created_at: Date;
  updated_at: Date;
  deletion_requested_at: Date | null;
}

/** Tells the loop that the row may be worth a look, once the transaction commits. */
export async function wake(db: Knex, table: DrawnTable, id: string): Promise<void> {
  await notify(db, reconcilerOf[table], id);
}

/** Writes a change of what is wanted; without columns, says that something it is made of changed. Returns the new revision. */
export async function change(
  db: Knex,
  table: DrawnTable,
  id: string,
  columns: Record<string, unknown> = {},
): Promise<number> {
  const [row] = await db(table)
    .where({ id })
    .update({ ...columns, revision: db.raw('revision + 1'), updated_at: db.fn.now() })
    .returning('revision');
  await wake(db, table, id);
  return row?.revision ?? 0;
}

/** Hides the row from the API at once; its reconciler deletes it last. */
export async function requestDeletion(db: Knex, table: DrawnTable, id: string): Promise<void> {
  await change(db, table, id, { deletion_requested_at: db.fn.now() });
}

/** Rows that are not as asked, those longest so first. What failed for good waits for a change or for the slow pass. */
export async function unsettledIds(db: Knex, table: DrawnTable, limit: number): Promise<string[]> {
  return await db(table)
    .where((either) =>
      either
        .whereRaw('settled_revision <> revision')
        .orWhere((doomed) => doomed.whereNotNull('deletion_requested_at').whereNull('fault')),
    )
    .orderBy('updated_at')
    .limit(limit)
    .pluck('id');
}

/** Records how work on the revision that was read ended; a change that came meanwhile leaves the row unsettled. */
export async function settle(
  db: Knex,
  table: DrawnTable,
  row: { id: string; revision: number },
  seen: { fault: string | null } & Record<string, unknown>,
): Promise<void> {
  await db(table)
    .where({ id: row.id })
    .update({ ...seen, settled_revision: row.revision });
}

/** What was settled turned out not to be: the row is pending again until it is. Nothing was asked for, so its revision stays. */
export async function unsettle(db: Knex, table: DrawnTable, row: { id: string; revision: number }): Promise<void> {
  await db(table)
    .where({ id: row.id, settled_revision: row.revision })
    .update({ settled_revision: row.revision - 1 });
}
