/**
 * What every network driver refuses before it touches anything: a spec that no engine can carry out. Each function throws
 * `PermanentFailure`. One refused object leaves all the others alone.
 */
import { PermanentFailure } from '../../common/errors.ts';
import { type Cidr, type IpAddress, parseAddress, parseCidr, parseMac, parseUuid } from './addresses.ts';
import type {
  AddressWithPrefix,
  NetworkSpec,
  PortSpec,
  RouterSpec,
  SecurityGroupRuleSpec,
  SecurityGroupSpec,
  SubnetSpec,
} from './driver.ts';
import { ICMP, ICMPV6, protocolNumber, protocolsWithPorts } from './protocols.ts';

export function checkNetwork(spec: NetworkSpec): void {
  parseUuid(spec.id);
  checkMtu(spec.mtu);
  if (spec.physicalNetwork !== null && !/^[\w.-]{1,64}$/.test(spec.physicalNetwork)) {
    throw new PermanentFailure(`"${spec.physicalNetwork}" is not the name of a physical network.`);
  }
}

export function checkSubnet(spec: SubnetSpec): void {
  parseUuid(spec.id);
  parseUuid(spec.networkId);
  checkMtu(spec.mtu);
  const cidr = parseCidr(spec.cidr);
  for (const address of [spec.gatewayIp, ...spec.dnsNameservers]) {
    if (address !== null) checkVersion(cidr, parseAddress(address));
  }
  for (const route of spec.hostRoutes) {
    checkVersion(cidr, parseCidr(route.destination));
    checkVersion(cidr, parseAddress(route.nexthop));
  }
}

export function checkPort(spec: PortSpec): void {
  for (const id of [spec.id, spec.networkId, ...spec.securityGroupIds]) parseUuid(id);
  parseMac(spec.macAddress);
  for (const fixed of spec.fixedIps) {
    parseUuid(fixed.subnetId);
    parseAddress(fixed.address);
  }
  for (const pair of spec.allowedAddressPairs) {
    parseCidr(pair.address);
    if (pair.macAddress !== null) parseMac(pair.macAddress);
  }
}

export function checkRouter(spec: RouterSpec): void {
  parseUuid(spec.id);
  for (const leg of [...spec.interfaces, ...(spec.gateway === null ? [] : [spec.gateway])]) {
    parseUuid(leg.portId);
    parseUuid(leg.networkId);
    parseMac(leg.macAddress);
    if (leg.addresses.length === 0) throw new PermanentFailure(`Port ${leg.portId} of the router has no address.`);
    for (const address of leg.addresses) interfaceAddress(address);
  }
  if (spec.gateway !== null && spec.gateway.nextHop !== null) parseAddress(spec.gateway.nextHop);
  for (const route of spec.routes) checkVersion(parseCidr(route.destination), parseAddress(route.nexthop));
  for (const floating of spec.floatingIps) {
    parseUuid(floating.id);
    const addresses = [parseAddress(floating.floatingAddress), parseAddress(floating.fixedAddress)];
    if (addresses.some(({ version }) => version !== 4)) {
      throw new PermanentFailure(`Floating IP ${floating.id}: only IPv4 addresses can be translated.`);
    }
    if (spec.gateway === null) {
      throw new PermanentFailure(`Floating IP ${floating.id} needs router ${spec.id} to have a gateway.`);
    }
  }
}

export function checkSecurityGroup(spec: SecurityGroupSpec): void {
  parseUuid(spec.id);
  for (const rule of spec.rules) checkRule(rule);
}

/** `address/length`, host bits kept. */
export function interfaceAddress({ address, prefixLength }: AddressWithPrefix): string {
  const parsed = parseAddress(address);
  parseCidr(`${parsed.text}/${prefixLength}`);
  return `${parsed.text}/${prefixLength}`;
}

function checkRule(rule: SecurityGroupRuleSpec): void {
  parseUuid(rule.id);
  if (rule.remoteGroupId !== null) parseUuid(rule.remoteGroupId);
  if (rule.remoteGroupId !== null && rule.remoteIpPrefix !== null) {
    throw new PermanentFailure(`Rule ${rule.id} has both a remote group and a remote prefix.`);
  }
  const version = rule.ethertype === 'IPv4' ? 4 : 6;
  if (rule.remoteIpPrefix !== null && parseCidr(rule.remoteIpPrefix).version !== version) {
    throw new PermanentFailure(`Rule ${rule.id}: ${rule.remoteIpPrefix} is not an ${rule.ethertype} prefix.`);
  }
  const protocol = protocolNumber(rule);
  const { portRangeMin: min, portRangeMax: max } = rule;
  if (min === null && max === null) return;
  if (protocol === ICMP || protocol === ICMPV6) {
    if (min === null) throw new PermanentFailure(`Rule ${rule.id} has an ICMP code without a type.`);
    checkNumbers(rule, [min, ...(max === null ? [] : [max])], 255);
    return;
  }
  if (protocol === null || !protocolsWithPorts.has(protocol)) {
    throw new PermanentFailure(`Rule ${rule.id}: protocol ${rule.protocol ?? 'any'} has no ports to choose from.`);
  }
  if (min === null || max === null || min > max) {
    throw new PermanentFailure(`Rule ${rule.id}: ${min} to ${max} is not a range of ports.`);
  }
  checkNumbers(rule, [min, max], 65_535);
}

function checkNumbers(rule: SecurityGroupRuleSpec, numbers: number[], max: number): void {
  for (const number of numbers) {
    if (!Number.isInteger(number) || number < 0 || number > max) {
      throw new PermanentFailure(`Rule ${rule.id}: ${number} is not between 0 and ${max}.`);
    }
  }
}

/** 68 is the least that IPv4 works with (RFC 791). */
function checkMtu(mtu: number): void {
  if (!Number.isInteger(mtu) || mtu < 68 || mtu > 65_535) throw new PermanentFailure(`${mtu} is not an MTU in bytes.`);
}

function checkVersion(wanted: Cidr, given: IpAddress | Cidr): void {
  if (wanted.version !== given.version) {
    throw new PermanentFailure(`${given.text} and ${wanted.text} are not of one IP version.`);
  }
}
