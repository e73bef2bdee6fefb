/** What `GET /servers` can be asked for (nova/api/openstack/compute/servers.py and schemas/servers.py). */

import type { ProjectContext, Visible } from '../../common/context.ts';
import { sortKeys } from '../../common/database/page.ts';
import { BadRequest, Forbidden } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { flag, many, one } from '../../common/http/page.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import { isYes } from '../../common/truth.ts';
import type { ServerFilter } from '../servers/listing.ts';
import { statuses } from '../servers/states.ts';
import type { ComputeApiDeps } from './deps.ts';

export const serverQueryPolicy = definePolicy({
  'os_compute_api:servers:index:get_all_tenants': projectAdmin('List the servers of all projects'),
  'os_compute_api:servers:detail:get_all_tenants': projectAdmin('List the servers of all projects with details'),
  'os_compute_api:servers:allow_all_filters': projectAdmin('Filter servers by whatever there is'),
});

type Query = Record<string, string | string[]>;

const nullable = (column: string) => ({ column, isNullable: true }) as const;

const sortable = {
  access_ip_v4: 'servers.access_ipv4',
  access_ip_v6: 'servers.access_ipv6',
  auto_disk_config: 'servers.disk_config',
  availability_zone: 'shown.availability_zone',
  config_drive: 'servers.config_drive',
  created_at: 'servers.created_at',
  display_description: nullable('servers.description'),
  display_name: 'servers.name',
  host: nullable('compute_hosts.name'),
  hostname: 'servers.hostname',
  image_ref: 'servers.image_id',
  instance_type_id: 'servers.flavor_id',
  key_name: nullable('servers.key_name'),
  launch_index: 'servers.launch_index',
  launched_at: nullable('servers.launched_at'),
  locked_by: nullable('servers.locked_by'),
  node: nullable('compute_hosts.name'),
  power_state: 'shown.power_state',
  progress: 'shown.progress',
  project_id: 'servers.project_id',
  task_state: nullable('shown.task_state'),
  terminated_at: nullable('servers.gone_at'),
  updated_at: 'servers.updated_at',
  user_id: 'servers.user_id',
  uuid: 'servers.id',
  vm_state: 'shown.vm_state',
};
const sortableFrom73 = { ...sortable, locked: 'shown.locked' };

/** The same for all servers. */
const sameForAll = ['kernel_id', 'ramdisk_id', 'root_device_name'];
/** Nova took them once, and passes over them until 2.74 (SERVER_LIST_IGNORE_SORT_KEY). */
const passedOver =
  `architecture cell_name cleaned default_ephemeral_device default_swap_device deleted deleted_at disable_terminate
  ephemeral_gb ephemeral_key_uuid id key_data launched_on memory_mb os_type reservation_id root_gb shutdown_terminate user_data
  vcpus vm_mode`.split(/\s+/);

export function serverSort(ctx: ProjectContext, query: Query, version: Version) {
  const ofHosts = many(query.sort_key).find((key) => key === 'host' || key === 'node');
  if (ofHosts !== undefined && !ctx.isAdmin) throw new Forbidden(`Only administrators can sort servers by ${ofHosts}`);
  const old = since(version, 2, 75) ? [] : since(version, 2, 73) ? passedOver : [...passedOver, 'locked'];
  const columns = since(version, 2, 73) ? sortableFrom73 : sortable;
  const fallback = [{ column: 'servers.created_at', direction: 'desc' } as const];
  return sortKeys(query, columns, fallback, new Set([...sameForAll, ...old]));
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

/** What Nova joins to a server, and lets nobody filter by. */
const joined = new Set(
  'block_device_mapping services metadata system_metadata info_cache security_groups pci_devices'.split(' '),
);

/** Filters for administrators are ignored when others send them, as Nova does. */
export function serverFilter(
  { enforcer }: ComputeApiDeps,
  ctx: ProjectContext,
  query: Query,
  version: Version,
  scope: Visible,
): ServerFilter {
  if (since(version, 2, 75)) refuseUnknown(query);
  const mayAll = enforcer.allows(ctx, serverQueryPolicy['os_compute_api:servers:allow_all_filters']);
  const refused = Object.keys(query).find((name) => joined.has(name) || name.startsWith('_'));
  if (mayAll && refused !== undefined) throw new BadRequest(`Invalid filter field: ${refused}.`);
  const from = (minor: number) => mayAll || since(version, 2, minor);
  return {
    exactly: {
      flavorId: one(query.flavor),
      imageId: one(query.image),
      ...(from(83) && {
        userId: one(query.user_id),
        vmState: one(query.vm_state),
        taskState: one(query.task_state),
      }),
      ...(mayAll && { id: one(query.uuid), hostName: one(query.host) }),
      ...(mayAll && query.image_ref !== undefined && { imageId: one(query.image_ref) }),
      ...(mayAll && scope === 'everyone' && { projectId: one(query.project_id) ?? one(query.tenant_id) }),
    },
    matching: {
      name: one(query.name),
      reservationId: one(query.reservation_id),
      ipv4: one(query.ip),
      ...(from(5) && { ipv6: one(query.ip6) }),
      ...(from(83) && matchingFrom83(query)),
      ...(from(90) && { hostname: one(query.hostname) }),
      ...(mayAll && matchingForAdministrators(query)),
    },
    statuses: statusesOf(ctx, query, version),
    ...times(query, version),
    ...(since(version, 2, 26) && tagFilters(query)),
    ...(since(version, 2, 73) && { isLocked: flag(query.locked, 'locked') }),
    ...(from(83) && { hasConfigDrive: yesOrNo(query.config_drive) }),
    ...(mayAll && {
      isGone: yesOrNo(query.deleted),
      isSoftDeleted: yesOrNo(query.soft_deleted),
      hasAutoDiskConfig: yesOrNo(query.auto_disk_config),
    }),
  };
}

const matchingFrom83 = (query: Query) => ({
  availabilityZone: one(query.availability_zone),
  keyName: one(query.key_name),
  powerState: one(query.power_state),
  progress: one(query.progress),
  createdAt: timeExpression(query.created_at),
  launchedAt: timeExpression(query.launched_at),
  terminatedAt: timeExpression(query.terminated_at),
});

const matchingForAdministrators = (query: Query) => ({
  ...(query.display_name !== undefined && { name: one(query.display_name) }),
  description: one(query.description) ?? one(query.display_description),
  lockedBy: one(query.locked_by),
  nodeName: one(query.node),
  instanceName: one(query.instance_name),
  launchIndex: one(query.launch_index),
  accessIpv4: one(query.access_ip_v4),
  accessIpv6: one(query.access_ip_v6),
  kernelId: one(query.kernel_id),
  ramdiskId: one(query.ramdisk_id),
  rootDeviceName: one(query.root_device_name),
});

/** Whatever is not a yes is a no. */
function yesOrNo(value: string | string[] | undefined): boolean | undefined {
  return value === undefined ? undefined : isYes(one(value) ?? '');
}

/** Times are also written as databases do, with a space and without a zone. */
function timeExpression(value: string | string[] | undefined): string | undefined {
  return one(value)
    ?.replace(/^(\^?\d{4}-\d{2}-\d{2}) /, '$1T')
    .replace(/Z(\$?)$/, '$1');
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
  const unknown = Object.keys(query).filter((name) => !parameters.has(name) && !name.startsWith('_'));
  if (unknown.length > 0) throw new BadRequest(`Invalid input for query parameters: unexpected ${unknown.join(', ')}.`);
}
