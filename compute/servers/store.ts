/** SQL of server rows as everybody reads them. Writers: `operations.ts` what was asked for, `observations.ts` what was seen. */
import type { Visible } from '../../common/context.ts';
import { arrayRows } from '../../common/database/array-rows.ts';
import { type Knex, preparedQuery } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import type { ServerHints } from './hints.ts';
import type { ImageProperties } from './image-properties.ts';
import type { Server } from './server.ts';
import { pendingTaskSql } from './status-sql.ts';

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
  'servers.ephemeral_gib',
  'servers.swap_mib',
  'servers.local_disks',
  'servers.root_disk_tag',
  'servers.flavor_name',
  'servers.flavor_extra_specs',
  'servers.description',
  'servers.tags',
  'servers.locked_by',
  'servers.locked_reason',
  'servers.image_id',
  'servers.disk_image_id',
  'servers.disk_image_format',
  'servers.disk_generation',
  'servers.disk_copied_from',
  'servers.rescue_image_id',
  'servers.rescue_image_format',
  'servers.old_flavor',
  'servers.live_limits',
  'servers.live_resize',
  'servers.key_name',
  'servers.metadata',
  'servers.availability_zone',
  'servers.access_ipv4',
  'servers.access_ipv6',
  'servers.disk_config',
  'servers.reservation_id',
  'servers.config_drive',
  'servers.launch_index',
  'servers.host_id',
  'servers.other_host_id',
  'servers.move',
  'servers.unplaced_reason',
  'servers.unplaced_details',
  'servers.wanted_power',
  'servers.deletion_requested_at',
  'servers.soft_deleted_at',
  'servers.gone_at',
  'servers.marked_error_at',
  'servers.shelved_at',
  'servers.offload_requested_at',
  'servers.shelve_image_id',
  'servers.revision',
  'servers.settled_revision',
  'servers.observed_power',
  'servers.observed_disk_generation',
  'servers.observed_rescue',
  'servers.observed_shelved',
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
  if (!isUuid(id)) throw new NotFound('Instance', id);
  const projectId = visible === 'everyone' ? null : visible.projectId;
  const { rows } = await preparedQuery(db, 'server', `${serverSql} ${ofProjectSql}`, { id, projectId });
  if (rows[0] === undefined) throw new NotFound('Instance', id);
  return fromRow(rows[0]);
}

/** Those that were made by one request, in their order. */
export async function listReservation(db: Knex, visible: Visible, reservationId: string): Promise<Server[]> {
  const rows = await selectServers(db, visible)
    .where('servers.reservation_id', reservationId)
    .orderBy('servers.launch_index');
  return (rows as ServerRow[]).map(fromRow);
}

const serverSql = `select ${columns.join(', ')}, compute_hosts.name as host_name,
    other_hosts.name as other_host_name, ${pendingTaskSql} as pending_task
  from servers left join compute_hosts on compute_hosts.id = servers.host_id
    left join compute_hosts as other_hosts on other_hosts.id = servers.other_host_id
  where servers.id = :id::uuid`;
const ofProjectSql = 'and (:projectId::text is null or servers.project_id = :projectId)';
const onHostSql = 'and compute_hosts.name = :hostName::text';

/** The same, with the row locked: what was decided on it holds until the transaction ends. */
export async function lockServer(trx: Knex, visible: Visible, id: string): Promise<Server> {
  if (isUuid(id)) await trx('servers').where({ id }).forNoKeyUpdate().select('id');
  return getServer(trx, visible, id);
}

/** What is kept of servers that are gone, as rows of those that are there. */
const goneRows =
  '(select (jsonb_populate_record(null::servers, record)).* from deleted_servers where record is not null)';
const sources = {
  there: 'servers',
  gone: `${goneRows} as servers`,
  both: `(select * from servers union all ${goneRows}) as servers`,
};

/** Rows for `fromRow`, of those that may be seen, and that are there unless it is said otherwise. */
export function selectServers(db: Knex, visible: Visible, which: keyof typeof sources = 'there'): Knex.QueryBuilder {
  const query = db(which === 'there' ? sources.there : db.raw(sources[which]))
    .leftJoin('compute_hosts', 'compute_hosts.id', 'servers.host_id')
    .leftJoin('compute_hosts as other_hosts', 'other_hosts.id', 'servers.other_host_id')
    .select(
      ...columns,
      'compute_hosts.name as host_name',
      'other_hosts.name as other_host_name',
      db.raw(`${pendingTaskSql} as pending_task`),
    );
  return visible === 'everyone' ? query : query.where('servers.project_id', visible.projectId);
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
  const { rows } = await preparedQuery(db, 'server on host', `${serverSql} ${onHostSql}`, { id, hostName });
  return rows[0] && fromRow(rows[0]);
}

