/** The JSON of servers, field by field and microversion by microversion (nova/api/openstack/compute/views/servers.py). */
import { hash } from 'node:crypto';
import type { ProjectContext } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { isoMicros, isoSeconds } from '../../common/http/time.ts';
import { addressesOf, type GuestAddress, securityGroupNamesOf } from '../../network/ports.ts';
import { availabilityZone } from '../limits.ts';
import { powerStateOf, progressOf, type Server, statusOf, taskStateOf, vmStateOf } from '../servers/server.ts';
import { userDataOf } from '../servers/store.ts';
import { bookmarkOf, linksOf, type Url } from './links.ts';

export interface ViewDeps {
  db: Knex;
  url: Url;
}

/** What lists without details and searches show. */
export function serverSummary(url: Url, server: Server) {
  return { id: server.id, name: server.name, links: linksOf(url, `servers/${server.id}`) };
}

/** Full views of any number of servers, with one query for each kind of thing they show. */
export async function serverViews(
  { db, url }: ViewDeps,
  ctx: ProjectContext,
  version: Version,
  servers: readonly Server[],
): Promise<object[]> {
  const ids = servers.map((server) => server.id);
  const showsUserData = ctx.isAdmin && since(version, 2, 3);
  const [addresses, groups, userData] = await Promise.all([
    addressesOf(db, ids),
    securityGroupNamesOf(db, ids),
    showsUserData ? userDataOf(db, ids) : new Map<string, string | null>(),
  ]);
  return servers.map((server) => ({
    ...coreView(url, ctx, server, addressView(addresses.get(server.id) ?? [], { extended: true })),
    key_name: server.keyName,
    config_drive: 'True', // every server has one
    'OS-EXT-AZ:availability_zone': server.hostId === null ? (server.availabilityZone ?? '') : availabilityZone,
    'OS-EXT-STS:vm_state': vmStateOf(server),
    'OS-EXT-STS:task_state': taskStateOf(server),
    'OS-EXT-STS:power_state': powerStateOf(server),
    'OS-SRV-USG:launched_at': server.launchedAt && isoMicros(server.launchedAt),
    'OS-SRV-USG:terminated_at': null,
    'os-extended-volumes:volumes_attached': [],
    ...(groups.has(server.id) && { security_groups: groups.get(server.id)?.map((name) => ({ name })) }),
    ...(ctx.isAdmin && hostAttributes(server)),
    ...(showsUserData && extendedAttributes(server, userData.get(server.id) ?? null)),
  }));
}

/** What an update answers before 2.75: the server without its extensions. */
export async function plainServerView({ db, url }: ViewDeps, ctx: ProjectContext, server: Server) {
  const addresses = (await addressesOf(db, [server.id])).get(server.id) ?? [];
  return coreView(url, ctx, server, addressView(addresses, { extended: false }));
}

function coreView(url: Url, ctx: ProjectContext, server: Server, addresses: object) {
  const status = statusOf(server);
  return {
    ...serverSummary(url, server),
    status,
    tenant_id: server.projectId,
    user_id: server.userId,
    metadata: server.metadata,
    hostId: hostIdOf(server),
    image: { id: server.imageId, links: [bookmarkOf(url, `images/${server.imageId}`)] },
    flavor: {
      id: server.flavorId,
      links: [bookmarkOf(url, `flavors/${encodeURIComponent(server.flavorId)}`)],
    },
    created: isoSeconds(server.createdAt),
    updated: isoSeconds(server.updatedAt),
    addresses,
    accessIPv4: server.accessIpv4,
    accessIPv6: server.accessIpv6,
    'OS-DCF:diskConfig': server.diskConfig,
    ...(status === 'ERROR' && { fault: faultView(ctx, server) }),
    ...((status === 'ACTIVE' || status === 'BUILD') && { progress: progressOf(server) }),
  };
}

/** By network, in the order of the ports. Also what `GET /servers/{id}/ips` answers, without the extensions. */
export function addressView(addresses: readonly GuestAddress[], { extended }: { extended: boolean }) {
  const byNetwork: Record<string, object[]> = {};
  for (const { networkName, address, version, macAddress, type } of addresses) {
    byNetwork[networkName] ??= [];
    byNetwork[networkName].push({
      version,
      addr: address,
      ...(extended && { 'OS-EXT-IPS:type': type, 'OS-EXT-IPS-MAC:mac_addr': macAddress }),
    });
  }
  return byNetwork;
}

/** Tells a project which of its servers share a host, and nobody which host that is. */
function hostIdOf({ projectId, hostName }: Server): string {
  return hostName === null ? '' : hash('sha224', projectId + hostName);
}

/** Details are for administrators: they may name hosts and what runs on them. */
function faultView(ctx: ProjectContext, server: Server) {
  const message = server.unplacedReason ?? server.faultMessage ?? '';
  const details = server.unplacedDetails ?? server.faultDetails ?? '';
  const created = isoSeconds(server.faultAt ?? server.createdAt);
  return { code: 500, created, message, ...(ctx.isAdmin && { details }) };
}

function hostAttributes(server: Server) {
  return {
    'OS-EXT-SRV-ATTR:host': server.hostName,
    'OS-EXT-SRV-ATTR:hypervisor_hostname': server.hostName,
    'OS-EXT-SRV-ATTR:instance_name': `cs-${server.id}`,
  };
}

function extendedAttributes(server: Server, userData: string | null) {
  return {
    'OS-EXT-SRV-ATTR:reservation_id': server.reservationId,
    'OS-EXT-SRV-ATTR:launch_index': server.launchIndex,
    'OS-EXT-SRV-ATTR:hostname': server.hostname,
    'OS-EXT-SRV-ATTR:kernel_id': '',
    'OS-EXT-SRV-ATTR:ramdisk_id': '',
    'OS-EXT-SRV-ATTR:root_device_name': '/dev/vda',
    'OS-EXT-SRV-ATTR:user_data': userData,
  };
}
