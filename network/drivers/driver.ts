/**
 * What carries tenant networks. Each `ensure…` makes one object be as its spec says, whole, in one transaction of the
 * engine, and does nothing when it already is; each `remove…` takes an absent object as success. References between specs
 * are our ids; an object may be ensured before the one it refers to exists (throw `NotReady`, the loop comes back).
 */
import { CloudError } from '../../common/errors.ts';

/** Something this object refers to is not on the engine yet. */
export class NotReady extends CloudError {}

export interface NetworkSpec {
  id: string;
  name: string;
  /** Bytes. */
  mtu: number;
  adminStateUp: boolean;
  /** The provider network it is, by its name in the hosts' bridge mappings; null for a tenant network. */
  physicalNetwork: string | null;
}

export interface SubnetSpec {
  id: string;
  networkId: string;
  cidr: string;
  gatewayIp: string | null;
  enableDhcp: boolean;
  dnsNameservers: string[];
  hostRoutes: { destination: string; nexthop: string }[];
  /** Bytes; handed out by DHCP. */
  mtu: number;
}

export interface PortSpec {
  id: string;
  name: string;
  networkId: string;
  macAddress: string;
  fixedIps: { subnetId: string; address: string }[];
  adminStateUp: boolean;
  /** Off: neither anti-spoofing nor security groups. On with no group: nothing but DHCP passes. */
  portSecurityEnabled: boolean;
  securityGroupIds: string[];
  allowedAddressPairs: { address: string; macAddress: string | null }[];
}

export interface RouterSpec {
  id: string;
  name: string;
  adminStateUp: boolean;
  /** `portId` is our port on the external network: it is drawn as the router's leg there, never as a guest's port. */
  gateway: {
    portId: string;
    networkId: string;
    macAddress: string;
    addresses: AddressWithPrefix[];
    nextHop: string | null;
    enableSnat: boolean;
  } | null;
  interfaces: { portId: string; networkId: string; macAddress: string; addresses: AddressWithPrefix[] }[];
  /** Static routes of the tenant. */
  routes: { destination: string; nexthop: string }[];
  floatingIps: { id: string; floatingAddress: string; fixedAddress: string; portId: string }[];
}

export interface AddressWithPrefix {
  address: string;
  prefixLength: number;
}

export interface SecurityGroupSpec {
  id: string;
  rules: SecurityGroupRuleSpec[];
}

export interface SecurityGroupRuleSpec {
  id: string;
  direction: 'ingress' | 'egress';
  ethertype: 'IPv4' | 'IPv6';
  /** A protocol name of the Networking API, a number as a string, or null for any. */
  protocol: string | null;
  /** For ICMP: type and code. */
  portRangeMin: number | null;
  portRangeMax: number | null;
  remoteIpPrefix: string | null;
  remoteGroupId: string | null;
}

export type NetworkObjectKind = 'network' | 'subnet' | 'port' | 'router' | 'security-group';

export interface NetworkDriver {
  ensureNetwork(spec: NetworkSpec): Promise<void>;
  ensureSubnet(spec: SubnetSpec): Promise<void>;
  ensurePort(spec: PortSpec): Promise<void>;
  ensureRouter(spec: RouterSpec): Promise<void>;
  ensureSecurityGroup(spec: SecurityGroupSpec): Promise<void>;
  remove(kind: NetworkObjectKind, id: string): Promise<void>;
  /** Every object of ours on the engine, so that one without a row can be found and removed. */
  list(kind: NetworkObjectKind): Promise<string[]>;
  /** Whether some host really carries the port now; undefined when the port is not on the engine. */
  portStatus(id: string): Promise<'up' | 'down' | undefined>;
  /** Called with the id of a port whose status changed. A hint: it may be missed or repeated. */
  onPortStatus(listener: (portId: string) => void): () => void;
  /** Throws, with what to do about it, when the engine does not answer. */
  check(): Promise<void>;
  close(): Promise<void>;
}