/** On whichever host and of whatever project; undefined when it is gone. */
export async function findServer(db: Knex, id: string): Promise<Server | undefined> {
  const row = await selectServers(db, 'everyone').where('servers.id', id).first();
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

/** The images that the disks of the host's servers stand on, and of those on their way from it or to it. */
export async function listImagesInUse(db: Knex, hostName: string): Promise<Set<string>> {
  const rows = await db('servers')
    .join('compute_hosts', (on) =>
      on.on('compute_hosts.id', 'servers.host_id').orOn('compute_hosts.id', 'servers.other_host_id'),
    )
    .where('compute_hosts.name', hostName)
    .distinct('servers.disk_image_id', 'servers.rescue_image_id');
  return new Set(rows.flatMap((row) => [row.disk_image_id, row.rescue_image_id].filter((id) => id !== null)));
}

/** The hosts of servers by their ids, null for none; those that are not there, or may not be seen, are absent. */
export async function listHostIds(
  db: Knex,
  visible: Visible,
  ids: readonly string[],
): Promise<Map<string, string | null>> {
  const query = db('servers').whereRaw('id = any(?::uuid[])', [[...ids]]);
  if (visible !== 'everyone') query.where({ project_id: visible.projectId });
  return new Map((await query.select('id', 'host_id')).map((row) => [row.id, row.host_id]));
}

export interface BootData {
  /** Base64, as it was given. */
  userData: string | null;
  publicKey: string | null;
  /** Base64; the same at each boot, or a config drive would never be finished. */
  randomSeed: string;
  /** Of the first boot, while that has not been; null when nobody chose one. */
  adminPassword: string | null;
  /** Files by their path, base64. */
  personality: { path: string; contents: string }[];
  /** Of the image that it was made or rebuilt from: what holds for whatever is made of that. */
  imageProperties: ImageProperties;
  /** The least memory that the same image asks for. */
  imageMinRamMib: number;
  /** Where it was to be when it was made. */
  hints: ServerHints;
  /** What vendors answered when its config drive was made; null before that. */
  vendorData: Record<string, unknown> | null;
}

/** What a server is told at boot; apart from its row because lists would carry it around. */
export async function getBootData(db: Knex, id: string): Promise<BootData> {
  const row = await db('server_boot_data').where({ server_id: id }).first();
  if (row === undefined) throw new NotFound('Instance', id);
  return {
    userData: row.user_data,
    publicKey: row.public_key,
    randomSeed: row.random_seed,
    adminPassword: row.admin_password,
    personality: row.personality,
    imageProperties: row.image_properties,
    imageMinRamMib: row.image_min_ram_mib,
    hints: { sameHost: [], differentHost: [], ...row.scheduler_hints },
    vendorData: row.vendor_data,
  };
}

/** User data by server, of many servers at once. */
export async function userDataOf(db: Knex, ids: readonly string[]): Promise<Map<string, string | null>> {
  const sql = 'select server_id, user_data from server_boot_data where server_id = any(:ids::uuid[])';
  const { rows } = await preparedQuery(db, 'user data', sql, { ids });
  return new Map(rows.map((row) => [row.server_id, row.user_data]));
}

export type ServerRow = Record<(typeof columns)[number] extends `servers.${infer Name}` ? Name : never, unknown> & {
  host_name: string | null;
  other_host_name: string | null;
  pending_task: string | null;
};

/** As `selectServers` selects them. */
const names = [
  ...columns.map((column) => column.slice('servers.'.length)),
  'host_name',
  'other_host_name',
  'pending_task',
];
const rowOf = arrayRows(names);

/** Of the values alone, for long lists. */
export function fromValues(values: readonly unknown[]): Server {
  return fromRow(rowOf(values) as ServerRow);
}

export function fromRow(row: ServerRow): Server {
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
    ephemeralGib: row.ephemeral_gib,
    swapMib: row.swap_mib,
    localDisks: row.local_disks,
    rootDiskTag: row.root_disk_tag,
    flavorName: row.flavor_name,
    extraSpecs: row.flavor_extra_specs,
    description: row.description,
    tags: row.tags,
    lockedBy: row.locked_by,
    lockedReason: row.locked_reason,
    imageId: row.image_id,
    diskImageId: row.disk_image_id,
    diskImageFormat: row.disk_image_format,
    diskGeneration: row.disk_generation,
    diskCopiedFrom: row.disk_copied_from,
    rescueImageId: row.rescue_image_id,
    rescueImageFormat: row.rescue_image_format,
    oldFlavor: row.old_flavor,
    liveLimits: row.live_limits,
    liveResize: row.live_resize,
    keyName: row.key_name,
    metadata: row.metadata,
    availabilityZone: row.availability_zone,
    accessIpv4: row.access_ipv4,
    accessIpv6: row.access_ipv6,
    diskConfig: row.disk_config,
    reservationId: row.reservation_id,
    hasConfigDrive: row.config_drive,
    launchIndex: row.launch_index,
    hostId: row.host_id,
    hostName: row.host_name,
    otherHostId: row.other_host_id,
    otherHostName: row.other_host_name,
    move: row.move,
    unplacedReason: row.unplaced_reason,
    unplacedDetails: row.unplaced_details,
    wantedPower: row.wanted_power,
    deletionRequestedAt: row.deletion_requested_at,
    softDeletedAt: row.soft_deleted_at,
    goneAt: row.gone_at,
    markedErrorAt: row.marked_error_at,
    shelvedAt: row.shelved_at,
    offloadRequestedAt: row.offload_requested_at,
    shelveImageId: row.shelve_image_id,
    revision: row.revision,
    pendingTask: row.pending_task,
    settledRevision: row.settled_revision,
    observedPower: row.observed_power,
    observedDiskGeneration: row.observed_disk_generation,
    observedRescue: row.observed_rescue,
    observedShelved: row.observed_shelved,
    stoppedItselfAtRevision: row.stopped_itself_at_revision,
    faultMessage: row.fault_message,
    faultDetails: row.fault_details,
    faultAt: row.fault_at,
    isFaulty: row.is_faulty,
    failingSince: row.failing_since,
    launchedAt: row.launched_at,
  } as Server; // the columns' types are the migration's to guarantee
}
