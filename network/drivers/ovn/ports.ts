/** A port is a port of the logical switch; its rights are its `port_security` and the port groups that it is in. */
import { parseAddress, parseCidr, parseMac } from '../addresses.ts';
import { NotReady, type PortSpec } from '../driver.ts';
import { isMarked, mark, NETWORK, PROTECTED_PORTS_ID, portName, SUBNETS } from './names.ts';
import type { NorthboundChanges } from './plan.ts';
import { planProtectedPorts } from './protected-ports.ts';
import { dhcpOfPort } from './subnets.ts';

/** Throws `NotReady` while its network, a subnet or a security group is missing, or a router still holds the port. */
export function planPort(changes: NorthboundChanges, spec: PortSpec): void {
  const { tables } = changes;
  const subnetIds = [...new Set(spec.fixedIps.map(({ subnetId }) => subnetId))];
  requireRow(changes, 'Logical_Switch', spec.networkId, 'Network');
  for (const id of subnetIds) requireRow(changes, 'DHCP_Options', id, 'Subnet');
  for (const id of spec.securityGroupIds) requireRow(changes, 'Port_Group', id, 'Security group');
  const present = tables.find('Logical_Switch_Port', spec.id);
  if (present !== undefined && !isMarked(present, 'port')) {
    throw new NotReady(`Port ${spec.id} is still a router's on the network engine.`);
  }
  changes.put('Logical_Switch_Port', spec.id, {
    name: portName(spec.id),
    type: '',
    addresses: new Set(portAddresses(spec)),
    port_security: new Set(portSecurity(spec)),
    enabled: spec.adminStateUp,
    ...dhcpOfPort(changes, subnetIds),
    external_ids: mark('port', { [NETWORK]: spec.networkId, [SUBNETS]: subnetIds.join(',') }),
  });
  changes.mutateSet('Logical_Switch', spec.networkId, 'ports', { add: [spec.id] });
  planPortGroups(changes, spec);
}

/** Also removes it from its port groups: OVSDB clears the references. */
export function planPortRemoval(changes: NorthboundChanges, id: string): void {
  const port = changes.tables.find('Logical_Switch_Port', id);
  if (port === undefined || !isMarked(port, 'port')) return;
  const networkId = port.external_ids[NETWORK];
  if (networkId !== undefined) changes.mutateSet('Logical_Switch', networkId, 'ports', { remove: [id] });
}

/** Where frames for the port may go to. `unknown`: also to addresses that OVN does not know, as an unprotected port may have. */
export function portAddresses(spec: PortSpec): string[] {
  const own = parseMac(spec.macAddress);
  const addresses = [[own, ...spec.fixedIps.map(({ address }) => parseAddress(address).text)].join(' ')];
  // The further addresses themselves are left out: OVN would answer ARP for them on behalf of each port that may have them.
  const further = new Set(spec.allowedAddressPairs.map(({ macAddress }) => parseMac(macAddress ?? own)));
  addresses.push(...[...further].filter((mac) => mac !== own));
  if (!spec.portSecurityEnabled) addresses.push('unknown');
  return addresses;
}

/**
 * What the port may send from. One entry for each MAC, since OVN takes a packet that fits any of them (ovn-nb(5)). A MAC alone
 * would allow every IP address, so a port without addresses is given the one that says "none".
 */
export function portSecurity(spec: PortSpec): string[] {
  if (!spec.portSecurityEnabled) return [];
  const own = parseMac(spec.macAddress);
  const byMac = new Map<string, Set<string>>([[own, new Set()]]);
  for (const { address } of spec.fixedIps) byMac.get(own)!.add(parseAddress(address).text);
  for (const pair of spec.allowedAddressPairs) {
    const mac = parseMac(pair.macAddress ?? own);
    if (!byMac.has(mac)) byMac.set(mac, new Set());
    byMac.get(mac)!.add(sourceAddress(pair.address));
  }
  return [...byMac].map(([mac, addresses]) => [mac, ...(addresses.size > 0 ? addresses : ['0.0.0.0'])].join(' '));
}

/** A host as its bare address: OVN reads `10.0.0.1/32` as a network whose broadcast address it is. */
function sourceAddress(text: string): string {
  const cidr = parseCidr(text);
  return cidr.prefixLength === (cidr.version === 4 ? 32 : 128) ? cidr.network.text : cidr.text;
}

function planPortGroups(changes: NorthboundChanges, spec: PortSpec): void {
  planProtectedPorts(changes);
  const wanted = new Set(spec.portSecurityEnabled ? [PROTECTED_PORTS_ID, ...spec.securityGroupIds] : []);
  for (const id of wanted) changes.mutateSet('Port_Group', id, 'ports', { add: [spec.id] });
  for (const [id, group] of changes.tables.rows('Port_Group')) {
    const isOurs = id === PROTECTED_PORTS_ID || isMarked(group, 'security-group');
    if (isOurs && !wanted.has(id)) changes.mutateSet('Port_Group', id, 'ports', { remove: [spec.id] });
  }
}

/**
 * The transaction rests on this row: were it removed meanwhile, a mutation of it would change nothing and say nothing. Of a
 * subnet also its options count, see `dhcpOfPort`.
 */
function requireRow(
  changes: NorthboundChanges,
  table: 'Logical_Switch' | 'DHCP_Options' | 'Port_Group',
  id: string,
  noun: string,
): void {
  if (changes.tables.find(table, id) === undefined) {
    throw new NotReady(`${noun} ${id} is not on the network engine yet.`);
  }
  if (table === 'DHCP_Options') changes.expect('DHCP_Options', id, 'options');
  else changes.expect(table, id, 'name');
}
