/** Servers by the many filters that Nova has. */
import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { type SortKey, selectPage } from '../../common/database/page.ts';
import { BadRequest } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { isUuid } from '../../common/ids.ts';
import { devicesWithAddress } from '../../network/ports.ts';
import { zoneSql } from '../aggregates/zones.ts';
import type { Server } from './server.ts';
import { powerStateSql, progressSql, statusSql, taskStateSql, vmStateSql } from './status-sql.ts';
import { fromValues, selectServers } from './store.ts';

export interface ServerFilter {
  /** Narrows what is visible; never widens it. */
  exactly?: Partial<Record<keyof typeof exactColumns, string | undefined>>;
  /** Regular expressions that must match somewhere. */
  matching?: Partial<Record<keyof typeof matchedTexts | 'ipv4' | 'ipv6', string | undefined>>;
  statuses?: string[];
  isLocked?: boolean;
  hasConfigDrive?: boolean;
  hasAutoDiskConfig?: boolean;
  changesSince?: Date;
  changesBefore?: Date;
  /** Servers that are gone, with those that are kept for a while; both these and others where it is asked what has changed; none otherwise. */
  isGone?: boolean;
  /** Those that are kept for a while, beside others or left out. They are listed without it where their status is asked for. */
  isSoftDeleted?: boolean;
  /** All of them, any, not all, none. */
  tags?: string[];
  tagsAny?: string[];
  notTags?: string[];
  notTagsAny?: string[];
}

const exactColumns = {
  projectId: 'servers.project_id',
  userId: 'servers.user_id',
  flavorId: 'servers.flavor_id',
  hostName: 'compute_hosts.name',
  imageId: 'servers.image_id',
  id: 'servers.id',
  vmState: 'shown.vm_state',
  taskState: 'shown.task_state',
} as const;

const matchedTexts = {
  name: 'servers.name',
  hostname: 'servers.hostname',
  description: 'servers.description',
  keyName: 'servers.key_name',
  reservationId: 'servers.reservation_id',
  lockedBy: 'servers.locked_by',
  accessIpv4: 'servers.access_ipv4',
  accessIpv6: 'servers.access_ipv6',
  launchIndex: 'servers.launch_index::text',
  nodeName: 'compute_hosts.name',
  instanceName: `('cs-' || servers.id)`,
  /** What every server has. */
  rootDeviceName: `'/dev/vda'`,
  kernelId: `''`,
  ramdiskId: `''`,
  availabilityZone: 'shown.availability_zone',
  powerState: 'shown.power_state::text',
  progress: 'shown.progress::text',
  createdAt: timeText('servers.created_at'),
  launchedAt: timeText('servers.launched_at'),
  terminatedAt: timeText('servers.gone_at'),
} as const;

/** A time as the API writes it. */
function timeText<Column extends string>(column: Column) {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')` as const;
}

/** What clients are shown and no column says, to filter and sort by: a row of its own for each server. */
const shown = `cross join lateral (select ${vmStateSql} as vm_state, ${taskStateSql} as task_state,
  ${powerStateSql} as power_state, ${progressSql} as progress, ${zoneSql} as availability_zone,
  servers.locked_by is not null as locked) as shown`;

/** Throws `BadRequest` for what is no regular expression, or one that takes too long. */
export async function listServers(
  db: Knex,
  visible: Visible,
  filter: ServerFilter,
  page: PageRequest,
  sort: SortKey[],
): Promise<{ servers: Server[]; more: boolean }> {
  if (page.marker !== undefined && !isUuid(page.marker)) throw new BadRequest(`marker [${page.marker}] not found`);
  const select = async (on: Knex) => {
    const query = narrowed(on, selectServers(on, visible, whichOf(filter)), filter);
    if (sort.some(({ column }) => column.startsWith('shown.')) || needsShown(filter)) query.joinRaw(shown);
    const { rows, more } = await selectPage<unknown[]>(query, page, sort, { idColumn: 'servers.id', asArrays: true });
    return { servers: rows.map(fromValues), more };
  };
  const asked = given(filter.matching);
  if (asked.length === 0) return select(db);
  for (const [field, expression] of asked) checkExpression(field, expression);
  try {
    return await db.transaction(async (trx) => {
      await trx.raw("set local statement_timeout = '2s'");
      return select(trx);
    });
  } catch (error) {
    const { code } = error as { code?: string };
    const all = asked.map(([field, expression]) => `${field}=${expression}`).join(', ');
    if (code === '2201B') throw new BadRequest(`Invalid regular expression in a filter: ${all}`);
    if (code === '57014') throw new BadRequest(`A filter takes too long; use simpler expressions: ${all}`);
    throw error;
  }
}

