import { type Knex, preparedQuery } from '../../common/database/database.ts';
import { BadRequest } from '../../common/errors.ts';
import { availabilityZone } from '../limits.ts';

/** Throws `BadRequest` in Nova's words for a zone that has no hosts. The default one may be asked for before it has any. */
export async function requireZone(db: Knex, zone: string): Promise<void> {
  if (zone === availabilityZone) return;
  const found = await db('compute_aggregates as a')
    .join('compute_aggregate_hosts as h', 'h.aggregate_number', 'a.number')
    .whereRaw("a.metadata ->> 'availability_zone' = ?", [zone])
    .first('a.number');
  if (found === undefined) throw new BadRequest('The requested availability zone is not available');
}

/** The zones of hosts, by their names, for views of many servers at once. */
export async function zonesByHost(db: Knex): Promise<ReadonlyMap<string, string>> {
  const { rows } = await preparedQuery(db, 'zones by host', zonesSql, {});
  return new Map(rows.map((row) => [row.name, row.zone]));
}

/** What ports of servers on the host are told to belong to, as Nova has it; null: on no host yet. */
export async function deviceOwnerOn(db: Knex, hostName: string | null): Promise<string> {
  return deviceOwnerIn(hostName === null ? undefined : (await zonesByHost(db)).get(hostName));
}

/** The same by the zone of the host. */
export function deviceOwnerIn(zone: string | undefined): string {
  return `compute:${zone ?? availabilityZone}`;
}

const zonesSql = `select compute_hosts.name, a.metadata ->> 'availability_zone' as zone
  from compute_aggregate_hosts h
  join compute_aggregates a on a.number = h.aggregate_number
  join compute_hosts on compute_hosts.id = h.host_id
  where jsonb_exists(a.metadata, 'availability_zone')`;

/** The zone that a server shows, for filters: its host's; what was asked for while it has none. */
export const zoneSql = `(case when servers.host_id is null then coalesce(servers.availability_zone, '')
  else coalesce((select a.metadata ->> 'availability_zone' from compute_aggregate_hosts h
    join compute_aggregates a on a.number = h.aggregate_number
    where h.host_id = servers.host_id and jsonb_exists(a.metadata, 'availability_zone') limit 1), '${availabilityZone}') end)`;
