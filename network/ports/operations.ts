import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { Forbidden } from '../../common/errors.ts';
import { type NetworkDeps, ownerOf } from '../deps.ts';
import {
  InvalidInput,
  PortInUse,
  PortSecurityAndIPRequiredForSecurityGroups,
  PortSecurityPortHasSecurityGroup,
  ServicePortInUse,
} from '../errors.ts';
import { disassociatePort } from '../floating-ips/association.ts';
import { change } from '../lifecycle.ts';
import type { Network } from '../networks/network.ts';
import { getNetwork, lockNetwork } from '../networks/store.ts';
import { networkPolicy as policy } from '../policy.ts';
import { checkQuota } from '../quotas/operations.ts';
import { ensureDefaultGroup } from '../security-groups/default-group.ts';
import { allocate, type WantedAddress } from './addresses.ts';
import { insertPort, isMacConflict, macInUse, setSecurityGroups } from './insert.ts';
import { type Port, routerOwners } from './port.ts';
import { removePort } from './removal.ts';
import { type AskedPair, checkedMacAddress, checkedPairs, refuseCapture } from './rules.ts';
import { getPort, lockPort } from './store.ts';

export interface PortAttributes {
  name?: string;
  description?: string;
  admin_state_up?: boolean;
  mac_address?: string;
  fixed_ips?: { subnet_id?: string; ip_address?: string }[];
  device_id?: string;
  device_owner?: string;
  security_groups?: string[] | null;
  allowed_address_pairs?: AskedPair[] | null;
  port_security_enabled?: boolean;
  'binding:host_id'?: string | null;
  'binding:profile'?: Record<string, unknown> | null;
  'binding:vnic_type'?: string;
}

export interface NewPort extends PortAttributes {
  network_id: string;
  project_id?: string;
  tenant_id?: string;
}

/** Creates all of them or none. */
export async function createPorts(deps: NetworkDeps, ctx: ProjectContext, asked: NewPort[]): Promise<Port[]> {
  return await deps.db.transaction(async (trx) => {
    const ports: Port[] = [];
    for (const one of asked) ports.push(await createPort(trx, deps, ctx, one));
    return ports;
  });
}

async function createPort(trx: Knex, deps: NetworkDeps, ctx: ProjectContext, asked: NewPort): Promise<Port> {
  const projectId = ownerOf(ctx, asked);
  const network = await lockNetwork(trx, visibleTo(ctx), asked.network_id);
  refuseExternal(ctx, network);
  authorizeAttributes(deps, ctx, 'create_port', network, projectId, asked);
  const secured = asked.port_security_enabled ?? network.portSecurityEnabled;
  if (!secured && asked.security_groups?.length)
    throw new PortSecurityAndIPRequiredForSecurityGroups(
      'Port security must be enabled and port must have an IP address in order to use security groups.',
    );
  const pairs = checkedPairs(asked.allowed_address_pairs ?? [], secured);
  if (!ctx.isAdmin) await refuseCapture(trx, network, projectId, pairs);
  await checkQuota(trx, projectId, 'port');
  const defaultGroup = await ensureDefaultGroup(trx, projectId);
  const id = await insertPort(trx, visibleTo(ctx), {
    projectId,
    networkId: network.id,
    name: asked.name,
    description: asked.description,
    adminStateUp: asked.admin_state_up,
    macAddress: asked.mac_address === undefined ? undefined : checkedMacAddress(asked.mac_address),
    portSecurityEnabled: secured,
    deviceId: asked.device_id,
    deviceOwner: asked.device_owner,
    hostName: hostOf(asked),
    vnicType: asked['binding:vnic_type'],
    bindingProfile: asked['binding:profile'] ?? {},
    allowedAddressPairs: pairs,
    fixedIps: wantedOf(asked.fixed_ips),
    securityGroupIds: asked.security_groups ?? (secured ? [defaultGroup] : []),
  });
  return getPort(trx, 'everyone', id);
}

/** External networks are for gateways and floating IPs; a guest on one would be outside of every router. */
export function refuseExternal(ctx: Pick<ProjectContext, 'isAdmin' | 'projectId'>, network: Network): void {
  if (network.external && !network.shared && network.projectId !== ctx.projectId && !ctx.isAdmin)
    throw new Forbidden(`It is not allowed to create an interface on external network ${network.id}.`);
}

function authorizeAttributes(
  { enforcer }: NetworkDeps,
  ctx: ProjectContext,
  action: 'create_port' | 'update_port',
  network: Network,
  projectId: string,
  asked: PortAttributes,
): void {
  const target = { project_id: projectId, 'network:project_id': network.projectId };
  enforcer.authorize(ctx, policy[action], target);
  const guarded = {
    device_owner: asked.device_owner?.startsWith('network:') || undefined,
    mac_address: asked.mac_address,
    'fixed_ips:ip_address': asked.fixed_ips?.find((one) => one.ip_address !== undefined),
    port_security_enabled: asked.port_security_enabled,
    allowed_address_pairs: asked.allowed_address_pairs ?? undefined,
    'binding:host_id': asked['binding:host_id'],
    'binding:profile': asked['binding:profile'],
    'binding:vnic_type': asked['binding:vnic_type'],
  } as const;
  for (const [attribute, value] of Object.entries(guarded) as [keyof typeof guarded, unknown][])
    if (value !== undefined) enforcer.authorize(ctx, policy[`${action}:${attribute}`], target);
  if (asked.device_owner !== undefined && routerOwners.includes(asked.device_owner))
    throw new InvalidInput(
      `Invalid input for device_owner. Reason: ${asked.device_owner} ports are made with their router or floating IP.`,
    );
}

