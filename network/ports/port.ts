/** A place on a network: of a guest, of a router's leg, or of a floating address. */
export interface Port {
  id: string;
  /** Empty for what the network service keeps for itself (gateways and floating addresses). */
  projectId: string;
  networkId: string;
  name: string;
  description: string;
  macAddress: string;
  adminStateUp: boolean;
  portSecurityEnabled: boolean;
  /** What the owner says it is for; shown, and nothing depends on it. */
  deviceId: string;
  deviceOwner: string;
  /** The guest that compute plugged it into; null while it is free. Only services write it. */
  attachedTo: string | null;
  /** Goes with its guest. */
  madeForDevice: boolean;
  hostName: string | null;
  vnicType: string;
  bindingProfile: Record<string, unknown>;
  allowedAddressPairs: AddressPair[];
  /** Whether a host carries it, as the engine last said; null until it said anything. */
  observedUp: boolean | null;
  /** The router whose leg it is, or that translates the floating address it holds: that one draws it, and is done with it first. */
  usedByRouter: string | null;
  fixedIps: FixedIp[];
  securityGroupIds: string[];
  tags: string[];
  revision: number;
  settledRevision: number;
  fault: string | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface FixedIp {
  subnetId: string;
  address: string;
}

export interface AddressPair {
  address: string;
  macAddress: string | null;
}

/** Ports that a router draws, and addresses that it translates: the engine knows them as parts of the router. */
export const routerOwners: readonly string[] = [
  'network:router_interface',
  'network:router_gateway',
  'network:floatingip',
];

export function statusOfPort(port: Port): 'ACTIVE' | 'DOWN' | 'ERROR' | 'N/A' {
  if (port.deviceOwner === 'network:floatingip') return 'N/A';
  if (port.fault !== null && port.settledRevision === port.revision) return 'ERROR';
  return port.observedUp === true && port.adminStateUp ? 'ACTIVE' : 'DOWN';
}
