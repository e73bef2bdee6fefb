/** All the SQL of compute hosts. Facts and heartbeat are the agent's to write; `is_disabled` is an administrator's. */
import { given, type Knex, preparedQuery } from '../../common/database/database.ts';
import { BadRequest, Conflict, NotFound } from '../../common/errors.ts';
import { zoneOf } from '../aggregates/aggregate.ts';
import { heartbeatSeconds } from '../limits.ts';
import { ownTraits } from '../scheduler/traits.ts';
import type { ComputeHost, HostChanges, HostReport } from './host.ts';

interface HostRow {
  id: string;
  number: number;
  name: string;
  address: string;
  vcpus: number;
  memory_mib: number;
  disk_gib: number;
  hypervisor_type: string;
  hypervisor_version: number;
  virtualisation: string;
  cpu_model: string;
  architecture: string;
  engine_fault: string | null;
  heartbeat_at: Date;
  is_agent_here: boolean;
  migration_address: string | null;
  uptime: string | null;
  is_disabled: boolean;
  is_forced_down: boolean;
  disabled_reason: string | null;
  is_fresh: boolean;
  claimed_vcpus: number;
  claimed_memory_mib: number;
  claimed_disk_gib: number;
  guests: number;
  aggregates: Record<string, string>[];
  vcpu_ratio: number | null;
  memory_ratio: number | null;
  disk_ratio: number | null;
  reserved_vcpus: number | null;
  reserved_memory_mib: number | null;
  reserved_disk_gib: number | null;
  traits: string[];
  placement_generation: number;
}

/** Every host with what its guests claim, by name; one query, whatever their number. */
export async function listHosts(db: Knex): Promise<ComputeHost[]> {
  const rows: HostRow[] = await hostsWithClaims(db).orderBy('h.name');
  return rows.map(fromRow);
}

/** One host with its claims as they are now; `lock` makes later claims on it wait for this transaction. Throws `NotFound`. */
export async function getHost(db: Knex, id: string, { lock = false } = {}): Promise<ComputeHost> {
  const lockSql = 'select id from compute_hosts where id = :id::uuid for no key update';
  if (lock) await preparedQuery(db, 'lock host', lockSql, { id });
  // A statement of its own: it sees what was committed before the lock was had.
  const { rows } = await preparedQuery(db, 'host by id', hostByIdSql, { id });
  if (rows[0] === undefined) throw new NotFound('Host', id);
  return fromRow(rows[0]);
}

/** A few of them with their claims as they are now; those that are not there are left out. */
export async function getHosts(db: Knex, ids: readonly string[]): Promise<ComputeHost[]> {
  const { rows } = await preparedQuery(db, 'hosts by id', hostsByIdSql, { ids });
  return rows.map(fromRow);
}

const hostColumns: readonly (keyof HostRow)[] = [
  ...([
    'id',
    'number',
    'name',
    'address',
    'vcpus',
    'memory_mib',
    'disk_gib',
    'hypervisor_type',
    'hypervisor_version',
  ] as const),
  ...([
    'virtualisation',
    'cpu_model',
    'architecture',
    'engine_fault',
    'heartbeat_at',
    'uptime',
    'is_disabled',
  ] as const),
  ...(['is_forced_down', 'disabled_reason', 'vcpu_ratio', 'memory_ratio', 'disk_ratio', 'reserved_vcpus'] as const),
  ...(['reserved_memory_mib', 'reserved_disk_gib', 'traits', 'placement_generation', 'migration_address'] as const),
];

const hostsSql = (which: string) => `
  select ${hostColumns.map((column) => `h.${column}`).join(', ')},
    h.heartbeat_at > now() - h.down_after_seconds * interval '1 second' as is_fresh,
    h.agent_seen_at > now() - h.down_after_seconds * interval '1 second' as is_agent_here,
    coalesce(c.vcpus, 0) as claimed_vcpus, coalesce(c.memory_mib, 0) as claimed_memory_mib,
    coalesce(c.disk_gib, 0) as claimed_disk_gib, coalesce(c.guests, 0)::integer as guests,
    coalesce(g.aggregates, '[]') as aggregates
  from compute_hosts h
  cross join lateral (
    select sum(vcpus) as vcpus, sum(memory_mib) as memory_mib, sum(disk_gib) as disk_gib, count(*) as guests
    from compute_claims where host_id = h.id) c
  cross join lateral (
    select jsonb_agg(a.metadata) as aggregates from compute_aggregate_hosts ah
    join compute_aggregates a on a.number = ah.aggregate_number where ah.host_id = h.id) g
  where ${which}`;

// Two, as one plan is not as good for one host as for any number.
const hostByIdSql = hostsSql('h.id = :id::uuid');
const hostsByIdSql = hostsSql('h.id = any(:ids::uuid[])');

/** Locks, as `getHost` does, the first of these hosts that nobody else has locked, and tells which; undefined: they all are. */
export async function lockFirstFree(trx: Knex, ids: readonly string[]): Promise<string | undefined> {
  const sql = `select id from compute_hosts where id = any(:ids::uuid[])
    order by array_position(:ids::uuid[], id) limit 1 for no key update skip locked`;
  const { rows } = await preparedQuery(trx, 'lock first free host', sql, { ids });
  return rows[0]?.id;
}

