/** What `GET /servers` can be asked for (nova/api/openstack/compute/servers.py). */
import type { ProjectContext, Visible } from '../../common/context.ts';
import { sortKeys } from '../../common/database/page.ts';
import { BadRequest } from '../../common/errors.ts';
import { flag, many, one } from '../../common/http/page.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import type { ServerFilter } from '../servers/store.ts';
import type { ComputeApiDeps } from './deps.ts';

export const serverQueryPolicy = definePolicy({
  'os_compute_api:servers:index:get_all_tenants': projectAdmin('List the servers of all projects'),
});

type Query = Record<string, string | string[]>;

const sortable = {
  created_at: 'servers.created_at',
  updated_at: 'servers.updated_at',
  uuid: 'servers.id',
  display_name: 'servers.name',
  project_id: 'servers.project_id',
  user_id: 'servers.user_id',
  image_ref: 'servers.image_id',
  instance_type_id: 'servers.flavor_id',
};

export function serverSort(query: Query) {
  return sortKeys(query, sortable, [{ column: 'servers.created_at', direction: 'desc' }]);
}

/** Only an administrator who says `all_tenants` sees other projects. */
export function serverScope({ enforcer }: ComputeApiDeps, ctx: ProjectContext, query: Query): Visible {
  const allProjects = one(query.all_tenants) === '' ? true : (flag(query.all_tenants, 'all_tenants') ?? false);
  if (!allProjects) return { projectId: ctx.projectId };
  enforcer.authorize(ctx, serverQueryPolicy['os_compute_api:servers:index:get_all_tenants']);
  return 'everyone';
}

/** Filters for administrators are ignored when others send them, as Nova does; filters that do not exist are too. */
export function serverFilter(ctx: ProjectContext, query: Query): ServerFilter {
  for (const name of ['ip', 'ip6'])
    if (one(query[name])) throw new BadRequest(`Filtering by ${name} is not supported yet; list ports instead.`);
  const filter: ServerFilter = {
    name: one(query.name),
    flavorId: one(query.flavor),
    imageId: one(query.image),
    reservationId: one(query.reservation_id),
    statuses: statusesOf(query),
    changesSince: timeOf(one(query['changes-since'])),
  };
  if (!ctx.isAdmin) return filter;
  return {
    ...filter,
    projectId: one(query.project_id) ?? one(query.tenant_id),
    hostName: one(query.host),
    userId: one(query.user_id),
    keyName: one(query.key_name),
  };
}

function statusesOf(query: Query): string[] | undefined {
  const asked = many(query.status).filter((status) => status !== '');
  return asked.length === 0 ? undefined : asked.map((status) => status.toUpperCase());
}

function timeOf(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const hasZone = /(Z|[+-]\d{2}:?\d{2})$/.test(text);
  const time = new Date(hasZone ? text : `${text}Z`);
  if (Number.isNaN(time.getTime())) throw new BadRequest(`Invalid changes-since value: ${text}`);
  return time;
}
