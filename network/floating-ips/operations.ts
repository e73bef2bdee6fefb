import { randomUUID } from 'node:crypto';
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { type Knex, violatedConstraint } from '../../common/database/database.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { type NetworkDeps, ownerOf } from '../deps.ts';
import { FloatingIPPortAlreadyAssociated, IpAddressGenerationFailure } from '../errors.ts';
import { change } from '../lifecycle.ts';
import { lockNetwork } from '../networks/store.ts';
import { networkPolicy as policy } from '../policy.ts';
import { insertPort } from '../ports/insert.ts';
import type { Port } from '../ports/port.ts';
import { removePort } from '../ports/removal.ts';
import { getPort, lockPort } from '../ports/store.ts';
import { checkQuota } from '../quotas/operations.ts';
import { exhausted } from '../routers/gateway.ts';
import { legsOf } from '../routers/legs.ts';
import { disassociate } from './association.ts';
import type { FloatingIp } from './floating-ip.ts';
import { getFloatingIp, lockFloatingIp } from './store.ts';

export interface FloatingIpAttributes {
  description?: string;
  port_id?: string | null;
  fixed_ip_address?: string | null;
}

export interface NewFloatingIp extends FloatingIpAttributes {
  floating_network_id: string;
  floating_ip_address?: string;
  subnet_id?: string;
  project_id?: string;
  tenant_id?: string;
}

export async function createFloatingIp(
  { db, enforcer }: NetworkDeps,
  ctx: ProjectContext,
  asked: NewFloatingIp,
): Promise<FloatingIp> {
  const projectId = ownerOf(ctx, asked);
  if (asked.floating_ip_address !== undefined)
    enforcer.authorize(ctx, policy['create_floatingip:floating_ip_address'], { project_id: projectId });
  return await db.transaction(async (trx) => {
    const port = asked.port_id ? await lockPort(trx, visibleTo(ctx), asked.port_id) : undefined;
    const network = await lockNetwork(trx, visibleTo(ctx), asked.floating_network_id);
    if (!network.external)
      throw new BadRequest(`Bad floatingip request: Network ${network.id} is not a valid external network.`);
    await checkQuota(trx, projectId, 'floatingip');
    const id = randomUUID();
    const holder = await hold(trx, network.id, id, asked);
    const { fixedIps } = await getPort(trx, 'everyone', holder);
    await trx('floating_ips').insert({
      id,
      project_id: projectId,
      description: asked.description,
      floating_network_id: network.id,
      floating_port_id: holder,
      floating_address: fixedIps[0]?.address,
    });
    if (port) await associate(trx, await getFloatingIp(trx, 'everyone', id), port, asked.fixed_ip_address ?? undefined);
    return getFloatingIp(trx, 'everyone', id);
  });
}

/** A port of the network service's own that keeps the address from everybody else. */
async function hold(trx: Knex, networkId: string, floatingIpId: string, asked: NewFloatingIp): Promise<string> {
  const chosen = asked.subnet_id !== undefined || asked.floating_ip_address !== undefined;
  return await insertPort(trx, 'everyone', {
    projectId: '',
    networkId,
    portSecurityEnabled: false,
    deviceId: floatingIpId,
    deviceOwner: 'network:floatingip',
    fixedIps: chosen ? [{ subnetId: asked.subnet_id, address: asked.floating_ip_address }] : undefined,
    securityGroupIds: [],
  })
    .catch((error) => {
      throw error instanceof IpAddressGenerationFailure ? exhausted(networkId) : error;
    })
    .then(async (id) => {
      const { fixedIps } = await getPort(trx, 'everyone', id);
      if (fixedIps.length === 0) throw exhausted(networkId); // a network without subnets
      return id;
    });
}

/** Points it at the port's address: the one named, or its only one. The port must be locked already. */
async function associate(
  trx: Knex,
  floatingIp: FloatingIp,
  port: Port,
  fixedAddress: string | undefined,
): Promise<void> {
  const fixed = chooseFixed(port, fixedAddress);
  const routerId = await findRouter(trx, floatingIp, port, fixed.subnetId);
  if (floatingIp.association && floatingIp.association.routerId !== routerId)
    await change(trx, 'routers', floatingIp.association.routerId);
  const revision = await change(trx, 'routers', routerId);
  await trx('ports').where({ id: floatingIp.holderPortId }).update({ used_by_router: routerId });
  await trx('floating_ips')
    .where({ id: floatingIp.id })
    .update({ port_id: port.id, fixed_address: fixed.address, router_id: routerId, router_revision: revision })
    .catch((error) => {
      if (violatedConstraint(error) !== 'floating_ips_fixed_key') throw error;
      throw new FloatingIPPortAlreadyAssociated(
        `Cannot associate floating IP ${floatingIp.address} (${floatingIp.id}) with port ${port.id} using fixed IP ${fixed.address}, as that fixed IP already has a floating IP on external network ${floatingIp.networkId}.`,
        { cause: error },
      );
    });
}

