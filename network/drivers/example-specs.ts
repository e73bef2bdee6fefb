/** Specs for tests: valid as they are, with ids of their own, and every field can be replaced. */
import { randomBytes, randomUUID } from 'node:crypto';
import type {
  NetworkSpec,
  PortSpec,
  RouterSpec,
  SecurityGroupRuleSpec,
  SecurityGroupSpec,
  SubnetSpec,
} from './driver.ts';

export const exampleMac = () => `fa:16:3e:${randomBytes(3).toString('hex').match(/../g)!.join(':')}`;

export const exampleNetwork = (more: Partial<NetworkSpec> = {}): NetworkSpec => ({
  id: randomUUID(),
  name: 'private',
  mtu: 1442,
  adminStateUp: true,
  physicalNetwork: null,
  ...more,
});

export const exampleSubnet = (networkId: string, more: Partial<SubnetSpec> = {}): SubnetSpec => ({
  id: randomUUID(),
  networkId,
  cidr: '10.20.0.0/24',
  gatewayIp: '10.20.0.1',
  enableDhcp: true,
  dnsNameservers: ['192.0.2.53'],
  hostRoutes: [],
  mtu: 1442,
  ...more,
});

export const examplePort = (networkId: string, more: Partial<PortSpec> = {}): PortSpec => ({
  id: randomUUID(),
  name: 'port',
  networkId,
  macAddress: exampleMac(),
  fixedIps: [],
  adminStateUp: true,
  portSecurityEnabled: true,
  securityGroupIds: [],
  allowedAddressPairs: [],
  ...more,
});

export const exampleRouter = (more: Partial<RouterSpec> = {}): RouterSpec => ({
  id: randomUUID(),
  name: 'router',
  adminStateUp: true,
  gateway: null,
  interfaces: [],
  routes: [],
  floatingIps: [],
  ...more,
});

export const exampleLeg = (networkId: string, address: string, prefixLength = 24) => ({
  portId: randomUUID(),
  networkId,
  macAddress: exampleMac(),
  addresses: [{ address, prefixLength }],
});

export const exampleRule = (more: Partial<SecurityGroupRuleSpec> = {}): SecurityGroupRuleSpec => ({
  id: randomUUID(),
  direction: 'ingress',
  ethertype: 'IPv4',
  protocol: null,
  portRangeMin: null,
  portRangeMax: null,
  remoteIpPrefix: null,
  remoteGroupId: null,
  ...more,
});

export const exampleGroup = (...rules: SecurityGroupRuleSpec[]): SecurityGroupSpec => ({ id: randomUUID(), rules });
