/** What `GET /servers` can be asked for (nova/api/openstack/compute/servers.py and schemas/servers.py). */
import type { ProjectContext, Visible } from '../../common/context.ts';
import { sortKeys } from '../../common/database/page.ts';
import { BadRequest, Forbidden } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { flag, many, one } from '../../common/http/page.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import type { ServerFilter } from '../servers/listing.ts';
import { statuses } from '../servers/states.ts';
import type { ComputeApiDeps } from './deps.ts';

export const serverQueryPolicy = definePolicy({
  'os_compute_api:servers:index:get_all_tenants': projectAdmin('List the servers of all projects'),
  'os_compute_api:servers:detail:get_all_tenants': projectAdmin('List the servers of all projects with details'),
  'os_compute_api:servers:allow_all_filters': projectAdmin('Filter servers by whatever there is'),
});

/** Whatever else stands there is no. */
const isYes = (text: string) => /^(1|t|true|on|y|yes)$/i.test(text);

type Query = Record<string, string | string[]>;

const sortable = {
  access_ip_v4: 'servers.access_ipv4',
  access_ip_v6: 'servers.access_ipv6',
  created_at: 'servers.created_at',
  display_name: 'servers.name',
  hostname: 'servers.hostname',
  image_ref: 'servers.image_id',
  instance_type_id: 'servers.flavor_id',
  launch_index: 'servers.launch_index',
  project_id: 'servers.project_id',
  updated_at: 'servers.updated_at',
  user_id: 'servers.user_id',
  uuid: 'servers.id',
};

export function serverSort(query: Query) {
  return sortKeys(query, sortable, [{ column: 'servers.created_at', direction: 'desc' }]);
}

/** Only an administrator who says `all_tenants` sees other projects. */
export function serverScope(
  { enforcer }: ComputeApiDeps,
  ctx: ProjectContext,
  query: Query,
  kind: 'index' | 'detail',
): Visible {
  const allProjects = one(query.all_tenants) === '' ? true : (flag(query.all_tenants, 'all_tenants') ?? false);
  if (!allProjects) return { projectId: ctx.projectId };
  enforcer.authorize(ctx, serverQueryPolicy[`os_compute_api:servers:${kind}:get_all_tenants`]);
  return 'everyone';
}

/** Filters for administrators are ignored when others send them, as Nova does before 2.75. */
export function serverFilter(
  { enforcer }: ComputeApiDeps,
  ctx: ProjectContext,
  query: Query,
  version: Version,
): ServerFilter {
  if (since(version, 2, 75)) refuseUnknown(query);
  const mayAll = enforcer.allows(ctx, serverQueryPolicy['os_compute_api:servers:allow_all_filters']);
  const from = (minor: number) => mayAll || since(version, 2, minor);
  return {
    name: one(query.name),
    flavorId: one(query.flavor),
    imageId: one(query.image),
    reservationId: one(query.reservation_id),
    ipv4: one(query.ip),
    statuses: statusesOf(ctx, query, version),
    ...times(query, version),
    ...(from(5) && { ipv6: one(query.ip6) }),
    ...(since(version, 2, 26) && tagFilters(query)),
    ...(since(version, 2, 73) && { isLocked: flag(query.locked, 'locked') }),
    ...(from(83) && {
      availabilityZone: one(query.availability_zone),
      keyName: one(query.key_name),
      userId: one(query.user_id),
    }),
    ...(mayAll && {
      isGone: query.deleted === undefined ? undefined : isYes(one(query.deleted) ?? ''),
      id: one(query.uuid),
      projectId: one(query.project_id) ?? one(query.tenant_id),
      hostName: one(query.host) ?? one(query.node),
      description: one(query.description) ?? one(query.display_description),
      hostname: one(query.hostname),
    }),
  };
}

/** A status that does not exist finds nothing, and is refused since 2.38. */
function statusesOf(ctx: ProjectContext, query: Query, version: Version): string[] | undefined {
  const asked = many(query.status)
    .filter((status) => status !== '')
    .map((status) => status.toUpperCase());
  if (asked.length === 0) return undefined;
  if (asked.includes('DELETED') && !ctx.isAdmin) throw new Forbidden('Only administrators may list deleted instances');
  const known: readonly string[] = [...statuses, 'DELETED', 'MIGRATING', 'SHELVED', 'UNKNOWN'];
  const unknown = asked.find((status) => !known.includes(status));
  if (unknown !== undefined && since(version, 2, 38))
    throw new BadRequest(`Invalid filter status: ${unknown} is not a status of servers.`);
  return asked;
}

function times(query: Query, version: Version): Pick<ServerFilter, 'changesSince' | 'changesBefore'> {
  const changesSince = timeOf(query, 'changes-since');
  const changesBefore = since(version, 2, 66) ? timeOf(query, 'changes-before') : undefined;
  if (changesSince && changesBefore && changesSince > changesBefore)
    throw new BadRequest('The value of changes-since must be less than or equal to changes-before.');
  return { changesSince, changesBefore };
}

/** ISO 8601, which is all that Nova takes. */
const isoTime = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

function timeOf(query: Query, name: string): Date | undefined {
  const text = one(query[name]);
  if (text === undefined) return undefined;
  const [isTime, clock, zone] = text.match(isoTime) ?? [];
  const time = new Date(clock && !zone ? `${text}Z` : text); // a date alone is of UTC already
  if (!isTime || Number.isNaN(time.getTime())) throw new BadRequest(`Invalid ${name} value: ${text}`);
  return time;
}

function tagFilters(query: Query) {
  return {
    tags: tagsOf(query.tags),
    tagsAny: tagsOf(query['tags-any']),
    notTags: tagsOf(query['not-tags']),
    notTagsAny: tagsOf(query['not-tags-any']),
  };
}

function tagsOf(value: unknown): string[] | undefined {
  return one(value)?.split(',');
}

/** Those of Nova's query schema, also the ones that only ever filtered what does not exist here. */
const parameters = new Set(
  `access_ip_v4 access_ip_v6 all_tenants auto_disk_config availability_zone block_device_mapping changes-before changes-since
  deleted config_drive created_at description display_description display_name flavor host hostname image image_ref info_cache ip ip6
  kernel_id key_name launch_index launched_at limit locked locked_by marker metadata name node not-tags not-tags-any pci_devices
  power_state progress project_id ramdisk_id reservation_id root_device_name security_groups services soft_deleted sort_dir
  sort_key status system_metadata tags tags-any task_state tenant_id terminated_at user_id uuid vm_state`.split(/\s+/),
);

function refuseUnknown(query: Query): void {
  const unknown = Object.keys(query).filter((name) => !parameters.has(name));
  if (unknown.length > 0) throw new BadRequest(`Invalid input for query parameters: unexpected ${unknown.join(', ')}.`);
}
