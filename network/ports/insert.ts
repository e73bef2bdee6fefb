import { randomBytes } from 'node:crypto';
import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { violatedConstraint } from '../../common/database/database.ts';
import { MacAddressInUse } from '../errors.ts';
import { wake } from '../lifecycle.ts';
import { holdSecurityGroup } from '../security-groups/store.ts';
import { allocate, type WantedAddress } from './addresses.ts';
import type { AddressPair } from './port.ts';

export interface NewPortRow {
  projectId: string;
  networkId: string;
  name?: string;
  description?: string;
  adminStateUp?: boolean;
  macAddress?: string;
  portSecurityEnabled: boolean;
  deviceId?: string;
  deviceOwner?: string;
  attachedTo?: string;
  madeForDevice?: boolean;
  deviceTag?: string;
  hostName?: string | null;
  vnicType?: string;
  bindingProfile?: Record<string, unknown>;
  allowedAddressPairs?: AddressPair[];
  usedByRouter?: string;
  /** Undefined: any one address. */
  fixedIps?: readonly WantedAddress[];
  securityGroupIds: readonly string[];
}

/** Writes a port with its addresses and groups; whoever calls has checked that it may be. `visible`: whose groups it may have. */
export async function insertPort(trx: Knex, visible: Visible, port: NewPortRow): Promise<string> {
  const id = await insertRow(trx, port);
  await allocate(trx, id, port.networkId, port.fixedIps);
  await insertGroups(trx, id, await holdAll(trx, visible, port.securityGroupIds));
  await wake(trx, 'ports', id);
  return id;
}

async function insertRow(trx: Knex, port: NewPortRow): Promise<string> {
  for (;;) {
    const [row] = await trx('ports')
      .insert({
        project_id: port.projectId,
        network_id: port.networkId,
        name: port.name,
        description: port.description,
        admin_state_up: port.adminStateUp,
        mac_address: port.macAddress ?? newMacAddress(),
        port_security_enabled: port.portSecurityEnabled,
        device_id: port.deviceId,
        device_owner: port.deviceOwner,
        attached_to: port.attachedTo,
        attached_order: port.attachedTo === undefined ? undefined : trx.raw(`nextval('ports_attached_order')`),
        made_for_device: port.madeForDevice,
        device_tag: port.deviceTag,
        host_name: port.hostName,
        vnic_type: port.vnicType,
        binding_profile: port.bindingProfile && JSON.stringify(port.bindingProfile),
        allowed_address_pairs: port.allowedAddressPairs && JSON.stringify(port.allowedAddressPairs),
        used_by_router: port.usedByRouter,
      })
      .onConflict(trx.raw('(network_id, mac_address) where deletion_requested_at is null'))
      .ignore()
      .returning('id');
    if (row !== undefined) return row.id;
    if (port.macAddress !== undefined) throw macInUse(port.networkId, port.macAddress);
  }
}

export function macInUse(networkId: string, macAddress: string): MacAddressInUse {
  return new MacAddressInUse(
    `Unable to complete operation for network ${networkId}. The mac address ${macAddress} is in use.`,
  );
}

export function isMacConflict(error: unknown): boolean {
  return violatedConstraint(error) === 'ports_mac_address_key';
}

/** In the range that OpenStack's clouds use by default. */
function newMacAddress(): string {
  return `fa:16:3e:${[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
}

/** Throws `SecurityGroupNotFound` for a group that the caller may not see. */
export async function setSecurityGroups(
  trx: Knex,
  visible: Visible,
  portId: string,
  groupIds: readonly string[],
): Promise<void> {
  const held = await holdAll(trx, visible, groupIds);
  await trx('port_security_groups').where({ port_id: portId }).delete();
  await insertGroups(trx, portId, held);
}

/** Each once, and in one order for everybody, so that nobody waits in a circle. */
async function holdAll(trx: Knex, visible: Visible, groupIds: readonly string[]): Promise<string[]> {
  const unique = [...new Set(groupIds)].toSorted();
  for (const id of unique) await holdSecurityGroup(trx, visible, id);
  return unique;
}

async function insertGroups(trx: Knex, portId: string, groupIds: readonly string[]): Promise<void> {
  if (groupIds.length > 0)
    await trx('port_security_groups').insert(groupIds.map((id) => ({ port_id: portId, security_group_id: id })));
}
