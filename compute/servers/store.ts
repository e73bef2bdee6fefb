/** SQL of server rows as everybody reads them. Writers: `operations.ts` what was asked for, `observations.ts` what was seen. */
import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { type SortKey, selectPage } from '../../common/database/page.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { isUuid } from '../../common/ids.ts';
import type { Server } from './server.ts';
import { pendingRebootSql, statusSql } from './status-sql.ts';

export interface ServerFilter {
  /** Narrows what is visible; never widens it. */
  projectId?: string;
  /** A regular expression that must match somewhere in the name. */
  name?: string;
  statuses?: string[];
  flavorId?: string;
  imageId?: string;
  hostName?: string;
  userId?: string;
  keyName?: string;
  reservationId?: string;
  changesSince?: Date;
}

const columns = [
  'servers.id',
  'servers.project_id',
  'servers.user_id',
  'servers.created_at',
  'servers.updated_at',
  'servers.name',
  'servers.hostname',
  'servers.flavor_id',
  'servers.vcpus',
  'servers.memory_mib',
  'servers.disk_gib',
  'servers.image_id',
  'servers.image_format',
  'servers.key_name',
  'servers.metadata',
  'servers.availability_zone',
  'servers.access_ipv4',
  'servers.access_ipv6',
  'servers.disk_config',
  'servers.reservation_id',
  'servers.launch_index',
  'servers.host_id',
  'servers.unplaced_reason',
  'servers.unplaced_details',
  'servers.wanted_power',
  'servers.deletion_requested_at',
  'servers.revision',
  'servers.settled_revision',
  'servers.observed_power',
  'servers.stopped_itself_at_revision',
  'servers.fault_message',
  'servers.fault_details',
  'servers.fault_at',
  'servers.is_faulty',
  'servers.failing_since',
  'servers.launched_at',
] as const;

/** Another project's server is not found rather than forbidden, and so is what is no id at all. */
export async function getServer(db: Knex, visible: Visible, id: string): Promise<Server> {
  const row = isUuid(id) ? await selectServers(db, visible).where('servers.id', id).first() : undefined;
  if (row === undefined) throw new NotFound('Instance', id);
  return fromRow(row);
}

/** The same, with the row locked: what was decided on it holds until the transaction ends. */
export async function lockServer(trx: Knex, visible: Visible, id: string): Promise<Server> {
  if (isUuid(id)) await trx('servers').where({ id }).forNoKeyUpdate().select('id');
  return getServer(trx, visible, id);
}

/** Throws `BadRequest` when the name is no regular expression, or one that takes too long. */
export async function listServers(
  db: Knex,
  visible: Visible,
  filter: ServerFilter,
  page: PageRequest,
  sort: SortKey[],
): Promise<{ servers: Server[]; more: boolean }> {
  if (page.marker !== undefined && !isUuid(page.marker)) throw new BadRequest(`marker [${page.marker}] not found`);
  const select = async (on: Knex) => {
    const query = narrowed(selectServers(on, visible), filter);
    const { rows, more } = await selectPage<ServerRow>(query, page, sort, { idColumn: 'servers.id' });
    return { servers: rows.map(fromRow), more };
  };
  if (filter.name === undefined) return select(db);
  checkExpression(filter.name);
  try {
    return await db.transaction(async (trx) => {
      await trx.raw("set local statement_timeout = '2s'");
      return select(trx);
    });
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === '2201B') throw new BadRequest(`Invalid regular expression for the name filter: ${filter.name}`);
    if (code === '57014') throw new BadRequest('The name filter takes too long; use a simpler expression.');
    throw error;
  }
}

