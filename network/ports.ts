/**
 * What other services may do with networks: every function takes `db` first, so that one transaction spans services.
 * They check scope (an id of somebody else is not found) but no policy: the caller's own rule stands for the whole request.
 */

import type { Visible } from '../common/context.ts';
import { type Knex, preparedQuery } from '../common/database/database.ts';
import { BadRequest, Conflict, Forbidden, NotFound } from '../common/errors.ts';
import { isUuid } from '../common/ids.ts';
import type { GuestPort } from '../compute/drivers/driver.ts';
import { PortInUse } from './errors.ts';
import { change } from './lifecycle.ts';
import { lockNetwork, visibleNetworks } from './networks/store.ts';
import { insertPort } from './ports/insert.ts';
import { removePort } from './ports/removal.ts';
import { lockPort } from './ports/store.ts';
import { checkQuota } from './quotas/operations.ts';
import { ensureDefaultGroup } from './security-groups/default-group.ts';

/** A port for a device: a new one on a network, or one the user made before. */
export interface PortRequest {
  projectId: string;
  /** Whose networks and ports the caller may name: `visibleTo(ctx)`. */
  visible: Visible;
  /** Exactly one of `networkId` and `portId`. */
  networkId?: string;
  portId?: string;
  /** A free address of the network, for a new port; any free one when absent. */
  fixedIp?: string;
  /** For a new port; the project's default group when absent, none when empty. As `resolveSecurityGroups` gives them. */
  securityGroupIds?: string[];
  /** The server or container. */
  deviceId: string;
  /** `compute:nova`, `compute:kuryr` … */
  deviceOwner: string;
  /** Of a new port; empty when absent. */
  name?: string;
  /** What the guest is told that the port is for. */
  tag?: string;
  /** A network that has no addresses to give is refused, as Nova does for new servers; else the port has none. */
  needsSubnet?: boolean;
  /** The host that will carry it; null while that is not known (`bindPort` later). */
  hostName: string | null;
}

/** An address of a guest, as compute shows them. */
export interface GuestAddress {
  networkId: string;
  networkName: string;
  portId: string;
  address: string;
  version: 4 | 6;
  macAddress: string;
  type: 'fixed' | 'floating';
  /** Of a fixed address. */
  subnetId: string | null;
  /** Whether the port was made for the guest and goes with it. */
  isPortOfGuest: boolean;
}

/**
 * Gives the device a port, inside the caller's transaction. Throws `NetworkNotFound`/`PortNotFound` (as `NotFound`),
 * `Conflict` kinds (`PortInUse`, `IpAddressInUse`, `IpAddressGenerationFailure`), `Forbidden`, `OverQuota`, and `BadRequest` in Nova's
 * words (nova/exception.py, `NetworkRequiresSubnet`, `PortRequiresFixedIP`).
 */
export async function createPort(trx: Knex, request: PortRequest): Promise<{ id: string; networkId: string }> {
  if (request.portId !== undefined) return await takePort(trx, request, request.portId);
  if (request.networkId === undefined) throw new BadRequest('A port needs a network.');
  const network = await lockNetwork(trx, request.visible, request.networkId);
  if (network.external && !network.shared && network.projectId !== request.projectId && request.visible !== 'everyone')
    throw new Forbidden(`It is not allowed to create an interface on external network ${network.id}.`);
  if (request.needsSubnet && network.subnetIds.length === 0)
    throw new BadRequest(`Network ${network.id} requires a subnet in order to boot instances on.`);
  // As `create_port:fixed_ips:ip_address` has it: on somebody else's network one gets an address, one does not choose it.
  if (request.fixedIp !== undefined && network.projectId !== request.projectId && request.visible !== 'everyone')
    throw new Forbidden(
      `It is not allowed to choose an address on network ${network.id}, which is shared by another project.`,
    );
  await checkQuota(trx, request.projectId, 'port');
  const groups = request.securityGroupIds ?? [await ensureDefaultGroup(trx, request.projectId)];
  const id = await insertPort(trx, request.visible, {
    projectId: request.projectId,
    networkId: network.id,
    name: request.name,
    portSecurityEnabled: network.portSecurityEnabled,
    deviceId: request.deviceId,
    deviceOwner: request.deviceOwner,
    attachedTo: request.deviceId,
    madeForDevice: true,
    deviceTag: request.tag,
    hostName: request.hostName,
    fixedIps: request.fixedIp === undefined ? undefined : [{ address: request.fixedIp }],
    securityGroupIds: network.portSecurityEnabled ? groups : [],
  });
  return { id, networkId: network.id };
}