function hostsWithClaims(db: Knex): Knex.QueryBuilder {
  const claims = db('compute_claims')
    .whereNotNull('host_id')
    .groupBy('host_id')
    .select('host_id')
    .sum({ vcpus: 'vcpus', memory_mib: 'memory_mib', disk_gib: 'disk_gib' })
    .count({ guests: '*' })
    .as('c');
  const aggregates = db('compute_aggregate_hosts as ah')
    .join('compute_aggregates as a', 'a.number', 'ah.aggregate_number')
    .groupBy('ah.host_id')
    .select('ah.host_id', db.raw('jsonb_agg(a.metadata) as aggregates'))
    .as('g');
  return db('compute_hosts as h')
    .leftJoin(claims, 'c.host_id', 'h.id')
    .leftJoin(aggregates, 'g.host_id', 'h.id')
    .select(
      'h.*',
      db.raw("h.heartbeat_at > now() - h.down_after_seconds * interval '1 second' as is_fresh"),
      db.raw("h.agent_seen_at > now() - h.down_after_seconds * interval '1 second' as is_agent_here"),
      db.raw('coalesce(c.vcpus, 0) as claimed_vcpus'),
      db.raw('coalesce(c.memory_mib, 0) as claimed_memory_mib'),
      db.raw('coalesce(c.disk_gib, 0) as claimed_disk_gib'),
      db.raw('coalesce(c.guests, 0)::int as guests'),
      db.raw("coalesce(g.aggregates, '[]') as aggregates"),
    );
}

/** Records that the host is alive, what it has, and whether its engine works (`fault` null). Returns its id. */
export async function reportHost(db: Knex, report: HostReport, fault: string | null): Promise<string> {
  const facts = {
    address: report.address,
    vcpus: report.vcpus,
    memory_mib: report.memoryMib,
    disk_gib: report.diskGib,
    hypervisor_type: report.hypervisorType,
    hypervisor_version: report.hypervisorVersion,
    virtualisation: report.virtualisation,
    cpu_model: report.cpuModel,
    architecture: report.architecture,
    engine_fault: fault,
    uptime: report.uptime ?? null,
    migration_address: report.migrationAddress ?? null,
    ...(report.downAfterSeconds !== undefined && { down_after_seconds: report.downAfterSeconds }),
  };
  const [row] = await db('compute_hosts')
    .insert({ name: report.name, ...facts })
    .onConflict('name')
    .merge({ ...facts, heartbeat_at: db.fn.now() })
    .returning('id');
  return row.id;
}

/**
 * Its engine does not answer: a host that is down for new guests when that lasts, and no dead one, of which its lease tells. A host
 * that was never reported stays unknown.
 */
export async function reportHostFault(db: Knex, name: string, fault: string): Promise<void> {
  await db('compute_hosts').where({ name }).update({ engine_fault: fault });
}

export interface Lease {
  /** The host is dead to the cloud: what ran there may be elsewhere. */
  isOver: boolean;
  isDue: boolean;
  /** Null before its agent told it. */
  bootId: string | null;
}

/** Undefined of a host that was never reported. */
export async function findLease(db: Knex, name: string): Promise<Lease | undefined> {
  const row = await db('compute_hosts')
    .where({ name })
    .first(
      'boot_id',
      db.raw("agent_seen_at < now() - down_after_seconds * interval '1 second' as is_over"),
      db.raw("agent_seen_at < now() - ? * interval '1 second' as is_due", [heartbeatSeconds]),
    );
  return row && { isOver: row.is_over, isDue: row.is_due, bootId: row.boot_id };
}

/**
 * The agent lives. Waits for an evacuation that is just being asked for, and any later one is refused. Tells whether the host was dead
 * until just now, so that servers may have left it, also while this waited.
 */
export async function renewLease(
  db: Knex,
  name: string,
  { bootId, downAfterSeconds, isFenced }: { bootId: string; downAfterSeconds: number; isFenced: boolean },
): Promise<boolean> {
  const facts = { boot_id: bootId, down_after_seconds: downAfterSeconds, is_fenced: isFenced };
  return db.transaction(async (trx) => {
    const host = () => trx('compute_hosts').where({ name });
    await host().forNoKeyUpdate().select('id');
    // Each a statement of its own, with the time of that: the transaction may be much older than the lock.
    const silent = "agent_seen_at <= clock_timestamp() - down_after_seconds * interval '1 second'";
    const before = await host().first(trx.raw(`${silent} as was_over`));
    await host().update({ agent_seen_at: trx.raw('clock_timestamp()'), ...facts });
    return before?.was_over === true;
  });
}

/** What runs there runs on, whatever becomes of its agent. */
export async function noteUnfenced(db: Knex, name: string): Promise<void> {
  await db('compute_hosts').where({ name }).update({ is_fenced: false });
}

