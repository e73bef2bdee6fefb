import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest } from '../../common/errors.ts';
import type { NetworkDeps } from '../deps.ts';
import {
  ExternalIpAddressExhausted,
  IpAddressGenerationFailure,
  RouterExternalGatewayInUseByFloatingIp,
} from '../errors.ts';
import { lockNetwork } from '../networks/store.ts';
import { networkPolicy as policy } from '../policy.ts';
import { insertPort } from '../ports/insert.ts';
import { removePort } from '../ports/removal.ts';
import { subnetsOf } from '../subnets/store.ts';
import { legsOf, refuseOverlap } from './legs.ts';
import type { Router } from './router.ts';

export interface GatewayInfo {
  network_id?: string;
  enable_snat?: boolean;
  external_fixed_ips?: { subnet_id?: string; ip_address?: string }[];
}

/**
 * Connects the router to an external network, or disconnects it (null or empty), and returns the columns that say so.
 * Another network, or other addresses, mean another port.
 */
export async function setGateway(
  trx: Knex,
  { enforcer }: NetworkDeps,
  ctx: ProjectContext,
  router: Router,
  asked: GatewayInfo | null,
  action: 'create_router' | 'update_router',
): Promise<Record<string, unknown>> {
  const info = asked ?? {};
  const target = { project_id: router.projectId };
  if (info.enable_snat !== undefined && info.enable_snat !== (router.gateway?.enableSnat ?? true))
    enforcer.authorize(ctx, policy[`${action}:external_gateway_info:enable_snat`], target);
  if (info.external_fixed_ips?.some((one) => one.ip_address !== undefined))
    enforcer.authorize(ctx, policy[`${action}:external_gateway_info:external_fixed_ips`], target);
  if (info.network_id === undefined) {
    if (Object.keys(info).length > 0)
      throw new BadRequest('Bad router request: external_gateway_info needs a network_id.');
    return await clearGateway(trx, router);
  }
  const snat = { enable_snat: info.enable_snat ?? router.gateway?.enableSnat ?? true };
  const same = router.gateway?.networkId === info.network_id && info.external_fixed_ips === undefined;
  if (same) return snat;
  const network = await lockNetwork(trx, visibleTo(ctx), info.network_id);
  if (!network.external) throw new BadRequest(`Bad router request: Network ${network.id} is not an external network.`);
  if (router.gateway) await refuseFloatingIps(trx, router, network.id);
  const legs = (await legsOf(trx, router.id)).filter((leg) => leg.owner === 'network:router_interface');
  const subnets = await subnetsOf(trx, network.id);
  if (subnets.length === 0)
    throw new BadRequest(`Bad router request: Network ${network.id} does not contain any IPv4 subnet.`);
  for (const subnet of subnets) refuseOverlap(legs, subnet);
  if (router.gateway) await removePort(trx, router.gateway.portId);
  const portId = await insertPort(trx, 'everyone', {
    projectId: '', // the network service's own: it is nobody's to count or to delete
    networkId: network.id,
    portSecurityEnabled: false,
    deviceId: router.id,
    deviceOwner: 'network:router_gateway',
    usedByRouter: router.id,
    fixedIps: info.external_fixed_ips?.map((one) => ({ subnetId: one.subnet_id, address: one.ip_address })),
    securityGroupIds: [],
  }).catch((error) => {
    throw error instanceof IpAddressGenerationFailure ? exhausted(network.id) : error;
  });
  return { ...snat, external_network_id: network.id, gateway_port_id: portId };
}

async function clearGateway(trx: Knex, router: Router): Promise<Record<string, unknown>> {
  if (router.gateway === null) return {};
  await refuseFloatingIps(trx, router, null);
  await removePort(trx, router.gateway.portId);
  return { external_network_id: null, gateway_port_id: null, enable_snat: true };
}

/** Floating IPs of a network need a router with its gateway there. */
async function refuseFloatingIps(trx: Knex, router: Router, newNetworkId: string | null): Promise<void> {
  const used = await trx('floating_ips').where({ router_id: router.id }).first('id');
  if (used && newNetworkId !== router.gateway?.networkId)
    throw new RouterExternalGatewayInUseByFloatingIp(
      `Gateway cannot be updated for router ${router.id}, since a gateway to external network ${router.gateway?.networkId} is required by one or more floating IPs.`,
    );
}

export function exhausted(networkId: string): ExternalIpAddressExhausted {
  return new ExternalIpAddressExhausted(`Unable to find any IP address on external network ${networkId}.`);
}