/** PostgreSQL runs regular expressions in linear time unless they refer back or look around; those are refused. */
function checkExpression(expression: string): void {
  if (expression.length > 255 || /\\[1-9]|\(\?[=!<]/.test(expression))
    throw new BadRequest('The name filter must be a regular expression of at most 255 characters without references.');
}

function selectServers(db: Knex, visible: Visible): Knex.QueryBuilder {
  const query = db('servers')
    .leftJoin('compute_hosts', 'compute_hosts.id', 'servers.host_id')
    .select(...columns, 'compute_hosts.name as host_name', db.raw(`${pendingRebootSql} as pending_reboot`));
  return visible === 'everyone' ? query : query.where('servers.project_id', visible.projectId);
}

function narrowed(query: Knex.QueryBuilder, filter: ServerFilter): Knex.QueryBuilder {
  const equal: Record<string, string | undefined> = {
    'servers.project_id': filter.projectId,
    'servers.flavor_id': filter.flavorId,
    'servers.user_id': filter.userId,
    'servers.key_name': filter.keyName,
    'servers.reservation_id': filter.reservationId,
    'compute_hosts.name': filter.hostName,
  };
  for (const [column, value] of Object.entries(equal)) if (value !== undefined) query.where(column, value);
  if (filter.imageId !== undefined) {
    if (isUuid(filter.imageId)) query.where('servers.image_id', filter.imageId);
    else query.whereRaw('false');
  }
  if (filter.name !== undefined) query.where('servers.name', '~', filter.name);
  if (filter.statuses !== undefined) query.whereRaw(`${statusSql} = any(?)`, [filter.statuses]);
  if (filter.changesSince !== undefined) query.where('servers.updated_at', '>=', filter.changesSince);
  return query;
}

/** The servers of one host that are not as asked, longest first. */
export async function listUnsettledIds(db: Knex, hostName: string, limit: number): Promise<string[]> {
  const rows = await db('servers')
    .join('compute_hosts', 'compute_hosts.id', 'servers.host_id')
    .where('compute_hosts.name', hostName)
    .where((or) => or.whereRaw('settled_revision < revision').orWhereNotNull('deletion_requested_at'))
    .orderBy('servers.updated_at')
    .limit(limit)
    .select('servers.id');
  return rows.map((row) => row.id);
}

/** Undefined when it is gone, or not this host's business. */
export async function findServerOnHost(db: Knex, hostName: string, id: string): Promise<Server | undefined> {
  if (!isUuid(id)) return undefined;
  const row = await selectServers(db, 'everyone').where({ 'servers.id': id, 'compute_hosts.name': hostName }).first();
  return row && fromRow(row);
}

/** What the host's servers were last seen doing, by id; for comparing with the host itself. */
export async function listPowerOnHost(db: Knex, hostName: string): Promise<Map<string, Server['observedPower']>> {
  const rows = await db('servers')
    .join('compute_hosts', 'compute_hosts.id', 'servers.host_id')
    .where('compute_hosts.name', hostName)
    .select('servers.id', 'servers.observed_power');
  return new Map(rows.map((row) => [row.id, row.observed_power]));
}

/** The images that the host's servers stand on. */
export async function listImagesInUse(db: Knex, hostName: string): Promise<Set<string>> {
  const rows = await db('servers')
    .join('compute_hosts', 'compute_hosts.id', 'servers.host_id')
    .where('compute_hosts.name', hostName)
    .distinct('servers.image_id');
  return new Set(rows.map((row) => row.image_id));
}

export interface BootData {
  /** Base64, as it was given. */
  userData: string | null;
  publicKey: string | null;
  /** Base64; the same at each boot, or a config drive would never be finished. */
  randomSeed: string;
}

/** What a server is told at boot; apart from its row because lists would carry it around. */
export async function getBootData(db: Knex, id: string): Promise<BootData> {
  const row = await db('server_boot_data').where({ server_id: id }).first();
  if (row === undefined) throw new NotFound('Instance', id);
  return { userData: row.user_data, publicKey: row.public_key, randomSeed: row.random_seed };
}

/** User data by server, of many servers at once. */
export async function userDataOf(db: Knex, ids: readonly string[]): Promise<Map<string, string | null>> {
  const rows = await db('server_boot_data')
    .whereRaw('server_id = any(?)', [[...ids]])
    .select('server_id', 'user_data');
  return new Map(rows.map((row) => [row.server_id, row.user_data]));
}

type ServerRow = Record<(typeof columns)[number] extends `servers.${infer Name}` ? Name : never, unknown> & {
  host_name: string | null;
  pending_reboot: string | null;
};

function fromRow(row: ServerRow): Server {
  return {
    id: row.id,
    projectId: row.project_id,
    userId: row.user_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    name: row.name,
    hostname: row.hostname,
    flavorId: row.flavor_id,
    vcpus: row.vcpus,
    memoryMib: row.memory_mib,
    diskGib: row.disk_gib,
    imageId: row.image_id,
    imageFormat: row.image_format,
    keyName: row.key_name,
    metadata: row.metadata,
    availabilityZone: row.availability_zone,
    accessIpv4: row.access_ipv4,
    accessIpv6: row.access_ipv6,
    diskConfig: row.disk_config,
    reservationId: row.reservation_id,
    launchIndex: row.launch_index,
    hostId: row.host_id,
    hostName: row.host_name,
    unplacedReason: row.unplaced_reason,
    unplacedDetails: row.unplaced_details,
    wantedPower: row.wanted_power,
    deletionRequestedAt: row.deletion_requested_at,
    revision: row.revision,
    pendingReboot: row.pending_reboot,
    settledRevision: row.settled_revision,
    observedPower: row.observed_power,
    stoppedItselfAtRevision: row.stopped_itself_at_revision,
    faultMessage: row.fault_message,
    faultDetails: row.fault_details,
    faultAt: row.fault_at,
    isFaulty: row.is_faulty,
    failingSince: row.failing_since,
    launchedAt: row.launched_at,
  } as Server; // the columns' types are the migration's to guarantee
}
