import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import { formatCidr4, type Pool, parseCidr } from '../addresses/ip.ts';
import { type NetworkDeps, ownerOf } from '../deps.ts';
import { InvalidInput, SubnetInUse } from '../errors.ts';
import { change, requestDeletion, wake } from '../lifecycle.ts';
import { getNetwork } from '../networks/store.ts';
import { networkPolicy as policy } from '../policy.ts';
import { checkQuota } from '../quotas/operations.ts';
import { checkedCidr, checkedGateway, checkedNameservers, checkedPools, checkedRoutes } from './rules.ts';
import { getSubnet } from './store.ts';
import type { HostRoute, Subnet } from './subnet.ts';

export interface SubnetAttributes {
  name?: string;
  description?: string;
  enable_dhcp?: boolean;
  gateway_ip?: string | null;
  dns_nameservers?: string[];
  host_routes?: HostRoute[];
  allocation_pools?: Pool[];
}

export interface NewSubnet extends SubnetAttributes {
  network_id: string;
  ip_version: number;
  cidr: string;
  project_id?: string;
  tenant_id?: string;
}

/** Creates all of them or none. */
export async function createSubnets(deps: NetworkDeps, ctx: ProjectContext, asked: NewSubnet[]): Promise<Subnet[]> {
  return await deps.db.transaction(async (trx) => {
    const subnets: Subnet[] = [];
    for (const one of asked) subnets.push(await createSubnet(trx, deps, ctx, one));
    return subnets;
  });
}

async function createSubnet(
  trx: Knex,
  { enforcer }: NetworkDeps,
  ctx: ProjectContext,
  asked: NewSubnet,
): Promise<Subnet> {
  const projectId = ownerOf(ctx, asked);
  await lockNetworkOf(trx, asked.network_id);
  const network = await getNetwork(trx, visibleTo(ctx), asked.network_id);
  enforcer.authorize(ctx, policy.create_subnet, { project_id: projectId, 'network:project_id': network.projectId });
  if (asked.ip_version === 6)
    throw new InvalidInput('Invalid input for ip_version. Reason: IPv6 subnets are not supported.');
  const cidr = checkedCidr(asked.cidr);
  const gateway = checkedGateway(cidr, asked.gateway_ip);
  const pools = checkedPools(cidr, gateway, asked.allocation_pools);
  await refuseOverlap(trx, network.id, formatCidr4(cidr));
  await checkQuota(trx, projectId, 'subnet');
  const [{ id }] = await trx('subnets')
    .insert({
      project_id: projectId,
      network_id: network.id,
      name: asked.name,
      description: asked.description,
      cidr: formatCidr4(cidr),
      gateway_ip: gateway,
      enable_dhcp: asked.enable_dhcp,
      dns_nameservers: checkedNameservers(asked.dns_nameservers ?? []),
      host_routes: JSON.stringify(checkedRoutes(asked.host_routes ?? [], 'host_routes')),
      allocation_pools: JSON.stringify(pools),
    })
    .returning('id');
  await wake(trx, 'subnets', id);
  return getSubnet(trx, 'everyone', id);
}

/** One at a time on a network, so that two overlapping subnets do not both see a network without the other. */
async function lockNetworkOf(trx: Knex, networkId: string): Promise<void> {
  if (!isUuid(networkId)) throw new NotFound('Network', networkId);
  await trx('networks').where({ id: networkId }).forUpdate().first('id');
}

async function refuseOverlap(trx: Knex, networkId: string, cidr: string): Promise<void> {
  const other = await trx('subnets')
    .where({ network_id: networkId })
    .whereNull('deletion_requested_at')
    .whereRaw('cidr && ?::cidr', [cidr])
    .first('id', 'cidr');
  if (other)
    throw new InvalidInput(
      `Invalid input for operation: Requested subnet with cidr: ${cidr} for network: ${networkId} overlaps with another subnet: ${other.cidr} (${other.id}).`,
    );
}

