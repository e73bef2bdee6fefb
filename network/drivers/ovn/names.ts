/**
 * Every name and mark that we write into OVN's databases. All are made from our ids alone: what a tenant types never gets
 * here, so that no tenant's text can break a parser, a match or the connection itself (OVSDB refuses strings with a NUL).
 *
 * A row that stands for one of our objects has the object's id as its own uuid (`uuid` of an insert: ovsdb-server(7), 5.2.1).
 * So an object is found without an index, and cannot exist twice, whoever else is creating it: OVN lets switches and routers
 * share a name, but no table lets two rows share a uuid. Rows without an id of ours get one derived from what they are.
 * Measured with ovsdb-server 3.1: rows of *different* tables with one uuid are accepted, and one of them is lost while
 * references to it stay. So an id of ours is the uuid of one row only, and further rows of the same object get derived ones.
 */
import { createHash } from 'node:crypto';
import type { NetworkObjectKind } from '../driver.ts';

/** Only read by people, in `ovn-nbctl show`: it is of no table's key, but tells ours from others' at a glance. */
export const networkName = (networkId: string) => `cs-net-${networkId}`;
export const routerName = (routerId: string) => `cs-router-${routerId}`;

/** The port's bare id: a host binds a port by `iface-id`, which libvirt's `interfaceid` requires to be a UUID. */
export const portName = (portId: string) => portId;

/** The router's side of a leg. Its other side, on the switch, is what has the port's id and `portName`. */
export const routerPortName = (portId: string) => `cs-lrp-${portId}`;
export const routerPortId = (portId: string) => derivedId('router port', portId);

/** Where a switch meets the hosts' bridge. */
export const physicalPortName = (networkId: string) => `cs-localnet-${networkId}`;
export const physicalPortId = (networkId: string) => derivedId('physical port', networkId);

/**
 * An identifier of OVN's match language (letters, digits, `_`), hence no dashes: it is used as `@pg_…`, and OVN makes of it the
 * address sets `$pg_…_ip4` and `$pg_…_ip6`.
 */
export const portGroupName = (securityGroupId: string) => `pg_${securityGroupId.replaceAll('-', '_')}`;
export const addressSetName = (securityGroupId: string, version: 4 | 6) =>
  `${portGroupName(securityGroupId)}_ip${version}`;

/** Every port with port security, so that what no security group allows is dropped. One for the whole cloud. */
export const PROTECTED_PORTS_NAME = 'pg_cirrostack_protected';
export const PROTECTED_PORTS_ID = derivedId('protected ports');

/** Unique in its table, hence of both parts. */
export const gatewayChassisName = (portId: string, chassis: string) => `${routerPortName(portId)}_${chassis}`;

/** Marks of our rows, in `external_ids`. Others (an administrator's, another cloud's) have none and are left alone. */
const KIND = 'cirrostack:kind';
export const NETWORK = 'cirrostack:network-id';
export const PORT = 'cirrostack:port-id';
/** A port's subnets, in the order of its addresses, separated by commas: which of them serves DHCP can change later. */
export const SUBNETS = 'cirrostack:subnet-ids';

/** `part` is what belongs to an object without being one: it goes with it and is never listed. */
export const mark = (kind: NetworkObjectKind | 'part', more: Record<string, string> = {}) => ({
  [KIND]: kind,
  ...more,
});

export const isMarked = (row: { external_ids: Readonly<Record<string, string>> }, kind: NetworkObjectKind | 'part') =>
  row.external_ids[KIND] === kind;

/** The same id for the same parts, always (a UUID of version 8, RFC 9562: its bits are ours to fill). */
export function derivedId(...parts: string[]): string {
  const hash = createHash('sha256')
    .update(JSON.stringify(['cirrostack', ...parts]))
    .digest();
  hash[6] = (hash[6]! & 0x0f) | 0x80;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString('hex', 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** A MAC address that is always the same for an id: administered locally, as nobody's hardware is. */
export function derivedMac(id: string): string {
  const hex = derivedId('mac', id).replaceAll('-', '').slice(0, 10);
  return `0a:${hex.match(/../g)!.join(':')}`;
}
