/** SQL of container rows as everybody reads them. Writers: `operations.ts` what was asked for, `observations.ts` what was seen. */
import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { type SortKey, selectPage } from '../../common/database/page.ts';
import { BadRequest, Conflict, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { isUuid } from '../../common/ids.ts';
import type { Container } from './container.ts';
import { statusSql } from './status-sql.ts';

export interface ContainerFilter {
  name?: string;
  /** The image as it was named. */
  imageRef?: string;
  projectId?: string;
  userId?: string;
  memoryMib?: number;
  hostName?: string;
  status?: string;
  isAutoRemoved?: boolean;
}

/** By uuid or by name. Throws `NotFound`, also for another project's, and `Conflict` when several have that name. */
export async function getContainer(db: Knex, visible: Visible, ident: string): Promise<Container> {
  const rows = await selectContainers(db, visible)
    .where(isUuid(ident) ? { 'containers.id': ident } : { 'containers.name': ident })
    .limit(2);
  if (rows.length > 1)
    throw new Conflict('Multiple containers exist with same name. Please use the container uuid instead.');
  if (rows[0] === undefined) throw new NotFound('Container', ident);
  return fromRow(rows[0]);
}

/** The same, with the row locked: what was decided on it holds until the transaction ends. */
export async function lockContainer(trx: Knex, visible: Visible, ident: string): Promise<Container> {
  const { id } = await getContainer(trx, visible, ident);
  await trx('containers').where({ id }).forNoKeyUpdate().select('id');
  return getContainer(trx, visible, id);
}

export async function listContainers(
  db: Knex,
  visible: Visible,
  filter: ContainerFilter,
  page: PageRequest,
  sort: SortKey[],
): Promise<{ containers: Container[]; more: boolean }> {
  if (page.marker !== undefined && !isUuid(page.marker)) throw new BadRequest(`marker [${page.marker}] not found`);
  const query = selectContainers(db, visible);
  const equal: Record<string, string | number | boolean | undefined> = {
    'containers.name': filter.name,
    'containers.image_ref': filter.imageRef,
    'containers.project_id': filter.projectId,
    'containers.user_id': filter.userId,
    'containers.memory_mib': filter.memoryMib,
    'containers.is_auto_removed': filter.isAutoRemoved,
    'compute_hosts.name': filter.hostName,
  };
  for (const [column, value] of Object.entries(equal)) if (value !== undefined) query.where(column, value);
  if (filter.status !== undefined) query.whereRaw(`${statusSql} = ?`, [filter.status]);
  const { rows, more } = await selectPage<ContainerRow>(query, page, sort, { idColumn: 'containers.id' });
  return { containers: rows.map(fromRow), more };
}

function selectContainers(db: Knex, visible: Visible): Knex.QueryBuilder {
  const query = db('containers')
    .leftJoin('compute_hosts', 'compute_hosts.id', 'containers.host_id')
    .select(
      'containers.*',
      'compute_hosts.name as host_name',
      db.raw('coalesce(extract(epoch from now() - containers.observed_since), 0)::float8 as observed_for_seconds'),
      db.raw('coalesce(containers.restart_at <= now(), false) as is_restart_due'),
    );
  return visible === 'everyone' ? query : query.where('containers.project_id', visible.projectId);
}

function onHost(db: Knex, hostName: string): Knex.QueryBuilder {
  return db('containers')
    .join('compute_hosts', 'compute_hosts.id', 'containers.host_id')
    .where('compute_hosts.name', hostName);
}

/** The containers of one host that are not as asked or fail, or whose time to start again has come; longest first. */
export async function listUnsettledIds(db: Knex, hostName: string, limit: number): Promise<string[]> {
  const rows = await onHost(db, hostName)
    .where((or) =>
      or
        .whereRaw('settled_revision < revision')
        .orWhereNotNull('deletion_requested_at')
        .orWhereNotNull('failing_since')
        .orWhereRaw('restart_at <= now()'),
    )
    .orderBy('containers.updated_at')
    .limit(limit)
    .select('containers.id');
  return rows.map((row: ContainerRow) => row.id);
}

/** Undefined when it is gone, or not this host's business. */
export async function findContainerOnHost(db: Knex, hostName: string, id: string): Promise<Container | undefined> {
  if (!isUuid(id)) return undefined;
  const query = selectContainers(db, 'everyone').where({ 'containers.id': id, 'compute_hosts.name': hostName });
  const row = await query.first();
  return row && fromRow(row);
}

/** What the host's containers were last seen doing, by id; for comparing with the host itself. */
export async function listPowerOnHost(db: Knex, hostName: string): Promise<Map<string, Container['observedPower']>> {
  const rows = await onHost(db, hostName).select('containers.id', 'containers.observed_power');
  return new Map(rows.map((row: ContainerRow) => [row.id, row.observed_power]));
}

/** The images that the host's containers are made of. */
export async function listImagesInUse(db: Knex, hostName: string): Promise<Set<string>> {
  const rows = await onHost(db, hostName).distinct('containers.image_id');
  return new Set(rows.map((row: ContainerRow) => row.image_id));
}

// biome-ignore lint/suspicious/noExplicitAny: a row as PostgreSQL gives it; the migration guarantees its types
type ContainerRow = Record<string, any>;

function fromRow(row: ContainerRow): Container {
  return {
    id: row.id,
    projectId: row.project_id,
    userId: row.user_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    name: row.name,
    hostname: row.hostname,
    imageRef: row.image_ref,
    imageId: row.image_id,
    command: row.command,
    environment: row.environment,
    workingDirectory: row.working_directory,
    labels: row.labels,
    cpus: row.cpus,
    memoryMib: row.memory_mib,
    isInteractive: row.is_interactive,
    hasTty: row.has_tty,
    imagePullPolicy: row.image_pull_policy,
    restartPolicy: row.restart_policy,
    maximumRetries: row.maximum_retries,
    isAutoRemoved: row.is_auto_removed,
    hostId: row.host_id,
    hostName: row.host_name,
    unplacedReason: row.unplaced_reason,
    wantedPower: row.wanted_power,
    stopGraceSeconds: row.stop_grace_seconds,
    rebootRevision: row.reboot_revision,
    deletionRequestedAt: row.deletion_requested_at,
    stopsBeforeDeletion: row.stops_before_deletion,
    revision: row.revision,
    settledRevision: row.settled_revision,
    observedPower: row.observed_power,
    observedExitCode: row.observed_exit_code,
    observedCommand: row.observed_command,
    observedForSeconds: row.observed_for_seconds,
    launchedAt: row.launched_at,
    endedAtRevision: row.ended_at_revision,
    rebootedRevision: row.rebooted_revision,
    restarts: row.restarts,
    restartAt: row.restart_at,
    isRestartDue: row.is_restart_due,
    faultMessage: row.fault_message,
    isFaulty: row.is_faulty,
    failingSince: row.failing_since,
  };
}