/** Takes a host out of scheduling, or back into it, or says that it is down; what runs there stays. Throws `NotFound`. */
export async function changeHost(db: Knex, id: string, changes: HostChanges): Promise<void> {
  const columns = given({
    is_disabled: changes.isDisabled,
    disabled_reason: changes.disabledReason,
    is_forced_down: changes.isForcedDown,
  });
  if ((await db('compute_hosts').where({ id }).update(columns)) === 0) throw new NotFound('Host', id);
}

/** Throws `Conflict` while there are guests on it. */
export async function deleteHost(db: Knex, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    await trx('compute_hosts').where({ id }).forUpdate().select('id');
    if ((await trx('compute_claims').where({ host_id: id }).first('id')) !== undefined)
      throw new Conflict(
        'Unable to delete compute service that is hosting instances. Migrate or delete the instances first.',
      );
    await trx('host_calls').where({ host_id: id }).delete();
    await trx('compute_hosts').where({ id }).delete();
  });
}

export interface ProjectClaims {
  projectId: string;
  vcpus: number;
  memoryMib: number;
  diskGib: number;
}

/** What each project's guests take of the host, by the projects' ids. */
export async function claimsByProject(db: Knex, hostId: string): Promise<ProjectClaims[]> {
  const rows: Record<'project_id' | 'vcpus' | 'memory_mib' | 'disk_gib', string>[] = await db('compute_claims')
    .where({ host_id: hostId })
    .groupBy('project_id')
    .orderBy('project_id')
    .select('project_id', db.raw('sum(vcpus) as vcpus, sum(memory_mib) as memory_mib, sum(disk_gib) as disk_gib'));
  return rows.map((row) => ({
    projectId: row.project_id,
    vcpus: Number(row.vcpus),
    memoryMib: Number(row.memory_mib),
    diskGib: Number(row.disk_gib),
  }));
}

export interface HostedServer {
  id: string;
}

/** The servers on these hosts, by the host's id. */
export async function serversOnHosts(db: Knex, hostIds: readonly string[]): Promise<Map<string, HostedServer[]>> {
  const rows: { id: string; host_id: string }[] = await db('servers')
    .whereRaw('host_id = any(?::uuid[])', [[...hostIds]])
    .orderBy(['created_at', 'id'])
    .select('id', 'host_id');
  return Map.groupBy(rows, (row) => row.host_id);
}

/** Whether the host's agent should report (again) now. */
export async function needsHeartbeat(db: Knex, name: string): Promise<boolean> {
  const recent = await db('compute_hosts')
    .where({ name })
    .whereRaw("heartbeat_at > now() - ? * interval '1 second'", [heartbeatSeconds])
    .first('id');
  return recent === undefined;
}

/** The id of the host of this name; undefined until its agent has reported for the first time. */
export async function findHostId(db: Knex, name: string): Promise<string | undefined> {
  const row = await db('compute_hosts').where({ name }).first('id');
  return row?.id;
}

function fromRow(row: HostRow): ComputeHost {
  return {
    id: row.id,
    number: row.number,
    name: row.name,
    address: row.address,
    vcpus: row.vcpus,
    memoryMib: row.memory_mib,
    diskGib: row.disk_gib,
    hypervisorType: row.hypervisor_type,
    hypervisorVersion: row.hypervisor_version,
    virtualisation: row.virtualisation,
    cpuModel: row.cpu_model,
    architecture: row.architecture,
    heartbeatAt: row.heartbeat_at,
    migrationAddress: row.migration_address,
    uptime: row.uptime,
    isUp: row.is_fresh && !row.is_forced_down,
    isForcedDown: row.is_forced_down,
    isDead: row.is_forced_down || !row.is_agent_here,
    zone: zoneOf(row.aggregates),
    aggregates: row.aggregates,
    traits: [...ownTraits({ architecture: row.architecture, isDisabled: row.is_disabled }), ...row.traits],
    customTraits: row.traits,
    placementGeneration: row.placement_generation,
    inventories: {
      vcpus: { ratio: row.vcpu_ratio, reserved: row.reserved_vcpus },
      memoryMib: { ratio: row.memory_ratio, reserved: row.reserved_memory_mib },
      diskGib: { ratio: row.disk_ratio, reserved: row.reserved_disk_gib },
    },
    downReason: row.is_forced_down
      ? 'forced down by an administrator'
      : row.engine_fault === null
        ? `not heard of since ${row.heartbeat_at.toISOString()}`
        : 'its engine does not answer',
    downDetail: row.engine_fault,
    isDisabled: row.is_disabled,
    disabledReason: row.disabled_reason,
    claimedVcpus: row.claimed_vcpus,
    claimedMemoryMib: row.claimed_memory_mib,
    claimedDiskGib: row.claimed_disk_gib,
    guests: row.guests,
  };
}

/** Throws `BadRequest` when there is no host of that name. */
export async function requireHost(db: Knex, name: string): Promise<void> {
  if ((await db('compute_hosts').where({ name }).first('id')) === undefined)
    throw new BadRequest(`Compute host ${name} could not be found.`);
}
