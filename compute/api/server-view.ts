/** The JSON of servers, field by field and microversion by microversion (nova/api/openstack/compute/views/servers.py). */
import { hash } from 'node:crypto';
import type { ProjectContext } from '../../common/context.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { isoMicros, isoSeconds } from '../../common/http/time.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import { addressesOf, type GuestAddress, securityGroupNamesOf } from '../../network/ports.ts';
import { zonesByHost } from '../aggregates/zones.ts';
import { availabilityZone } from '../limits.ts';
import { groupIdsOf } from '../server-groups/membership.ts';
import { hostStatusesOf } from '../servers/host-status.ts';
import type { Server } from '../servers/server.ts';
import { powerStateOf, progressOf, statusOf, taskStateOf, vmStateOf } from '../servers/states.ts';
import { userDataOf } from '../servers/store.ts';
import type { ComputeApiDeps } from './deps.ts';
import { bookmarkOf, linksOf, type Url } from './links.ts';

export const serverViewPolicy = definePolicy({
  'os_compute_api:os-extended-server-attributes': projectAdmin('See the host and the user data of a server'),
  'os_compute_api:servers:show:host_status': projectAdmin("See the state of a server's host"),
});
const attributesRule = serverViewPolicy['os_compute_api:os-extended-server-attributes'];
const hostStatusRule = serverViewPolicy['os_compute_api:servers:show:host_status'];

/** Whether they are told the names of hosts. */
export function showsHosts({ enforcer }: Pick<ComputeApiDeps, 'enforcer'>, ctx: ProjectContext): boolean {
  return enforcer.allows(ctx, attributesRule);
}

/** What lists without details and searches show. */
export function serverSummary(url: Url, server: Server) {
  return { id: server.id, name: server.name, links: linksOf(url, `servers/${server.id}`) };
}

/** Full views of any number of servers, with one query for each kind of thing they show. */
export async function serverViews(
  deps: ComputeApiDeps,
  ctx: ProjectContext,
  version: Version,
  servers: readonly Server[],
  { isList = false }: { isList?: boolean } = {},
): Promise<object[]> {
  const { db, url, enforcer } = deps;
  const ids = servers.map((server) => server.id);
  const showsAttributes = showsHosts(deps, ctx);
  const showsUserData = showsAttributes && since(version, 2, 3);
  const showsHostStatus = since(version, 2, 16) && enforcer.allows(ctx, hostStatusRule);
  const showsServerGroups = since(version, 2, 71) && !isList;
  const shows = labelsShownIn(version);
  const [addresses, groups, zones, userData, hostStatuses, serverGroups] = await Promise.all([
    addressesOf(db, ids),
    securityGroupNamesOf(db, ids),
    zonesByHost(db),
    showsUserData ? userDataOf(db, ids) : new Map<string, string | null>(),
    showsHostStatus ? hostStatusesOf(db) : new Map<string, string>(),
    showsServerGroups ? groupIdsOf(db, ids) : new Map<string, string>(),
  ]);
  const hostIds = new Map<string, string>();
  const hostIdOnce = (server: Server) => {
    const key = `${server.projectId} ${server.hostName}`;
    const hostId = hostIds.get(key) ?? hostIdOf(server);
    hostIds.set(key, hostId);
    return hostId;
  };
  // One literal for each, where what is not shown is undefined, which JSON leaves out: putting together a page of a thousand
  // from parts took a third longer, most of it for collecting what was left of the parts.
  return servers.map((server) => ({
    ...coreView(url, ctx, version, server, {
      addresses: shownAddresses(server, addresses.get(server.id), { extended: true }),
      hostId: hostIdOnce(server),
    }),
    locked: shown(shows.locked, server.lockedBy !== null),
    description: shown(shows.description, server.description),
    tags: shown(shows.tags, server.tags),
    trusted_image_certificates: shown(shows.certificates, null),
    locked_reason: shown(shows.lockedReason, server.lockedReason),
    server_groups: shown(showsServerGroups, [serverGroups.get(server.id) ?? []].flat()),
    key_name: server.keyName,
    config_drive: server.hasConfigDrive ? 'True' : '',
    'OS-EXT-AZ:availability_zone': zoneOf(server, zones),
    pinned_availability_zone: shown(shows.pinnedZone, server.availabilityZone),
    'OS-EXT-STS:vm_state': vmStateOf(server),
    'OS-EXT-STS:task_state': taskStateOf(server),
    'OS-EXT-STS:power_state': powerStateOf(server),
    'OS-SRV-USG:launched_at': server.launchedAt && isoMicros(server.launchedAt),
    'OS-SRV-USG:terminated_at': server.goneAt ? isoMicros(server.goneAt) : null,
    'os-extended-volumes:volumes_attached': [],
    security_groups: groups.get(server.id)?.map((name) => ({ name })),
    host_status: shown(showsHostStatus, server.hostId === null ? '' : (hostStatuses.get(server.hostId) ?? '')),
    'OS-EXT-SRV-ATTR:host': shown(showsAttributes, server.hostName),
    'OS-EXT-SRV-ATTR:hypervisor_hostname': shown(showsAttributes, server.hostName),
    'OS-EXT-SRV-ATTR:instance_name': shown(showsAttributes, `cs-${server.id}`),
    'OS-EXT-SRV-ATTR:reservation_id': shown(showsUserData, server.reservationId),
    'OS-EXT-SRV-ATTR:launch_index': shown(showsUserData, server.launchIndex),
    'OS-EXT-SRV-ATTR:hostname': shown(showsUserData || shows.hostname, server.hostname),
    'OS-EXT-SRV-ATTR:kernel_id': shown(showsUserData, ''),
    'OS-EXT-SRV-ATTR:ramdisk_id': shown(showsUserData, ''),
    'OS-EXT-SRV-ATTR:root_device_name': shown(showsUserData, '/dev/vda'),
    'OS-EXT-SRV-ATTR:user_data': shown(showsUserData, userData.get(server.id) ?? null),
  }));
}