function wantedOf(asked: PortAttributes['fixed_ips']): WantedAddress[] | undefined {
  return asked?.map((one) => ({ subnetId: one.subnet_id, address: one.ip_address }));
}

function hostOf(asked: PortAttributes): string | null | undefined {
  const host = asked['binding:host_id'];
  return host === '' ? null : host;
}

export async function updatePort(
  deps: NetworkDeps,
  ctx: ProjectContext,
  id: string,
  asked: PortAttributes,
): Promise<Port> {
  return await deps.db.transaction(async (trx) => {
    const port = await lockPort(trx, visibleTo(ctx), id);
    const network = await getNetwork(trx, 'everyone', port.networkId);
    authorizeAttributes(deps, ctx, 'update_port', network, port.projectId, asked);
    refuseWhatOthersHold(port, asked);
    const secured = asked.port_security_enabled ?? port.portSecurityEnabled;
    const groups = asked.security_groups === undefined ? port.securityGroupIds : (asked.security_groups ?? []);
    if (!secured && groups.length > 0)
      throw new PortSecurityPortHasSecurityGroup(
        'Port has security group associated. Cannot disable port security or IP address until security group is removed.',
      );
    const pairs = pairsOf(port, asked, secured);
    if (pairs && !ctx.isAdmin) await refuseCapture(trx, network, port.projectId, pairs);
    if (asked.security_groups !== undefined) await setSecurityGroups(trx, visibleTo(ctx), id, groups);
    if (asked.fixed_ips) await replaceAddresses(trx, port, wantedOf(asked.fixed_ips) ?? []);
    await change(trx, 'ports', id, {
      name: asked.name,
      description: asked.description,
      admin_state_up: asked.admin_state_up,
      mac_address: asked.mac_address === undefined ? undefined : checkedMacAddress(asked.mac_address),
      port_security_enabled: asked.port_security_enabled,
      device_id: asked.device_id,
      device_owner: asked.device_owner,
      allowed_address_pairs: pairs && JSON.stringify(pairs),
      host_name: hostOf(asked),
      vnic_type: asked['binding:vnic_type'],
      ...(asked['binding:profile'] !== undefined && {
        binding_profile: JSON.stringify(asked['binding:profile'] ?? {}),
      }),
    }).catch((error) => {
      throw isMacConflict(error) ? macInUse(port.networkId, asked.mac_address ?? '') : error;
    });
    return getPort(trx, 'everyone', id);
  });
}

function pairsOf(port: Port, asked: PortAttributes, secured: boolean) {
  if (asked.allowed_address_pairs !== undefined) return checkedPairs(asked.allowed_address_pairs ?? [], secured);
  if (!secured && port.allowedAddressPairs.length > 0) checkedPairs([{ ip_address: '0.0.0.0' }], false);
  return undefined;
}

/** A router's leg keeps its addresses, and a guest's port stays the guest's: they change where they were made. */
function refuseWhatOthersHold(port: Port, asked: PortAttributes): void {
  const moves = asked.fixed_ips !== undefined || asked.mac_address !== undefined;
  if (port.usedByRouter !== null && moves && routerOwners.includes(port.deviceOwner))
    throw new PortInUse(`Unable to complete operation on port ${port.id}: it is part of router ${port.usedByRouter}.`);
  const redirected =
    (asked.device_id !== undefined && asked.device_id !== port.deviceId) ||
    (asked.device_owner !== undefined && asked.device_owner !== port.deviceOwner);
  const held = port.attachedTo ?? (routerOwners.includes(port.deviceOwner) ? port.deviceId : null);
  if (redirected && held !== null)
    throw new PortInUse(
      `Unable to complete operation on port ${port.id}: the device ${held} uses it; detach it there.`,
    );
  if (asked.mac_address !== undefined && port.attachedTo !== null)
    throw new PortInUse(
      `Unable to complete operation on port ${port.id}: its MAC address is in use by ${port.attachedTo}.`,
    );
}

/** Addresses that stay are not touched; those that go are free, and floating IPs on them lose their port. */
async function replaceAddresses(trx: Knex, port: Port, wanted: WantedAddress[]): Promise<void> {
  const kept = new Set<string>();
  const added: WantedAddress[] = [];
  for (const one of wanted) {
    const same = port.fixedIps.find(
      ({ address, subnetId }) =>
        !kept.has(address) &&
        (one.address === undefined || one.address === address) &&
        (one.subnetId === undefined || one.subnetId === subnetId),
    );
    if (same) kept.add(same.address);
    else added.push(one);
  }
  await trx('port_addresses')
    .where({ port_id: port.id, released: false })
    .whereNotIn('address', [...kept])
    .update({ released: true });
  await disassociatePort(trx, port.id, [...kept]);
  await allocate(trx, port.id, port.networkId, added);
}

export async function deletePort({ db, enforcer }: NetworkDeps, ctx: ProjectContext, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    const port = await lockPort(trx, visibleTo(ctx), id);
    enforcer.authorize(ctx, policy.delete_port, { project_id: port.projectId });
    if (routerOwners.includes(port.deviceOwner))
      throw new ServicePortInUse(
        `Port ${id} cannot be deleted directly via the port API: has device owner ${port.deviceOwner}.`,
      );
    await removePort(trx, id);
    // What it was plugged into still holds it: its host takes it out.
    if (port.attachedTo !== null) await notify(trx, 'servers', port.attachedTo);
  });
}
