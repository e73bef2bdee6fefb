/**
 * What one can do to aggregates (nova/compute/api.py, AggregateAPI). A host is in one availability zone at most, and a zone that
 * servers are in does not change under them; to keep that, changes of aggregates go one after the other, and a host whose zone
 * would change is locked against claims meanwhile.
 */
import { type Knex, violatedConstraint } from '../../common/database/database.ts';
import { BadRequest, Conflict, NotFound } from '../../common/errors.ts';
import { type Aggregate, zoneOf } from './aggregate.ts';
import { getAggregate, listAggregatesOfHost, updateAggregateRow } from './store.ts';

/** Throws `Conflict` when the name is taken. */
export async function createAggregate(db: Knex, name: string, zone: string | null): Promise<Aggregate> {
  return changing(db, async (trx) => {
    const metadata = zone === null ? {} : { availability_zone: zone };
    const [row] = await trx('compute_aggregates')
      .insert({ name, metadata: JSON.stringify(metadata) })
      .returning('number')
      .catch(named(name));
    return getAggregate(trx, row.number);
  });
}

/** Absent leaves alone. Throws `BadRequest` where servers, or other aggregates, keep the zone from changing. */
export async function updateAggregate(
  db: Knex,
  number: number,
  changes: { name?: string; zone?: string | null },
): Promise<Aggregate> {
  return changing(db, async (trx) => {
    const aggregate = await getAggregate(trx, number);
    const metadata =
      changes.zone === undefined
        ? undefined
        : await withMetadata(trx, aggregate, { availability_zone: changes.zone }, 'update aggregate');
    await updateAggregateRow(trx, number, { name: changes.name, metadata }).catch(named(changes.name ?? ''));
    return getAggregate(trx, number);
  });
}

/** Adds, changes, and with null takes away. Throws as `updateAggregate`. */
export async function setAggregateMetadata(
  db: Knex,
  number: number,
  changes: Readonly<Record<string, string | null>>,
): Promise<Aggregate> {
  return changing(db, async (trx) => {
    const aggregate = await getAggregate(trx, number);
    const metadata = await withMetadata(trx, aggregate, changes, 'update aggregate metadata');
    await updateAggregateRow(trx, number, { metadata });
    return getAggregate(trx, number);
  });
}

/** Throws `BadRequest` while there are hosts in it. */
export async function deleteAggregate(db: Knex, number: number): Promise<void> {
  await changing(db, async (trx) => {
    const aggregate = await getAggregate(trx, number);
    if (aggregate.hosts.length > 0) throw cannot('delete aggregate', number, 'Host aggregate is not empty');
    await trx('compute_aggregates').where({ number }).delete();
  });
}

/** Throws `NotFound` for an unknown host, `Conflict` when it is in it already, `BadRequest` when its zone cannot change so. */
export async function addHost(db: Knex, number: number, hostName: string): Promise<Aggregate> {
  return changing(db, async (trx) => {
    const hostId = await lockHost(trx, hostName);
    const aggregate = await getAggregate(trx, number);
    if (aggregate.hosts.includes(hostName)) throw new Conflict(`Aggregate ${number} already has host ${hostName}.`);
    const others = await listAggregatesOfHost(trx, hostId);
    const zone = aggregate.metadata.availability_zone;
    if (zone !== undefined) {
      refuseOtherZones(others, zone, 'add host to aggregate', number);
      if (zoneOf(others.map(({ metadata }) => metadata)) !== zone)
        await refuseServers(trx, [hostId], 'add host to aggregate', number);
    }
    await trx('compute_aggregate_hosts').insert({ aggregate_number: number, host_id: hostId });
    await updateAggregateRow(trx, number, {});
    return getAggregate(trx, number);
  });
}

