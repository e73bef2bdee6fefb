/** What makes a subnet valid; pure. */
import {
  type Cidr,
  contains,
  defaultPools,
  formatCidr4,
  formatIpv4,
  type Pool,
  parseAddress,
  parseCidr,
  usable,
} from '../addresses/ip.ts';
import {
  GatewayConflictWithAllocationPools,
  InvalidInput,
  OutOfBoundsAllocationPool,
  OverlappingAllocationPools,
} from '../errors.ts';
import type { HostRoute } from './subnet.ts';

/** An IPv4 prefix that guests can live on, in its one form; throws `InvalidInput`. */
export function checkedCidr(text: string): Cidr {
  const cidr = text.includes('/') ? parseCidr(text) : undefined;
  if (!cidr) throw new InvalidInput(`Invalid input for cidr. Reason: '${text}' is not a valid IP subnet.`);
  if (cidr.version === 6)
    throw new InvalidInput('Invalid input for ip_version. Reason: IPv6 subnets are not supported.');
  const reserved = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'].map(
    (range) => parseCidr(range) as Cidr,
  );
  if (cidr.prefixLength === 0 || reserved.some((range) => cidr.first <= range.last && range.first <= cidr.last))
    throw new InvalidInput(`Invalid input for operation: ${text} holds addresses that no guest can have.`);
  return cidr;
}

/** The gateway that was asked for; the subnet's first address when nothing was said; null for none. */
export function checkedGateway(cidr: Cidr, asked: string | null | undefined): string | null {
  if (asked === null) return null;
  if (asked === undefined) return cidr.prefixLength === 32 ? null : formatIpv4(usable(cidr).first);
  const { first, last } = usable(cidr);
  const gateway = parseAddress(asked);
  if (gateway?.version !== 4)
    throw new InvalidInput(`Invalid input for gateway_ip. Reason: '${asked}' is not a valid IPv4 address.`);
  if (gateway.value < first || gateway.value > last)
    throw new InvalidInput(
      `Invalid input for operation: Gateway is not valid on subnet: ${asked} is not usable in ${formatCidr4(cidr)}.`,
    );
  return asked;
}

/** The pools that were asked for, or all but the gateway. Pools lie inside of the subnet, apart, and never hold the gateway. */
export function checkedPools(cidr: Cidr, gateway: string | null, asked: readonly Pool[] | undefined): Pool[] {
  if (asked === undefined) return defaultPools(cidr, gateway);
  const { first, last } = usable(cidr);
  const ranges = asked.map((pool) => {
    const [start, end] = [parseAddress(pool.start), parseAddress(pool.end)];
    if (start?.version !== 4 || end?.version !== 4 || start.value > end.value)
      throw new InvalidInput(
        `Invalid input for allocation_pools. Reason: ${pool.start}-${pool.end} is not a range of IPv4 addresses.`,
      );
    if (start.value < first || end.value > last)
      throw new OutOfBoundsAllocationPool(
        `The allocation pool ${pool.start}-${pool.end} spans beyond the subnet cidr ${formatCidr4(cidr)}.`,
      );
    return { pool, start: start.value, end: end.value };
  });
  const sorted = ranges.toSorted((a, b) => (a.start < b.start ? -1 : 1));
  sorted.forEach((range, i) => {
    const next = sorted[i + 1];
    if (next && next.start <= range.end)
      throw new OverlappingAllocationPools(
        `Found overlapping allocation pools ${range.pool.start}-${range.pool.end} and ${next.pool.start}-${next.pool.end} for subnet ${formatCidr4(cidr)}.`,
      );
  });
  const value = gateway === null ? undefined : parseAddress(gateway)?.value;
  const conflict = ranges.find((range) => value !== undefined && range.start <= value && value <= range.end);
  if (conflict)
    throw new GatewayConflictWithAllocationPools(
      `Gateway ip ${gateway} conflicts with allocation pool ${conflict.pool.start}-${conflict.pool.end}.`,
    );
  return ranges.map(({ start, end }) => ({ start: formatIpv4(start), end: formatIpv4(end) }));
}

export function checkedNameservers(asked: readonly string[]): string[] {
  for (const server of asked)
    if (parseAddress(server)?.version !== 4)
      throw new InvalidInput(`Invalid input for dns_nameservers. Reason: '${server}' is not an IPv4 address.`);
  if (new Set(asked).size !== asked.length)
    throw new InvalidInput('Invalid input for dns_nameservers. Reason: duplicates.');
  return [...asked];
}

/** Routes of either a subnet (handed out by DHCP) or a router; destinations get their one form. */
export function checkedRoutes(asked: readonly HostRoute[], field: 'host_routes' | 'routes'): HostRoute[] {
  const routes = asked.map(({ destination, nexthop }) => {
    const cidr = destination.includes('/') ? parseCidr(destination) : undefined;
    const hop = parseAddress(nexthop);
    if (cidr?.version !== 4 || hop?.version !== 4)
      throw new InvalidInput(
        `Invalid input for ${field}. Reason: '${destination}' via '${nexthop}' is not an IPv4 route.`,
      );
    return { destination: formatCidr4(cidr), nexthop };
  });
  if (new Set(routes.map((route) => `${route.destination} ${route.nexthop}`)).size !== routes.length)
    throw new InvalidInput(`Invalid input for ${field}. Reason: duplicates.`);
  return routes;
}

/** Whether an address can be some guest's on this subnet. */
export function isUsable(cidrText: string, address: string): boolean {
  const cidr = parseCidr(cidrText);
  const value = parseAddress(address)?.value;
  if (!cidr || value === undefined || !contains(cidr, address)) return false;
  const { first, last } = usable(cidr);
  return value >= first && value <= last;
}
