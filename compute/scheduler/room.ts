/**
 * The room of hosts as it was last counted, in columns with an index, so that among thousands of hosts a few worth asking are
 * found at once. It is a hint and nothing more: each host counts its claims again with every sign of life, whoever claims writes
 * what is left, and a guest is placed only by the claims themselves, counted under the host's lock.
 */
import { hash } from 'node:crypto';
import { type Knex, preparedQuery } from '../../common/database/database.ts';
import { availabilityZone } from '../limits.ts';
import { type Allocation, type Amounts, resources } from './capacity.ts';
import type { Demand } from './demand.ts';
import type { Weights } from './weighers.ts';

/** So many are asked at first; enough for as many creators at once to find one each. */
const mostCandidates = 32;

const columnOf = { vcpus: 'free_vcpus', memoryMib: 'free_memory_mib', diskGib: 'free_disk_gib' } as const;

/** Counts what one host, or each host, has left; a row that is right already is left alone. */
export async function countRoom(db: Knex, allocation: Allocation, hostName: string | null = null): Promise<void> {
  const { vcpus, memoryMib, diskGib } = allocation;
  await preparedQuery(db, 'count room', countSql, {
    hostName,
    ...{ vcpusRatio: vcpus.ratio, vcpusReserved: vcpus.reserved },
    ...{ memoryRatio: memoryMib.ratio, memoryReserved: memoryMib.reserved },
    ...{ diskRatio: diskGib.ratio, diskReserved: diskGib.reserved },
  });
}

const free = (total: string, kind: string, own: string, claimed: string) =>
  `greatest(0, h.${total} - coalesce(h.reserved_${total}, :${kind}Reserved::integer))
     * coalesce(h.${own}, :${kind}Ratio::double precision) - coalesce(${claimed}, 0)`;

const countSql = `
  update compute_hosts set free_vcpus = r.vcpus, free_memory_mib = r.memory, free_disk_gib = r.disk
  from (
    select h.id,
      ${free('vcpus', 'vcpus', 'vcpu_ratio', 'c.vcpus')} as vcpus,
      ${free('memory_mib', 'memory', 'memory_ratio', 'c.memory_mib')} as memory,
      ${free('disk_gib', 'disk', 'disk_ratio', 'c.disk_gib')} as disk
    from compute_hosts h
    cross join lateral (
      select sum(vcpus) as vcpus, sum(memory_mib) as memory_mib, sum(disk_gib) as disk_gib
      from compute_claims where host_id = h.id) c
    where :hostName::text is null or h.name = :hostName) r
  where compute_hosts.id = r.id
    and (free_vcpus, free_memory_mib, free_disk_gib) is distinct from (r.vcpus, r.memory, r.disk)`;

/** What is left of a host that the caller has locked and counted. */
export async function writeRoom(trx: Knex, hostId: string, left: Amounts): Promise<void> {
  const { vcpus, memoryMib, diskGib } = left;
  const sql = `update compute_hosts
    set free_vcpus = :vcpus, free_memory_mib = :memoryMib, free_disk_gib = :diskGib where id = :hostId::uuid`;
  await preparedQuery(trx, 'write room', sql, { hostId, vcpus, memoryMib, diskGib });
}

/** Ids of hosts that seem to be well and to have room, the best first; none proves nothing. */
export async function hostsWithRoom(
  db: Knex,
  demand: Demand,
  weights: Weights,
  { only = null, except = [] }: { only?: readonly string[] | null; except?: readonly string[] } = {},
): Promise<string[]> {
  const order = orderBy(weights);
  const { vcpus, memoryMib, diskGib, zone, hostName } = demand;
  const { rows } = await preparedQuery(db, `hosts with room ${hash('sha1', order)}`, candidatesSql(order), {
    ...{ vcpus, memoryMib, diskGib, zone, hostName, only, except },
    ...{ availabilityZone, mostCandidates },
  });
  return rows.map((row) => row.id);
}

const candidatesSql = (order: string) => `
  select h.id from compute_hosts h
  where not h.is_disabled and not h.is_forced_down and h.engine_fault is null
    and h.heartbeat_at > now() - h.down_after_seconds * interval '1 second'
    and h.free_vcpus >= :vcpus::double precision
    and h.free_memory_mib >= :memoryMib::double precision
    and h.free_disk_gib >= :diskGib::double precision
    and (:hostName::text is null or h.name = :hostName)
    and (:only::uuid[] is null or h.id = any(:only))
    and h.id <> all(:except::uuid[])
    and (:zone::text is null or :zone = coalesce((
      select a.metadata ->> 'availability_zone' from compute_aggregate_hosts ah
      join compute_aggregates a on a.number = ah.aggregate_number
      where ah.host_id = h.id and jsonb_exists(a.metadata, 'availability_zone') limit 1), :availabilityZone::text))
  order by ${order} limit :mostCandidates::integer`;

const weigherOf = { vcpus: 'CPUWeigher', memoryMib: 'RAMWeigher', diskGib: 'DiskWeigher' } as const;

/** Memory alone, as it is by default, has an index; anything else sorts all hosts. */
function orderBy(weights: Weights): string {
  const counting = resources.filter((resource) => weights[weigherOf[resource]] !== 0);
  if (counting.length === 0) return 'h.free_memory_mib desc';
  const [only, ...others] = counting;
  if (only !== undefined && others.length === 0)
    return `h.${columnOf[only]} ${weights[weigherOf[only]] > 0 ? 'desc' : 'asc'}`;
  const share = (column: string) =>
    `h.${column} / (select nullif(max(${column}) - min(${column}), 0) from compute_hosts)`;
  const terms = counting.map((one) => `(${weights[weigherOf[one]]}) * coalesce(${share(columnOf[one])}, 0)`);
  return `${terms.join(' + ')} desc`;
}

/** Whether there are more hosts than are simply asked all of them for each guest. */
export async function hasManyHosts(db: Knex): Promise<boolean> {
  const sql = 'select count(*)::integer as count from (select 1 from compute_hosts limit :most::integer) as counted';
  const { rows } = await preparedQuery(db, 'count of hosts', sql, { most: mostAsked + 1 });
  return rows[0].count > mostAsked;
}

const mostAsked = 100;