async function takePort(trx: Knex, request: PortRequest, portId: string): Promise<{ id: string; networkId: string }> {
  const port = await lockPort(trx, request.visible, portId);
  if (port.attachedTo !== null || port.deviceOwner.startsWith('network:'))
    throw new PortInUse(`Port ${portId} is still in use.`);
  if (request.needsSubnet && port.fixedIps.length === 0) await requireSubnet(trx, port);
  await change(trx, 'ports', portId, {
    attached_to: request.deviceId,
    attached_order: trx.raw(`nextval('ports_attached_order')`),
    device_id: request.deviceId,
    device_owner: request.deviceOwner,
    host_name: request.hostName,
    device_tag: request.tag ?? null,
  });
  return { id: portId, networkId: port.networkId };
}

/** Without an address where there are some, a port was meant to have none. */
async function requireSubnet(trx: Knex, { id, networkId }: { id: string; networkId: string }): Promise<void> {
  const subnet = await trx('subnets').where({ network_id: networkId, deletion_requested_at: null }).first('id');
  if (subnet === undefined) throw new BadRequest(`Port ${id} requires a FixedIP in order to be used.`);
}

/** Says which host carries the port; null unbinds it. A port that is not there any more is left alone. */
export async function bindPort(trx: Knex, portId: string, hostName: string | null): Promise<void> {
  await trx('ports').where({ id: portId }).update({ host_name: hostName, updated_at: trx.fn.now() });
}

/** Says which host carries all ports of the device, null while none does, and what it is there, when that may differ. */
export async function bindPorts(
  trx: Knex,
  deviceId: string,
  { hostName, deviceOwner }: { hostName: string | null; deviceOwner?: string },
): Promise<void> {
  const ids = await trx('ports')
    .where({ attached_to: deviceId })
    .whereNull('deletion_requested_at')
    .orderBy('id')
    .pluck('id');
  const columns = { host_name: hostName, ...(deviceOwner !== undefined && { device_owner: deviceOwner }) };
  for (const id of ids) await change(trx, 'ports', id, columns);
}

/** Takes one port, or all, from the device: deletes those made for it, frees those that the user made. */
export async function releasePorts(trx: Knex, deviceId: string, portId?: string): Promise<void> {
  const query = trx('ports')
    .where({ attached_to: deviceId })
    .whereNull('deletion_requested_at')
    .orderBy('id')
    .forUpdate();
  if (portId !== undefined) query.where({ id: portId });
  for (const port of await query.select('id', 'made_for_device'))
    if (port.made_for_device) await removePort(trx, port.id);
    else
      await change(trx, 'ports', port.id, {
        attached_to: null,
        attached_order: null,
        device_tag: null,
        device_id: '',
        device_owner: '',
        host_name: null,
      });
}

/** What drivers plug, by device, in the order in which the ports were given; devices without ports are absent. */
export async function guestPorts(db: Knex, deviceIds: readonly string[]): Promise<Map<string, GuestPort[]>> {
  const rows = await attachedPorts(db, deviceIds)
    .join('networks as n', 'n.id', 'p.network_id')
    .select(
      'n.mtu',
      db.raw(`(select coalesce(json_agg(json_build_object('address', host(a.address), 'prefixLength', masklen(s.cidr),
          'gateway', host(s.gateway_ip), 'dnsServers', s.dns_nameservers) order by a.address), '[]')
        from port_addresses a join subnets s on s.id = a.subnet_id
        where a.port_id = p.id and not a.released) as addresses`),
    );
  return grouped(rows, (row) => ({
    id: row.id,
    macAddress: row.mac_address,
    ...(row.device_tag !== null && { tag: row.device_tag }),
    mtu: row.mtu,
    addresses: row.addresses.map((one: GuestPort['addresses'][number]) => ({
      address: one.address,
      prefixLength: one.prefixLength,
      gateway: one.gateway,
    })),
    dnsServers: [...new Set<string>(row.addresses.flatMap((one: { dnsServers: string[] }) => one.dnsServers))],
  }));
}

function attachedPorts(db: Knex, deviceIds: readonly string[]): Knex.QueryBuilder {
  return db('ports as p')
    .select('p.id', 'p.mac_address', 'p.attached_to', 'p.device_tag')
    .whereRaw('p.attached_to = any(?)', [[...deviceIds]]) // one parameter: hundreds take the server longer than the rows
    .whereNull('p.deletion_requested_at')
    .orderBy('p.attached_order');
}

// biome-ignore lint/suspicious/noExplicitAny: rows of joined queries, shaped by the select lists next to the callers
function grouped<T>(rows: any[], view: (row: any) => T): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(row.attached_to);
    if (group === undefined) groups.set(row.attached_to, [view(row)]);
    else group.push(view(row));
  }
  return groups;
}

/** Fixed and floating addresses by device, fixed before floating within a port; one query. */
export async function addressesOf(db: Knex, deviceIds: readonly string[]): Promise<Map<string, GuestAddress[]>> {
  const { rows } = await preparedQuery(db, 'addresses of guests', addressesSql, { deviceIds });
  return grouped(rows, (row) => ({
    networkId: row.network_id,
    networkName: row.network_name,
    portId: row.id,
    address: row.address,
    version: row.version,
    macAddress: row.mac_address,
    type: row.type,
    subnetId: row.subnet_id,
    isPortOfGuest: row.made_for_device,
  }));
}