function given<Field extends string>(fields: Partial<Record<Field, string | undefined>> = {}): [Field, string][] {
  return (Object.entries(fields) as [Field, string | undefined][]).filter(
    (entry): entry is [Field, string] => entry[1] !== undefined,
  );
}

function needsShown({ exactly, matching }: ServerFilter): boolean {
  const columns = [
    ...given(exactly).map(([field]) => exactColumns[field]),
    ...given(matching).map(([field]) => (field === 'ipv4' || field === 'ipv6' ? '' : matchedTexts[field])),
  ];
  return columns.some((column) => column.startsWith('shown.'));
}

function whichOf({ isGone, statuses, changesSince, changesBefore }: ServerFilter): 'there' | 'both' {
  if (isGone !== undefined) return isGone ? 'both' : 'there';
  const asksChanges = changesSince !== undefined || changesBefore !== undefined;
  return asksChanges || statuses?.includes('DELETED') ? 'both' : 'there';
}

/** PostgreSQL runs regular expressions in linear time unless they refer back or look around; those are refused. */
function checkExpression(field: string, expression: string): void {
  if (expression.length > 255 || /\\[1-9]|\(\?[=!<]/.test(expression))
    throw new BadRequest(
      `The filter ${field} must be a regular expression of at most 255 characters without references.`,
    );
}

function narrowed(db: Knex, query: Knex.QueryBuilder, filter: ServerFilter): Knex.QueryBuilder {
  for (const [field, value] of given(filter.exactly)) {
    if ((field === 'id' || field === 'imageId') && !isUuid(value)) query.whereRaw('false');
    else query.where(exactColumns[field], value);
  }
  for (const [field, expression] of given(filter.matching)) {
    if (field === 'ipv4' || field === 'ipv6')
      query.whereRaw('servers.id::text in (?)', [devicesWithAddress(db, field === 'ipv4' ? 4 : 6, expression)]);
    else query.whereRaw(`${matchedTexts[field]} ~ ?`, [expression]);
  }
  const { statuses, isLocked, hasConfigDrive, hasAutoDiskConfig, changesSince, changesBefore } = filter;
  if (statuses !== undefined) query.whereRaw(`${statusSql} = any(?)`, [statuses]);
  if (isLocked !== undefined) query.whereRaw('(servers.locked_by is not null) = ?', [isLocked]);
  if (hasConfigDrive !== undefined) query.where('servers.config_drive', hasConfigDrive);
  if (hasAutoDiskConfig !== undefined) query.where('servers.disk_config', hasAutoDiskConfig ? 'AUTO' : 'MANUAL');
  if (changesSince !== undefined) query.where('servers.updated_at', '>=', changesSince);
  if (changesBefore !== undefined) query.where('servers.updated_at', '<=', changesBefore);
  byDeletion(query, filter);
  byTags(query, filter);
  return query;
}

function byDeletion(query: Knex.QueryBuilder, filter: ServerFilter): void {
  const { isGone, isSoftDeleted, statuses, exactly } = filter;
  if (isGone)
    query.where((either) => {
      either.whereNotNull('servers.gone_at');
      if (isSoftDeleted !== false) either.orWhereNotNull('servers.soft_deleted_at');
    });
  const isAskedFor = statuses?.includes('SOFT_DELETED') || exactly?.vmState === 'soft-delete';
  const isHidden = isSoftDeleted === undefined && !isAskedFor && whichOf(filter) === 'there';
  if (isHidden || (isSoftDeleted === false && !isGone)) query.whereNull('servers.soft_deleted_at');
}

function byTags(query: Knex.QueryBuilder, { tags, tagsAny, notTags, notTagsAny }: ServerFilter): void {
  if (tags) query.whereRaw('servers.tags @> ?::text[]', [tags]);
  if (tagsAny) query.whereRaw('servers.tags && ?::text[]', [tagsAny]);
  if (notTags) query.whereRaw('not servers.tags @> ?::text[]', [notTags]);
  if (notTagsAny) query.whereRaw('not servers.tags && ?::text[]', [notTagsAny]);
}
