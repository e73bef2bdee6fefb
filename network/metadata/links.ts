/** What a guest is told of its interfaces. */
import type { Knex } from '../../common/database/database.ts';

export interface GuestLink {
  portId: string;
  networkId: string;
  macAddress: string;
  /** Bytes. */
  mtu: number;
  /** What its owner says that it is for. */
  tag: string | null;
  addresses: LinkAddress[];
}

export interface LinkAddress {
  address: string;
  prefixLength: number;
  gateway: string | null;
  /** Whether the guest gets it by asking. */
  isByDhcp: boolean;
  dnsServers: string[];
  routes: { destination: string; nexthop: string }[];
}

/** Of the ports of a device, in the order in which they were given. */
export async function linksOf(db: Knex, deviceId: string): Promise<GuestLink[]> {
  const rows = await db('ports as p')
    .join('networks as n', 'n.id', 'p.network_id')
    .where({ 'p.attached_to': deviceId })
    .whereNull('p.deletion_requested_at')
    .orderBy('p.attached_order')
    .select(
      'p.id',
      'p.network_id',
      'p.mac_address',
      'p.device_tag',
      'n.mtu',
      db.raw(`(select coalesce(json_agg(json_build_object('address', host(a.address), 'prefixLength', masklen(s.cidr),
          'gateway', host(s.gateway_ip), 'isByDhcp', s.enable_dhcp, 'dnsServers', s.dns_nameservers,
          'routes', s.host_routes) order by a.address), '[]')
        from port_addresses a join subnets s on s.id = a.subnet_id
        where a.port_id = p.id and not a.released) as addresses`),
    );
  return rows.map((row) => ({
    portId: row.id,
    networkId: row.network_id,
    macAddress: row.mac_address,
    mtu: row.mtu,
    tag: row.device_tag,
    addresses: row.addresses,
  }));
}

/** The guest that has the address on the network, whatever kind it is; undefined when nobody has. */
export async function guestAt(db: Knex, networkId: string, address: string): Promise<string | undefined> {
  const row = await db('port_addresses as a')
    .join('subnets as s', 's.id', 'a.subnet_id')
    .join('ports as p', 'p.id', 'a.port_id')
    .where({ 's.network_id': networkId, 'a.address': address })
    .whereRaw('not a.released')
    .whereNotNull('p.attached_to')
    .whereNull('p.deletion_requested_at')
    .first('p.attached_to');
  return row?.attached_to;
}
