/** A subnet is a row of DHCP options, which its ports refer to while it serves DHCP. OVN's switches know of no subnets. */
import { parseAddress, parseCidr } from '../addresses.ts';
import { NotReady, type SubnetSpec } from '../driver.ts';
import { METADATA_ADDRESS } from './metadata-port.ts';
import { derivedMac, isMarked, mark, NETWORK, SUBNETS } from './names.ts';
import type { NorthboundChanges } from './plan.ts';

/** Half of it is how long a guest may go on using an address after a change. Seconds; Neutron's `ovn_dhcp…` uses the same. */
const LEASE_SECONDS = '43200';

/** Answers come from here where no gateway could be named: link-local, so never an address of a tenant's subnet. */
const SERVER_WITHOUT_GATEWAY = '169.254.169.253';

/** Throws `NotReady` while the network is missing. */
export function planSubnet(changes: NorthboundChanges, spec: SubnetSpec): void {
  if (changes.tables.find('Logical_Switch', spec.networkId) === undefined) {
    throw new NotReady(`Network ${spec.networkId} is not on the network engine yet.`);
  }
  const options = spec.enableDhcp ? dhcpOptions(spec) : {};
  changes.put('DHCP_Options', spec.id, {
    cidr: parseCidr(spec.cidr).text,
    options,
    external_ids: mark('subnet', { [NETWORK]: spec.networkId }),
  });
  planPorts(changes, spec);
}

/** References to it are cleared by OVSDB itself. */
export function planSubnetRemoval(changes: NorthboundChanges, id: string): void {
  changes.delete('DHCP_Options', id);
}

/** Which of a port's subnets gives it its address by DHCP: the first of each version that serves at all. */
export function dhcpOfPort(
  changes: NorthboundChanges,
  subnetIds: string[],
  instead?: SubnetSpec,
): { dhcpv4_options: string | null; dhcpv6_options: string | null } {
  const serving = (version: 4 | 6) => (id: string) => {
    if (id === instead?.id) return instead.enableDhcp && parseCidr(instead.cidr).version === version;
    const row = changes.tables.find('DHCP_Options', id);
    return row !== undefined && 'server_id' in row.options && parseCidr(row.cidr).version === version;
  };
  return {
    dhcpv4_options: subnetIds.find(serving(4)) ?? null,
    dhcpv6_options: subnetIds.find(serving(6)) ?? null,
  };
}

/** Starting or ending DHCP concerns ports that are there already. */
function planPorts(changes: NorthboundChanges, spec: SubnetSpec): void {
  for (const portId of changes.tables.find('Logical_Switch', spec.networkId)?.ports ?? []) {
    const port = changes.tables.find('Logical_Switch_Port', portId);
    if (port === undefined || !isMarked(port, 'port')) continue;
    const subnetIds = port.external_ids[SUBNETS]?.split(',') ?? [];
    if (subnetIds.includes(spec.id)) changes.put('Logical_Switch_Port', portId, dhcpOfPort(changes, subnetIds, spec));
  }
}

/** ovn-nb(5), DHCP_Options: the options' names and forms. */
function dhcpOptions(spec: SubnetSpec): Record<string, string> {
  const dns = spec.dnsNameservers.map((address) => parseAddress(address).text);
  if (parseCidr(spec.cidr).version === 6) {
    return { server_id: derivedMac(spec.networkId), ...(dns.length > 0 && { dns_server: list(dns) }) };
  }
  const gateway = spec.gatewayIp === null ? null : parseAddress(spec.gatewayIp).text;
  const routes = classlessRoutes(spec, gateway);
  return {
    server_id: gateway ?? SERVER_WITHOUT_GATEWAY,
    server_mac: derivedMac(spec.networkId),
    lease_time: LEASE_SECONDS,
    mtu: String(spec.mtu),
    ...(gateway !== null && { router: gateway }),
    ...(dns.length > 0 && { dns_server: list(dns) }),
    classless_static_route: list(routes),
  };
}

/**
 * Metadata is on the link itself, so that a network needs no router for it: a router of 0.0.0.0 says that (RFC 3442). A client that
 * gets these ignores the router option, so the default route is repeated among them.
 */
function classlessRoutes({ hostRoutes }: SubnetSpec, gateway: string | null): string[] {
  const routes = hostRoutes.map(({ destination, nexthop }) => {
    return `${parseCidr(destination).text},${parseAddress(nexthop).text}`;
  });
  const own = `${METADATA_ADDRESS}/32`;
  if (!routes.some((route) => route.startsWith(`${own},`))) routes.push(`${own},0.0.0.0`);
  if (gateway !== null) routes.push(`0.0.0.0/0,${gateway}`);
  return routes;
}

const list = (values: string[]) => `{${values.join(', ')}}`;