/** Lateral: joined to all addresses there are, PostgreSQL would read all of them for the few of a guest. */
const addressesSql = `
  select p.attached_to, p.id, p.mac_address, p.made_for_device, n.id as network_id, n.name as network_name,
    a.type, a.subnet_id, host(a.address) as address, family(a.address) as version
  from ports p
  join networks n on n.id = p.network_id
  cross join lateral (
    select 'fixed' as type, address, subnet_id from port_addresses where port_id = p.id and not released
    union all
    select 'floating', floating_address, null from floating_ips where port_id = p.id) a
  where p.attached_to = any(:deviceIds::text[]) and p.deletion_requested_at is null
  order by p.attached_order, a.type, a.address`;

/** Devices with a fixed address, of IPv4 or IPv6, that matches the regular expression; a query to be part of another. */
export function devicesWithAddress(db: Knex, version: 4 | 6, expression: string): Knex.QueryBuilder {
  return db('ports as p')
    .join('port_addresses as a', 'a.port_id', 'p.id')
    .whereNull('p.deletion_requested_at')
    .whereNot('a.released', true)
    .whereNotNull('p.attached_to')
    .whereRaw('family(a.address) = ?', [version])
    .whereRaw('host(a.address) ~ ?', [expression])
    .select('p.attached_to');
}

/**
 * The network of a request that names none: the project's only one, else the only shared one that is not external;
 * undefined when there is none. Throws `Conflict` when there are several.
 */
export async function defaultNetworkFor(db: Knex, projectId: string): Promise<string | undefined> {
  const rows: { id: string; project_id: string }[] = await visibleNetworks(db, { projectId }).where(
    'n.external',
    false,
  );
  const own = rows.filter((row) => row.project_id === projectId);
  const candidates = own.length > 0 ? own : rows;
  if (candidates.length > 1)
    throw new Conflict('Multiple possible networks found, use a Network ID to be more specific.');
  return candidates[0]?.id;
}

/** The id of a network that is given by id or by name. Throws `NotFound`, and `Conflict` when a name is not unique. */
export async function resolveNetwork(db: Knex, visible: Visible, nameOrId: string): Promise<string> {
  const matching = (condition: object) => visibleNetworks(db, visible).where(condition).limit(2);
  const byId: { id: string }[] = isUuid(nameOrId) ? await matching({ 'n.id': nameOrId }) : [];
  const found: { id: string }[] = byId.length > 0 ? byId : await matching({ 'n.name': nameOrId });
  if (found.length > 1)
    throw new Conflict(`Multiple networks found matching '${nameOrId}'. Use an ID to be more specific.`);
  if (found[0] === undefined) throw new NotFound('Network', nameOrId);
  return found[0].id;
}

/** Names or ids of the project's groups to ids. Throws `NotFound`, and `Conflict` when a name is not unique. */
export async function resolveSecurityGroups(
  db: Knex,
  projectId: string,
  namesOrIds: readonly string[],
): Promise<string[]> {
  if (namesOrIds.includes('default')) await ensureDefaultGroup(db, projectId);
  const rows = await db('security_groups')
    .where({ project_id: projectId })
    .whereNull('deletion_requested_at')
    .where((either) => either.whereIn('name', [...namesOrIds]).orWhereIn('id', namesOrIds.filter(isUuid)))
    .select('id', 'name');
  const ids = namesOrIds.map((wanted) => {
    const matches = rows.filter((row) => row.id === wanted.toLowerCase());
    const found = matches.length > 0 ? matches : rows.filter((row) => row.name === wanted);
    if (found.length > 1)
      throw new Conflict(`Multiple security groups found matching '${wanted}'. Use an ID to be more specific.`);
    if (found.length === 0) throw new NotFound('Security Group', wanted);
    return found[0].id as string;
  });
  return [...new Set(ids)];
}

/** Names of the security groups of each device's ports, without repetition; for compute's `security_groups`. */
export async function securityGroupNamesOf(db: Knex, deviceIds: readonly string[]): Promise<Map<string, string[]>> {
  const { rows } = await preparedQuery(db, 'security group names of guests', securityGroupsSql('name'), { deviceIds });
  return grouped(rows, (row) => row.name);
}

/** The same by their ids. */
export async function securityGroupIdsOf(db: Knex, deviceIds: readonly string[]): Promise<Map<string, string[]>> {
  const { rows } = await preparedQuery(db, 'security group ids of guests', securityGroupsSql('id'), { deviceIds });
  return grouped(rows, (row) => row.id);
}

const securityGroupsSql = (column: 'id' | 'name') => `
  select distinct g.${column}, p.attached_to
  from ports p
  join port_security_groups x on x.port_id = p.id
  join security_groups g on g.id = x.security_group_id
  where p.attached_to = any(:deviceIds::text[]) and p.deletion_requested_at is null
  order by g.${column}`;
