/** Servers by the many filters that Nova has. */
import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { type SortKey, selectPage } from '../../common/database/page.ts';
import { BadRequest } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { isUuid } from '../../common/ids.ts';
import { devicesWithAddress } from '../../network/ports.ts';
import type { Server } from './server.ts';
import { statusSql } from './status-sql.ts';
import { fromRow, type ServerRow, selectServers } from './store.ts';

export interface ServerFilter {
  /** Narrows what is visible; never widens it. */
  projectId?: string;
  id?: string;
  /** A regular expression that must match somewhere in the name; so with the other two. */
  name?: string;
  ipv4?: string;
  ipv6?: string;
  /** Soft-deleted servers are only listed where that is asked for. */
  statuses?: string[];
  flavorId?: string;
  imageId?: string;
  hostName?: string;
  userId?: string;
  keyName?: string;
  availabilityZone?: string;
  reservationId?: string;
  description?: string;
  hostname?: string;
  isLocked?: boolean;
  changesSince?: Date;
  changesBefore?: Date;
  /** Servers that are gone, alone; both where it is asked what has changed; none otherwise. */
  isGone?: boolean;
  /** All of them, any, not all, none. */
  tags?: string[];
  tagsAny?: string[];
  notTags?: string[];
  notTagsAny?: string[];
}

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
    const { rows, more } = await selectPage<ServerRow>(query, page, sort, { idColumn: 'servers.id' });
    return { servers: rows.map(fromRow), more };
  };
  const expressions = { name: filter.name, ip: filter.ipv4, ip6: filter.ipv6 };
  const asked = Object.entries(expressions).filter(([, expression]) => expression !== undefined);
  if (asked.length === 0) return select(db);
  for (const [field, expression] of asked) checkExpression(field, expression as string);
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

function whichOf({ isGone, statuses, changesSince, changesBefore }: ServerFilter): 'there' | 'gone' | 'both' {
  if (isGone !== undefined) return isGone ? 'gone' : 'there';
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
  const equal: Record<string, string | undefined> = {
    'servers.project_id': filter.projectId,
    'servers.flavor_id': filter.flavorId,
    'servers.user_id': filter.userId,
    'servers.key_name': filter.keyName,
    'servers.availability_zone': filter.availabilityZone,
    'servers.reservation_id': filter.reservationId,
    'servers.description': filter.description,
    'servers.hostname': filter.hostname,
    'compute_hosts.name': filter.hostName,
  };
  for (const [column, value] of Object.entries(equal)) if (value !== undefined) query.where(column, value);
  const ids = { 'servers.image_id': filter.imageId, 'servers.id': filter.id };
  for (const [column, id] of Object.entries(ids))
    if (id !== undefined) isUuid(id) ? query.where(column, id) : query.whereRaw('false');
  if (filter.name !== undefined) query.where('servers.name', '~', filter.name);
  if (filter.ipv4 !== undefined) query.whereRaw('servers.id::text in (?)', [devicesWithAddress(db, 4, filter.ipv4)]);
  if (filter.ipv6 !== undefined) query.whereRaw('servers.id::text in (?)', [devicesWithAddress(db, 6, filter.ipv6)]);
  if (filter.statuses !== undefined) query.whereRaw(`${statusSql} = any(?)`, [filter.statuses]);
  if (!filter.statuses?.includes('SOFT_DELETED')) query.whereNull('servers.soft_deleted_at');
  if (filter.isLocked !== undefined) query.whereRaw(`(servers.locked_by is not null) = ?`, [filter.isLocked]);
  if (filter.changesSince !== undefined) query.where('servers.updated_at', '>=', filter.changesSince);
  if (filter.changesBefore !== undefined) query.where('servers.updated_at', '<=', filter.changesBefore);
  byTags(query, filter);
  return query;
}

function byTags(query: Knex.QueryBuilder, { tags, tagsAny, notTags, notTagsAny }: ServerFilter): void {
  if (tags) query.whereRaw('servers.tags @> ?::text[]', [tags]);
  if (tagsAny) query.whereRaw('servers.tags && ?::text[]', [tagsAny]);
  if (notTags) query.whereRaw('not servers.tags @> ?::text[]', [notTags]);
  if (notTagsAny) query.whereRaw('not servers.tags && ?::text[]', [notTagsAny]);
}
