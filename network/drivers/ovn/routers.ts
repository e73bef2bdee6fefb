/**
 * A router is a logical router, distributed over the hosts, but for its leg on the external network, which one host carries at
 * a time: address translation is there, for floating IPs too (no host but that one needs the external network).
 */

import { parseAddress, parseCidr, parseMac } from '../addresses.ts';
import { interfaceAddress } from '../checks.ts';
import { type AddressWithPrefix, NotReady, type RouterSpec } from '../driver.ts';
import {
  derivedId,
  gatewayChassisName,
  isMarked,
  mark,
  NETWORK,
  PORT,
  portName,
  routerName,
  routerPortId,
  routerPortName,
} from './names.ts';
import { physicalNetworkOf } from './networks.ts';
import type { NorthboundChanges } from './plan.ts';

/** Names of the hosts that can carry a router's leg on a physical network, the preferred one first. */
export type ChooseGateways = (physicalNetwork: string, routerId: string) => string[];

type Gateway = NonNullable<RouterSpec['gateway']>;
type Leg = RouterSpec['interfaces'][number];

/** OVN watches each of them with each other by BFD, so that more cost more. */
const MAX_GATEWAYS = 5;
const MAX_PRIORITY = 100;

/** Throws `NotReady` while a network is missing, or no host reaches the external one. */
export function planRouter(changes: NorthboundChanges, spec: RouterSpec, chooseGateways: ChooseGateways): void {
  changes.put('Logical_Router', spec.id, {
    name: routerName(spec.id),
    enabled: spec.adminStateUp,
    // Learn neighbours when needed, not from every ARP on the external network (ovn-nb(5), Logical_Router options).
    options: { always_learn_from_arp_request: 'false', dynamic_neigh_routers: 'true' },
    external_ids: mark('router'),
  });
  const legs = [...spec.interfaces];
  for (const leg of spec.interfaces) planLeg(changes, leg, { options: {} });
  if (spec.gateway !== null) {
    legs.push(spec.gateway);
    planGateway(changes, spec.id, spec.gateway, chooseGateways);
  }
  removeLegs(changes, spec.id, new Set(legs.map(({ portId }) => portId)));
  changes.replaceSet('Logical_Router', spec.id, 'ports', new Set(legs.map(({ portId }) => routerPortId(portId))));
  changes.replaceSet('Logical_Router', spec.id, 'static_routes', planRoutes(changes, spec));
  changes.replaceSet('Logical_Router', spec.id, 'nat', planTranslations(changes, spec));
}

/** With its legs on the networks. */
export function planRouterRemoval(changes: NorthboundChanges, id: string): void {
  removeLegs(changes, id, new Set());
  changes.delete('Logical_Router', id);
}

/** Both ends of a leg: the router's port, and the port of the network's switch that it is plugged into. */
function planLeg(changes: NorthboundChanges, leg: Leg, { options }: { options: Record<string, string> }): void {
  if (changes.tables.find('Logical_Switch', leg.networkId) === undefined) {
    throw new NotReady(`Network ${leg.networkId} is not on the network engine yet.`);
  }
  changes.expect('Logical_Switch', leg.networkId, 'name');
  const present = changes.tables.find('Logical_Switch_Port', leg.portId);
  if (present !== undefined && isMarked(present, 'port')) {
    throw new NotReady(`Port ${leg.portId} is still a guest's on the network engine.`);
  }
  changes.put('Logical_Router_Port', routerPortId(leg.portId), {
    name: routerPortName(leg.portId),
    mac: parseMac(leg.macAddress),
    networks: new Set(leg.addresses.map(interfaceAddress)),
    ipv6_ra_configs: advertisements(leg.addresses),
    external_ids: mark('part', { [NETWORK]: leg.networkId, [PORT]: leg.portId }),
  });
  changes.put('Logical_Switch_Port', leg.portId, {
    name: portName(leg.portId),
    type: 'router',
    addresses: new Set(['router']),
    options: { 'router-port': routerPortName(leg.portId), ...options },
    external_ids: mark('part', { [NETWORK]: leg.networkId }),
  });
  changes.mutateSet('Logical_Switch', leg.networkId, 'ports', { add: [leg.portId] });
}

