/** The ports of guests as compute shows and changes them. As in `ports.ts`: `db` first, scope checked, policy the caller's. */
import type { Visible } from '../common/context.ts';
import type { Knex } from '../common/database/database.ts';
import { BadRequest, NotFound } from '../common/errors.ts';
import { isUuid } from '../common/ids.ts';
import { noAddressLeft, takeAnyAddress } from './addresses/allocate.ts';
import { InvalidInput } from './errors.ts';
import { disassociatePort } from './floating-ips/association.ts';
import { change } from './lifecycle.ts';
import { mostAddresses } from './ports/addresses.ts';
import { setSecurityGroups } from './ports/insert.ts';
import { type FixedIp, type Port, statusOfPort } from './ports/port.ts';
import { type PortRow, portFromRow, visiblePorts } from './ports/store.ts';
import { securityGroupIdsOf } from './ports.ts';
import type { SecurityGroup } from './security-groups/security-group.ts';
import { groupFromRow, type SecurityGroupRow, visibleGroups } from './security-groups/store.ts';
import { subnetsOf } from './subnets/store.ts';

/** A port that is plugged into a guest. */
export interface Interface {
  portId: string;
  networkId: string;
  macAddress: string;
  status: 'ACTIVE' | 'DOWN' | 'ERROR' | 'N/A';
  fixedIps: FixedIp[];
  /** What the guest is told it is for. */
  tag: string | null;
}

/** In the order in which they were given to the guest. */
export async function interfacesOf(db: Knex, deviceId: string): Promise<Interface[]> {
  const rows = await attached(db, deviceId).orderBy('p.attached_order');
  return rows.map(fromRow);
}

/** Throws `NotFound` for a port that is not the guest's. */
export async function interfaceOf(db: Knex, deviceId: string, portId: string): Promise<Interface> {
  const row = isUuid(portId) ? await attached(db, deviceId).where('p.id', portId).first() : undefined;
  if (row === undefined) throw new NotFound('Port', portId);
  return fromRow(row);
}

/** The ids of what is plugged into each of the guests, in the order of the ids; guests without ports are absent. */
export async function attachedPortIds(db: Knex, deviceIds: readonly string[]): Promise<Map<string, string[]>> {
  const rows = await db('ports')
    .whereRaw('attached_to = any(?)', [[...deviceIds]])
    .whereNull('deletion_requested_at')
    .groupBy('attached_to')
    .select('attached_to', db.raw('array_agg(id::text order by id) as ids'));
  return new Map(rows.map((row) => [row.attached_to, row.ids]));
}

/** The ids of what is plugged into one guest, in their order; a query to be part of another. */
export function selectAttachedPortIds(db: Knex, deviceId: string): Knex.QueryBuilder {
  return db('ports')
    .where({ attached_to: deviceId })
    .whereNull('deletion_requested_at')
    .orderBy('id')
    .select(db.raw('id::text'));
}

/** Of the guest's ports, those that stay when it goes: somebody made them before. */
export async function lastingPortIds(db: Knex, deviceId: string): Promise<string[]> {
  return db('ports')
    .where({ attached_to: deviceId, made_for_device: false })
    .whereNull('deletion_requested_at')
    .orderBy('id')
    .pluck('id');
}

/** Gives the guest's port on that network one more address. Throws `NotFound` when it has none there, `Conflict` when all are taken. */
export async function addAddress(trx: Knex, deviceId: string, networkId: string): Promise<void> {
  const port = isUuid(networkId)
    ? await attached(trx, deviceId).where('p.network_id', networkId).orderBy('p.attached_order').first()
    : undefined;
  if (port === undefined) throw new NotFound('Network', networkId);
  if (portFromRow(port).fixedIps.length >= mostAddresses)
    throw new InvalidInput(
      `Invalid input for operation: Exceeded maximum amount of fixed ips per port (${mostAddresses}).`,
    );
  for (const subnet of await subnetsOf(trx, networkId))
    if ((await takeAnyAddress(trx, port.id, subnet)) !== undefined) {
      await change(trx, 'ports', port.id);
      return;
    }
  throw noAddressLeft(networkId);
}

/** Takes one address off the guest's port that has it. Throws `NotFound` when none has. */
export async function removeAddress(trx: Knex, deviceId: string, address: string): Promise<void> {
  const rows: PortRow[] = await attached(trx, deviceId);
  const port = rows.map(portFromRow).find(({ fixedIps }) => fixedIps.some((one) => one.address === address));
  if (port === undefined) throw new NotFound('Fixed IP', address);
  await trx('port_addresses').where({ port_id: port.id, address, released: false }).update({ released: true });
  const kept = port.fixedIps.map((one) => one.address).filter((one) => one !== address);
  await disassociatePort(trx, port.id, kept);
  await change(trx, 'ports', port.id);
}

/** The groups of the guest's ports, each once, by their names. */
export async function groupsOf(db: Knex, deviceId: string): Promise<SecurityGroup[]> {
  const ids = (await securityGroupIdsOf(db, [deviceId])).get(deviceId) ?? [];
  const rows: SecurityGroupRow[] = await visibleGroups(db, 'everyone').whereIn('g.id', ids).orderBy(['g.name', 'g.id']);
  return rows.map(groupFromRow);
}

/** Gives all ports of the guest that are secured the group. Throws `BadRequest` when there is none, or all have it. */
export async function addGroup(trx: Knex, visible: Visible, deviceId: string, groupId: string): Promise<void> {
  const ports = (await lockAttached(trx, deviceId)).filter((port) => port.portSecurityEnabled);
  const without = ports.filter((port) => !port.securityGroupIds.includes(groupId));
  if (ports.length === 0)
    throw new BadRequest(`Instance ${deviceId} has no port that a security group can be applied to.`);
  if (without.length === 0)
    throw new BadRequest(`Security group ${groupId} is already associated with the instance ${deviceId}`);
  for (const port of without) {
    await setSecurityGroups(trx, visible, port.id, [...port.securityGroupIds, groupId]);
    await change(trx, 'ports', port.id);
  }
}

/** Takes the group from all ports of the guest. Throws `BadRequest` when none has it. */
export async function removeGroup(trx: Knex, deviceId: string, groupId: string): Promise<void> {
  const having = (await lockAttached(trx, deviceId)).filter((port) => port.securityGroupIds.includes(groupId));
  if (having.length === 0)
    throw new BadRequest(`Security group ${groupId} not associated with the instance ${deviceId}`);
  for (const port of having) {
    const others = port.securityGroupIds.filter((id) => id !== groupId);
    await setSecurityGroups(trx, 'everyone', port.id, others);
    await change(trx, 'ports', port.id);
  }
}

/** Locked in the order of their ids, as whoever releases them does. */
async function lockAttached(trx: Knex, deviceId: string): Promise<Port[]> {
  await trx('ports').where({ attached_to: deviceId }).orderBy('id').forUpdate().select('id');
  const rows: PortRow[] = await attached(trx, deviceId).orderBy('p.id');
  return rows.map(portFromRow);
}

function attached(db: Knex, deviceId: string): Knex.QueryBuilder {
  return visiblePorts(db, 'everyone').where('p.attached_to', deviceId);
}

function fromRow(row: PortRow): Interface {
  const port = portFromRow(row);
  return {
    portId: port.id,
    networkId: port.networkId,
    macAddress: port.macAddress,
    status: statusOfPort(port),
    fixedIps: port.fixedIps,
    tag: row.device_tag,
  };
}