export async function updateSubnet(
  { db, enforcer }: NetworkDeps,
  ctx: ProjectContext,
  id: string,
  asked: SubnetAttributes,
): Promise<Subnet> {
  return await db.transaction(async (trx) => {
    await lockSubnet(trx, id);
    const subnet = await getSubnet(trx, visibleTo(ctx), id);
    const network = await getNetwork(trx, 'everyone', subnet.networkId);
    enforcer.authorize(ctx, policy.update_subnet, {
      project_id: subnet.projectId,
      'network:project_id': network.projectId,
    });
    const cidr = checkedCidr(subnet.cidr);
    const gateway = asked.gateway_ip === undefined ? subnet.gatewayIp : checkedGateway(cidr, asked.gateway_ip);
    if (gateway !== subnet.gatewayIp) await refuseUsedGateway(trx, subnet);
    const pools = checkedPools(cidr, gateway, asked.allocation_pools ?? subnet.allocationPools);
    await change(trx, 'subnets', id, {
      name: asked.name,
      description: asked.description,
      enable_dhcp: asked.enable_dhcp,
      gateway_ip: gateway,
      allocation_pools: JSON.stringify(pools),
      ...(asked.dns_nameservers && { dns_nameservers: checkedNameservers(asked.dns_nameservers) }),
      ...(asked.host_routes && { host_routes: JSON.stringify(checkedRoutes(asked.host_routes, 'host_routes')) }),
    });
    if (gateway !== subnet.gatewayIp) await changeRoutersWithGatewayOn(trx, subnet.networkId);
    return getSubnet(trx, 'everyone', id);
  });
}

async function refuseUsedGateway(trx: Knex, subnet: Subnet): Promise<void> {
  if (subnet.gatewayIp === null) return;
  const used = await trx('port_addresses')
    .join('ports', 'ports.id', 'port_addresses.port_id')
    .where({
      subnet_id: subnet.id,
      address: subnet.gatewayIp,
      released: false,
      device_owner: 'network:router_interface',
    })
    .first('ports.id');
  if (used)
    throw new SubnetInUse(
      `Current gateway ip ${subnet.gatewayIp} already in use by port ${used.id}. Unable to update.`,
    );
}

/** A router's default route goes to the gateway of the external subnet. */
async function changeRoutersWithGatewayOn(trx: Knex, networkId: string): Promise<void> {
  const routers = await trx('routers').where({ external_network_id: networkId }).pluck('id');
  for (const id of routers) await change(trx, 'routers', id);
}

/** Refused while a port has an address of it. */
export async function deleteSubnet({ db, enforcer }: NetworkDeps, ctx: ProjectContext, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    await lockSubnet(trx, id); // against an address being taken right now
    const subnet = await getSubnet(trx, visibleTo(ctx), id);
    const network = await getNetwork(trx, 'everyone', subnet.networkId);
    enforcer.authorize(ctx, policy.delete_subnet, {
      project_id: subnet.projectId,
      'network:project_id': network.projectId,
    });
    const used = await trx('port_addresses').where({ subnet_id: id, released: false }).first('port_id');
    if (used)
      throw new SubnetInUse(
        `Unable to complete operation on subnet ${id}: One or more ports have an IP allocation from this subnet.`,
      );
    await trx('network_tags').where({ resource_id: id }).delete();
    await requestDeletion(trx, 'subnets', id);
  });
}

async function lockSubnet(trx: Knex, id: string): Promise<void> {
  if (!isUuid(id)) throw new NotFound('Subnet', id);
  await trx('subnets').where({ id }).forUpdate().first('id');
}

/** The prefix as numbers. */
export function prefixOf(subnet: Subnet) {
  const cidr = parseCidr(subnet.cidr);
  if (!cidr) throw new Error(`subnet ${subnet.id} has no valid prefix: ${subnet.cidr}`);
  return cidr;
}