function chooseFixed(port: Port, address: string | undefined) {
  if (port.deviceOwner === 'network:floatingip' || port.deviceOwner === 'network:router_gateway')
    throw new BadRequest(`Bad floatingip request: Port ${port.id} cannot have a floating IP.`);
  const [first, second] = port.fixedIps;
  if (address !== undefined) {
    const chosen = port.fixedIps.find((one) => one.address === address);
    if (chosen) return chosen;
    throw new BadRequest(`Bad floatingip request: Port ${port.id} does not have fixed ip ${address}.`);
  }
  if (first === undefined)
    throw new BadRequest(
      `Bad floatingip request: Cannot add floating IP to port ${port.id} that has no fixed IPv4 addresses.`,
    );
  if (second !== undefined)
    throw new BadRequest(
      `Bad floatingip request: Port ${port.id} has multiple fixed IPv4 addresses. Must provide a specific IPv4 address when assigning a floating IP.`,
    );
  return first;
}

/**
 * The router between the port's subnet and the floating IP's network, locked: its legs stay as they are. Only one of the
 * floating IP's project, or of the network's owner: on a shared network a stranger's router neither carries others' traffic
 * nor is held by their floating IPs.
 */
async function findRouter(trx: Knex, floatingIp: FloatingIp, port: Port, subnetId: string): Promise<string> {
  const candidates: string[] = await trx('routers as r')
    .join('ports as p', 'p.used_by_router', 'r.id')
    .join('port_addresses as a', 'a.port_id', 'p.id')
    .where({
      'r.external_network_id': floatingIp.networkId,
      'p.device_owner': 'network:router_interface',
      'a.subnet_id': subnetId,
      'a.released': false,
    })
    .where((trusted) => {
      trusted
        .where('r.project_id', floatingIp.projectId)
        .orWhere('r.project_id', trx('networks').where({ id: port.networkId }).select('project_id'));
    })
    .whereNull('r.deletion_requested_at')
    .whereNull('p.deletion_requested_at')
    .orderBy(['p.created_at', 'r.id'])
    .pluck('r.id');
  for (const id of candidates) {
    await trx('routers').where({ id }).forUpdate().first('id');
    const legs = await legsOf(trx, id);
    const joins =
      legs.some((leg) => leg.owner === 'network:router_interface' && leg.subnetId === subnetId) &&
      legs.some((leg) => leg.owner === 'network:router_gateway' && leg.networkId === floatingIp.networkId);
    if (joins) return id;
  }
  throw new NotFound(
    'External Gateway For Floating IP',
    `from subnet ${subnetId} to external network ${floatingIp.networkId}, which port ${port.id} would need,`,
  );
}

/** `port_id` null ends the association; absent leaves it. */
export async function updateFloatingIp(
  { db, enforcer }: NetworkDeps,
  ctx: ProjectContext,
  id: string,
  asked: FloatingIpAttributes,
): Promise<FloatingIp> {
  return await db.transaction(async (trx) => {
    const before = await getFloatingIp(trx, visibleTo(ctx), id);
    enforcer.authorize(ctx, policy.update_floatingip, { project_id: before.projectId });
    const target = asked.port_id === undefined && asked.fixed_ip_address ? before.association?.portId : asked.port_id;
    const port = target ? await lockPort(trx, visibleTo(ctx), target) : undefined;
    const floatingIp = await lockFloatingIp(trx, visibleTo(ctx), id);
    if (port) await associate(trx, floatingIp, port, asked.fixed_ip_address ?? undefined);
    if (asked.port_id === null && floatingIp.association) await disassociate(trx, id, floatingIp.association.routerId);
    await trx('floating_ips')
      .where({ id })
      .update({ description: asked.description, revision: trx.raw('revision + 1'), updated_at: trx.fn.now() });
    return getFloatingIp(trx, 'everyone', id);
  });
}

export async function deleteFloatingIp({ db, enforcer }: NetworkDeps, ctx: ProjectContext, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    const floatingIp = await lockFloatingIp(trx, visibleTo(ctx), id);
    enforcer.authorize(ctx, policy.delete_floatingip, { project_id: floatingIp.projectId });
    await trx('network_tags').where({ resource_id: id }).delete();
    await trx('floating_ips').where({ id }).delete();
    if (floatingIp.association) await change(trx, 'routers', floatingIp.association.routerId);
    await removePort(trx, floatingIp.holderPortId); // off the engine after the router that translates it
  });
}