/** Guests take their addresses from DHCPv6 (no other would pass their port's security), and their default route from here. */
function advertisements(addresses: AddressWithPrefix[]): Record<string, string> {
  const hasIpv6 = addresses.some(({ address }) => parseAddress(address).version === 6);
  return hasIpv6 ? { address_mode: 'dhcpv6_stateful', send_periodic: 'true' } : {};
}

function planGateway(changes: NorthboundChanges, routerId: string, gateway: Gateway, choose: ChooseGateways): void {
  // The outer network learns where floating IPs are from the router's own announcements.
  planLeg(changes, gateway, { options: { 'nat-addresses': 'router' } });
  const physicalNetwork = physicalNetworkOf(changes, gateway.networkId);
  if (physicalNetwork === undefined) {
    throw new NotReady(`Network ${gateway.networkId} is not connected to a physical network.`);
  }
  const hosts = choose(physicalNetwork, routerId).slice(0, MAX_GATEWAYS);
  if (hosts.length === 0) throw new NotReady(`No host is connected to physical network ${physicalNetwork}.`);
  const rows = hosts.map((chassis, rank) => {
    const id = derivedId('gateway chassis', gateway.portId, chassis);
    changes.put('Gateway_Chassis', id, {
      name: gatewayChassisName(gateway.portId, chassis),
      chassis_name: chassis,
      priority: MAX_PRIORITY - rank,
      external_ids: mark('part'),
    });
    return id;
  });
  changes.replaceSet('Logical_Router_Port', routerPortId(gateway.portId), 'gateway_chassis', new Set(rows));
}

function removeLegs(changes: NorthboundChanges, routerId: string, except: ReadonlySet<string>): void {
  for (const id of changes.tables.find('Logical_Router', routerId)?.ports ?? []) {
    const { [NETWORK]: networkId, [PORT]: portId } = changes.tables.find('Logical_Router_Port', id)?.external_ids ?? {};
    if (networkId === undefined || portId === undefined || except.has(portId)) continue;
    changes.mutateSet('Logical_Switch', networkId, 'ports', { remove: [portId] });
  }
}

function planRoutes(changes: NorthboundChanges, spec: RouterSpec): Set<string> {
  const routes = spec.routes.map(({ destination, nexthop }) => ({
    ip_prefix: parseCidr(destination).text,
    nexthop: parseAddress(nexthop).text,
    output_port: null as string | null,
  }));
  if (spec.gateway !== null && spec.gateway.nextHop !== null) {
    const nextHop = parseAddress(spec.gateway.nextHop);
    routes.push({
      ip_prefix: nextHop.version === 4 ? '0.0.0.0/0' : '::/0',
      nexthop: nextHop.text,
      output_port: routerPortName(spec.gateway.portId),
    });
  }
  return new Set(
    routes.map((route) => {
      const id = derivedId('route', spec.id, route.ip_prefix, route.nexthop);
      changes.put('Logical_Router_Static_Route', id, { ...route, external_ids: mark('part') });
      return id;
    }),
  );
}

/** IPv6 is never translated: its addresses are the guests' own everywhere. */
function planTranslations(changes: NorthboundChanges, spec: RouterSpec): Set<string> {
  const ids = new Set<string>();
  const put = (id: string, type: string, externalIp: string, logicalIp: string) => {
    ids.add(id);
    changes.put('NAT', id, { type, external_ip: externalIp, logical_ip: logicalIp, external_ids: mark('part') });
  };
  const own = spec.gateway?.addresses.map(({ address }) => parseAddress(address)).find(({ version }) => version === 4);
  if (spec.gateway?.enableSnat === true && own !== undefined) {
    for (const cidr of innerCidrs(spec)) put(derivedId('snat', spec.id, cidr), 'snat', own.text, cidr);
  }
  for (const { id, floatingAddress, fixedAddress } of spec.floatingIps) {
    put(id, 'dnat_and_snat', parseAddress(floatingAddress).text, parseAddress(fixedAddress).text);
  }
  return ids;
}

const innerCidrs = ({ interfaces }: RouterSpec): Set<string> =>
  new Set(
    interfaces
      .flatMap(({ addresses }) => addresses.map((address) => parseCidr(interfaceAddress(address))))
      .filter(({ version }) => version === 4)
      .map(({ text }) => text),
  );