/** Throws `NotFound` for a host that is not in it, `BadRequest` when servers are on it whose zone would change. */
export async function removeHost(db: Knex, number: number, hostName: string): Promise<Aggregate> {
  return changing(db, async (trx) => {
    const hostId = await lockHost(trx, hostName);
    const aggregate = await getAggregate(trx, number);
    if (!aggregate.hosts.includes(hostName)) throw new NotFound(`Host of aggregate ${number}`, hostName);
    const rest = (await listAggregatesOfHost(trx, hostId)).filter((other) => other.number !== number);
    const zone = aggregate.metadata.availability_zone;
    if (zone !== undefined && zoneOf(rest.map(({ metadata }) => metadata)) !== zone)
      await refuseServers(trx, [hostId], 'remove host from aggregate', number);
    await trx('compute_aggregate_hosts').where({ aggregate_number: number, host_id: hostId }).delete();
    await updateAggregateRow(trx, number, {});
    return getAggregate(trx, number);
  });
}

async function changing<T>(db: Knex, change: (trx: Knex) => Promise<T>): Promise<T> {
  return db.transaction(async (trx) => {
    await trx.raw("select pg_advisory_xact_lock(hashtext('compute aggregates'))");
    return change(trx);
  });
}

async function lockHost(trx: Knex, name: string): Promise<string> {
  const row = await trx('compute_hosts').where({ name }).forNoKeyUpdate().first('id');
  if (row === undefined) throw new NotFound('Compute host', name);
  return row.id;
}

async function withMetadata(
  trx: Knex,
  aggregate: Aggregate,
  changes: Readonly<Record<string, string | null>>,
  action: string,
): Promise<Record<string, string>> {
  if ('availability_zone' in changes) await checkZoneChange(trx, aggregate, changes.availability_zone ?? '', action);
  const merged = Object.entries({ ...aggregate.metadata, ...changes }).filter(([, value]) => value !== null);
  if (merged.length > mostMetadata) throw new BadRequest(`An aggregate has at most ${mostMetadata} items of metadata.`);
  return Object.fromEntries(merged as [string, string][]);
}

const mostMetadata = 128;

async function checkZoneChange(trx: Knex, aggregate: Aggregate, zone: string, action: string): Promise<void> {
  const { number, name } = aggregate;
  if (zone === '') throw cannot(action, number, `Aggregate ${name} does not support empty named availability zone`);
  const hostIds: string[] = await trx('compute_aggregate_hosts').where({ aggregate_number: number }).pluck('host_id');
  await trx('compute_hosts').whereIn('id', hostIds).orderBy('id').forNoKeyUpdate().select('id');
  for (const hostId of hostIds) {
    const others = (await listAggregatesOfHost(trx, hostId)).filter((other) => other.number !== number);
    refuseOtherZones(others, zone, action, number);
  }
  if (aggregate.metadata.availability_zone !== zone) await refuseServers(trx, hostIds, action, number);
}

function refuseOtherZones(others: readonly Aggregate[], zone: string, action: string, number: number): void {
  const zones = others.map(({ metadata }) => metadata.availability_zone).filter((other) => other !== undefined);
  const conflicting = zones.filter((other) => other !== zone);
  if (conflicting.length > 0)
    throw cannot(action, number, `One or more hosts already in availability zone(s) ${conflicting.join(', ')}`);
}

/** Guests of every kind are somewhere because of the zone that was asked for. */
async function refuseServers(trx: Knex, hostIds: string[], action: string, number: number): Promise<void> {
  const guest = await trx('compute_claims').whereIn('host_id', hostIds).first('id');
  if (guest !== undefined) throw cannot(action, number, 'One or more hosts contain instances in this zone');
}

const cannot = (action: string, number: number, reason: string) =>
  new BadRequest(`Cannot perform action '${action}' on aggregate ${number}. Reason: ${reason}.`);

function named(name: string): (error: unknown) => never {
  return (error) => {
    if (violatedConstraint(error)) throw new Conflict(`Aggregate ${name} already exists.`);
    throw error;
  };
}
