/** The SQL of aggregates. What must hold among them is `operations.ts`. */
import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import type { Aggregate } from './aggregate.ts';

interface AggregateRow {
  number: number;
  id: string;
  name: string;
  metadata: Record<string, string>;
  hosts: string[];
  created_at: Date;
  updated_at: Date | null;
}

/** By number. There are few: they are made by hand. */
export async function listAggregates(db: Knex): Promise<Aggregate[]> {
  const rows: AggregateRow[] = await selectAggregates(db).orderBy('number');
  return rows.map(fromRow);
}

export async function getAggregate(db: Knex, number: number): Promise<Aggregate> {
  const row: AggregateRow | undefined = await selectAggregates(db).where({ number }).first();
  if (row === undefined) throw new NotFound('Aggregate', String(number));
  return fromRow(row);
}

/** The aggregates that a host is in, by the host's id. */
export async function listAggregatesOfHost(db: Knex, hostId: string): Promise<Aggregate[]> {
  const rows: AggregateRow[] = await selectAggregates(db).whereIn(
    'number',
    db('compute_aggregate_hosts').where({ host_id: hostId }).select('aggregate_number'),
  );
  return rows.map(fromRow);
}

export async function updateAggregateRow(
  trx: Knex,
  number: number,
  changes: { name?: string; metadata?: Record<string, string> },
): Promise<void> {
  await trx('compute_aggregates')
    .where({ number })
    .update({
      ...(changes.name !== undefined && { name: changes.name }),
      ...(changes.metadata !== undefined && { metadata: JSON.stringify(changes.metadata) }),
      updated_at: trx.fn.now(),
    });
}

function selectAggregates(db: Knex): Knex.QueryBuilder {
  const hosts = `array(select h.name from compute_aggregate_hosts ah join compute_hosts h on h.id = ah.host_id
    where ah.aggregate_number = compute_aggregates.number order by h.name) as hosts`;
  return db('compute_aggregates').select('compute_aggregates.*', db.raw(hosts));
}

function fromRow(row: AggregateRow): Aggregate {
  return {
    number: row.number,
    id: row.id,
    name: row.name,
    metadata: row.metadata,
    hosts: row.hosts,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
