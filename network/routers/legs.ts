import type { Knex } from '../../common/database/database.ts';
import { BadRequest } from '../../common/errors.ts';
import { contains, overlaps, parseCidr } from '../addresses/ip.ts';
import { InvalidInput } from '../errors.ts';
import type { HostRoute } from '../subnets/subnet.ts';

/** One address of a router, on an interface or on its gateway. */
export interface Leg {
  portId: string;
  networkId: string;
  macAddress: string;
  owner: 'network:router_interface' | 'network:router_gateway';
  subnetId: string;
  cidr: string;
  gatewayIp: string | null;
  address: string;
}

/** Where the router is connected, an entry for each address. */
export async function legsOf(db: Knex, routerId: string): Promise<Leg[]> {
  const rows = await db('ports as p')
    .join('port_addresses as a', 'a.port_id', 'p.id')
    .join('subnets as s', 's.id', 'a.subnet_id')
    .where({ 'p.used_by_router': routerId, 'a.released': false })
    .whereIn('p.device_owner', ['network:router_interface', 'network:router_gateway'])
    .whereNull('p.deletion_requested_at')
    .orderBy(['p.created_at', 'p.id', 'a.address'])
    .select('p.id', 'p.network_id', 'p.mac_address', 'p.device_owner', 's.id as subnet_id', 's.cidr', 's.gateway_ip')
    .select(db.raw('host(a.address) as address'));
  return rows.map((row) => ({
    portId: row.id,
    networkId: row.network_id,
    macAddress: row.mac_address,
    owner: row.device_owner,
    subnetId: row.subnet_id,
    cidr: row.cidr,
    gatewayIp: row.gateway_ip,
    address: row.address,
  }));
}

/** A router cannot tell two overlapping prefixes apart. */
export function refuseOverlap(legs: readonly Leg[], subnet: { id: string; cidr: string }): void {
  const cidr = parseCidr(subnet.cidr);
  for (const leg of legs) {
    const other = parseCidr(leg.cidr);
    if (leg.subnetId === subnet.id)
      throw new BadRequest(`Bad router request: Router already has a port on subnet ${subnet.id}.`);
    if (cidr && other && overlaps(cidr, other))
      throw new BadRequest(
        `Bad router request: Cidr ${subnet.cidr} of subnet ${subnet.id} overlaps with cidr ${leg.cidr} of subnet ${leg.subnetId}.`,
      );
  }
}

/** A next hop is on one of the router's subnets and is not the router itself. */
export function checkNextHops(legs: readonly Leg[], routes: readonly HostRoute[]): void {
  for (const { nexthop, destination } of routes) {
    const invalid = (why: string) =>
      new InvalidInput(`Invalid format for routes: ${destination} via ${nexthop}: ${why}`);
    if (!isReachable(legs, nexthop)) throw invalid('the nexthop is not connected with router');
    if (legs.some((leg) => leg.address === nexthop)) throw invalid('the nexthop is used by router');
  }
}

/** Whether the address is on a subnet that the router has a leg on. */
export function isReachable(legs: readonly Leg[], address: string): boolean {
  return legs.some((leg) => {
    const cidr = parseCidr(leg.cidr);
    return cidr !== undefined && contains(cidr, address);
  });
}
