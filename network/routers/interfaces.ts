import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Conflict, Forbidden, NotFound } from '../../common/errors.ts';
import type { NetworkDeps } from '../deps.ts';
import { PortInUse, RouterInterfaceInUseByFloatingIP } from '../errors.ts';
import { change } from '../lifecycle.ts';
import { getNetwork } from '../networks/store.ts';
import { networkPolicy as policy } from '../policy.ts';
import { insertPort, setSecurityGroups } from '../ports/insert.ts';
import { refuseExternal } from '../ports/operations.ts';
import { removePort } from '../ports/removal.ts';
import { getPort, lockPort } from '../ports/store.ts';
import { checkQuota } from '../quotas/operations.ts';
import { getSubnet } from '../subnets/store.ts';
import { isReachable, type Leg, legsOf, refuseOverlap } from './legs.ts';
import type { Router } from './router.ts';
import { lockRouter } from './store.ts';

export interface InterfaceRequest {
  subnet_id?: string;
  port_id?: string;
}

export interface InterfaceChange {
  router: Router;
  networkId: string;
  portId: string;
  subnetIds: string[];
}

/** By subnet: a new port with the subnet's gateway address. By port: that one, with whatever address it has. */
export async function addInterface(
  { db, enforcer }: NetworkDeps,
  ctx: ProjectContext,
  id: string,
  asked: InterfaceRequest,
): Promise<InterfaceChange> {
  return await db.transaction(async (trx) => {
    const router = await lockRouter(trx, visibleTo(ctx), id);
    enforcer.authorize(ctx, policy.add_router_interface, { project_id: router.projectId });
    const legs = await legsOf(trx, id);
    const made =
      asked.port_id === undefined
        ? await addBySubnet(trx, ctx, router, legs, asked)
        : await addByPort(trx, ctx, router, legs, asked);
    await change(trx, 'routers', id);
    return made;
  });
}

async function addBySubnet(
  trx: Knex,
  ctx: ProjectContext,
  router: Router,
  legs: Leg[],
  { subnet_id: subnetId }: InterfaceRequest,
): Promise<InterfaceChange> {
  if (subnetId === undefined)
    throw new BadRequest('Bad router request: Either subnet_id or port_id must be specified.');
  const subnet = await getSubnet(trx, visibleTo(ctx), subnetId);
  const network = await getNetwork(trx, visibleTo(ctx), subnet.networkId);
  refuseExternal(ctx, network);
  // Its gateway address is what all of a shared network's guests send their traffic to.
  if (network.projectId !== ctx.projectId && !ctx.isAdmin)
    throw new Forbidden(
      `Only the owner of network ${network.id} may give a router its gateway address; use a port of your own.`,
    );
  if (subnet.gatewayIp === null)
    throw new BadRequest(`Bad router request: Subnet for router interface must have a gateway IP.`);
  refuseOverlap(legs, subnet);
  await checkQuota(trx, router.projectId, 'port');
  const portId = await insertPort(trx, 'everyone', {
    projectId: router.projectId,
    networkId: subnet.networkId,
    portSecurityEnabled: false,
    deviceId: router.id,
    deviceOwner: 'network:router_interface',
    usedByRouter: router.id,
    fixedIps: [{ subnetId: subnet.id, address: subnet.gatewayIp }],
    securityGroupIds: [],
  });
  return { router, networkId: subnet.networkId, portId, subnetIds: [subnet.id] };
}

async function addByPort(
  trx: Knex,
  ctx: ProjectContext,
  router: Router,
  legs: Leg[],
  { subnet_id: subnetId, port_id: portId = '' }: InterfaceRequest,
): Promise<InterfaceChange> {
  if (subnetId !== undefined) throw new BadRequest('Bad router request: Cannot specify both subnet-id and port-id.');
  const port = await lockPort(trx, visibleTo(ctx), portId);
  if (port.deviceId !== '' || port.attachedTo !== null)
    throw new PortInUse(
      `Unable to complete operation on port ${portId} for network ${port.networkId}. Port already has an attached device ${port.deviceId}.`,
    );
  if (port.fixedIps.length === 0)
    throw new BadRequest('Bad router request: Router port must have at least one fixed IP.');
  for (const fixed of port.fixedIps) refuseOverlap(legs, await getSubnet(trx, 'everyone', fixed.subnetId));
  await setSecurityGroups(trx, 'everyone', portId, []);
  await change(trx, 'ports', portId, {
    device_id: router.id,
    device_owner: 'network:router_interface',
    used_by_router: router.id,
    port_security_enabled: false,
    allowed_address_pairs: '[]',
  });
  return { router, networkId: port.networkId, portId, subnetIds: port.fixedIps.map((one) => one.subnetId) };
}

/** The port goes too, whoever made it, as Neutron's does. */
export async function removeInterface(
  { db, enforcer }: NetworkDeps,
  ctx: ProjectContext,
  id: string,
  asked: InterfaceRequest,
): Promise<InterfaceChange> {
  return await db.transaction(async (trx) => {
    const router = await lockRouter(trx, visibleTo(ctx), id);
    enforcer.authorize(ctx, policy.remove_router_interface, { project_id: router.projectId });
    const leg = findLeg(await legsOf(trx, id), router, asked);
    const port = await getPort(trx, 'everyone', leg.portId);
    const subnetIds = port.fixedIps.map((one) => one.subnetId);
    await refuseUsed(trx, router, subnetIds, await legsOf(trx, id));
    await removePort(trx, port.id);
    await change(trx, 'routers', id);
    return { router, networkId: port.networkId, portId: port.id, subnetIds };
  });
}

function findLeg(legs: Leg[], router: Router, { subnet_id: subnetId, port_id: portId }: InterfaceRequest): Leg {
  if (subnetId === undefined && portId === undefined)
    throw new BadRequest('Bad router request: Either subnet_id or port_id must be specified.');
  const own = legs.filter((leg) => leg.owner === 'network:router_interface');
  const leg = own.find(
    (one) => (portId === undefined || one.portId === portId) && (subnetId === undefined || one.subnetId === subnetId),
  );
  if (leg) return leg;
  if (portId !== undefined && own.some((one) => one.portId === portId))
    throw new Conflict(`Port ${portId} does not have fixed ips on subnet ${subnetId}.`);
  if (portId !== undefined) throw new NotFound('Router Interface', `of ${router.id} with port ${portId}`);
  throw new NotFound('Router Interface', `of ${router.id} on subnet ${subnetId}`);
}

async function refuseUsed(trx: Knex, router: Router, subnetIds: string[], legs: Leg[]): Promise<void> {
  const used = await trx('floating_ips as f')
    .join('port_addresses as a', (on) => on.on('a.port_id', 'f.port_id').andOn('a.address', 'f.fixed_address'))
    .where({ 'f.router_id': router.id, 'a.released': false })
    .whereIn('a.subnet_id', subnetIds)
    .first('f.id');
  if (used)
    throw new RouterInterfaceInUseByFloatingIP(
      `Router interface for subnet ${subnetIds.join(', ')} on router ${router.id} cannot be deleted, as it is required by one or more floating IPs.`,
    );
  const left = legs.filter((leg) => !subnetIds.includes(leg.subnetId));
  for (const route of router.routes)
    if (!isReachable(left, route.nexthop))
      throw new Conflict(
        `Router interface for subnet ${subnetIds.join(', ')} on router ${router.id} cannot be deleted, as it is required by one or more routes.`,
      );
}