function shown<T>(is: boolean, value: T): T | undefined {
  return is ? value : undefined;
}

/** What servers say of themselves from some microversion on. */
function labelsShownIn(version: Version) {
  return {
    locked: since(version, 2, 9),
    description: since(version, 2, 19),
    tags: since(version, 2, 26),
    certificates: since(version, 2, 63),
    lockedReason: since(version, 2, 73),
    hostname: since(version, 2, 90),
    pinnedZone: since(version, 2, 96),
  };
}

/**
 * What an update and a rebuild answer: before 2.75 the server without its extensions, then all of it. A rebuild tells of keys
 * and user data earlier, as it can change them.
 */
export async function changedServerView(
  deps: ComputeApiDeps,
  ctx: ProjectContext,
  version: Version,
  server: Server,
  change: 'update' | 'rebuild',
): Promise<object> {
  const { db, url } = deps;
  const isRebuild = change === 'rebuild';
  const showsUserData = isRebuild && since(version, 2, 57);
  const userData = showsUserData
    ? { user_data: (await userDataOf(db, [server.id])).get(server.id) ?? null }
    : undefined;
  if (since(version, 2, 75)) {
    const [view] = await serverViews(deps, ctx, version, [server]);
    if (!isRebuild) return view as object;
    const { 'OS-EXT-SRV-ATTR:user_data': _, ...rest } = view as Record<string, unknown>;
    return { ...rest, ...userData };
  }
  const addresses = (await addressesOf(db, [server.id])).get(server.id);
  const shows = labelsShownIn(version);
  return {
    ...coreView(url, ctx, version, server, {
      addresses: shownAddresses(server, addresses, { extended: false }),
      hostId: hostIdOf(server),
    }),
    locked: shown(shows.locked, server.lockedBy !== null),
    description: shown(shows.description, server.description),
    tags: shown(shows.tags, server.tags),
    trusted_image_certificates: shown(shows.certificates, null),
    locked_reason: shown(shows.lockedReason, server.lockedReason),
    ...(since(version, 2, 71) && { server_groups: [(await groupIdsOf(db, [server.id])).get(server.id) ?? []].flat() }),
    ...(isRebuild && since(version, 2, 54) && { key_name: server.keyName }),
    ...userData,
  };
}

/** In all of Nova's views of a server, whatever asks for it. */
function coreView(
  url: Url,
  ctx: ProjectContext,
  version: Version,
  server: Server,
  { addresses, hostId }: { addresses: object; hostId: string },
) {
  const status = statusOf(server);
  return {
    id: server.id,
    name: server.name,
    links: linksOf(url, `servers/${server.id}`),
    status,
    tenant_id: server.projectId,
    user_id: server.userId,
    metadata: server.metadata,
    hostId,
    image: { id: server.imageId, links: [bookmarkOf(url, `images/${server.imageId}`)] },
    flavor: since(version, 2, 47) ? embeddedFlavor(server) : flavorReference(url, server),
    created: isoSeconds(server.createdAt),
    updated: isoSeconds(server.updatedAt),
    addresses,
    accessIPv4: server.accessIpv4,
    accessIPv6: server.accessIpv6,
    'OS-DCF:diskConfig': server.diskConfig,
    fault: status === 'ERROR' || (status === 'DELETED' && server.isFaulty) ? faultView(ctx, server) : undefined,
    progress: showsProgress.has(status) ? progressOf(server) : undefined,
  };
}

const showsProgress = new Set(['ACTIVE', 'BUILD', 'REBUILD', 'RESIZE', 'VERIFY_RESIZE', 'MIGRATING']);

/** Its host's; what was asked for while it has none. */
function zoneOf({ hostName, availabilityZone: asked }: Server, zones: ReadonlyMap<string, string>): string {
  return hostName === null ? (asked ?? '') : (zones.get(hostName) ?? availabilityZone);
}

function flavorReference(url: Url, { flavorId }: Server) {
  return { id: flavorId, links: [bookmarkOf(url, `flavors/${encodeURIComponent(flavorId)}`)] };
}

/** As it was when the server was made or resized. */
function embeddedFlavor(server: Server) {
  return {
    vcpus: server.vcpus,
    ram: server.memoryMib,
    disk: server.diskGib,
    ephemeral: server.ephemeralGib,
    swap: server.swapMib,
    original_name: server.flavorName,
    extra_specs: server.extraSpecs,
  };
}

/**
 * By network, in the order of the ports. Also what `GET /servers/{id}/ips` answers, without the extensions. Projects name their
 * networks as they like: no name may mean anything to an object.
 */
export function addressView(
  addresses: readonly GuestAddress[],
  { extended }: { extended: boolean },
): Record<string, object[]> {
  const viewOf = ({ address, version, macAddress, type }: GuestAddress) => ({
    version,
    addr: address,
    ...(extended && { 'OS-EXT-IPS:type': type, 'OS-EXT-IPS-MAC:mac_addr': macAddress }),
  });
  const byNetwork = Map.groupBy(addresses, ({ networkName }) => networkName);
  return Object.fromEntries([...byNetwork].map(([name, ofNetwork]) => [name, ofNetwork.map(viewOf)]));
}

/** None while it is built (`_get_addresses` of Nova's view). */
function shownAddresses(server: Server, addresses: readonly GuestAddress[] = [], form: { extended: boolean }) {
  return vmStateOf(server) === 'building' ? {} : addressView(addresses, form);
}

/** Tells a project which of its servers share a host, and nobody which host that is. */
export function hostIdOf({ projectId, hostName }: Pick<Server, 'projectId' | 'hostName'>): string {
  return hostName === null ? '' : hash('sha224', projectId + hostName);
}

/** Details are for administrators: they may name hosts and what runs on them. */
function faultView(ctx: ProjectContext, server: Server) {
  const isMarked = server.markedErrorAt !== null && !server.isFaulty;
  const message = isMarked
    ? 'An administrator set the server to error.'
    : (server.unplacedReason ?? server.faultMessage ?? '');
  const details = isMarked ? '' : (server.unplacedDetails ?? server.faultDetails ?? '');
  const created = isoSeconds((isMarked ? server.markedErrorAt : server.faultAt) ?? server.createdAt);
  return { code: 500, created, message, ...(ctx.isAdmin && { details }) };
}
