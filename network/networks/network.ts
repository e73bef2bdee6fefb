/** A layer 2 network: a project's own, or one of the physical networks of the hosts. */
export interface Network {
  id: string;
  projectId: string;
  name: string;
  description: string;
  adminStateUp: boolean;
  /** Every project may put ports on it. */
  shared: boolean;
  /** Routers may have their gateway on it, and floating IPs come from it. */
  external: boolean;
  /** Of the external ones, that which is taken where none is named. */
  isDefault: boolean;
  /** What new ports start with. */
  portSecurityEnabled: boolean;
  /** Bytes. */
  mtu: number;
  networkType: 'geneve' | 'flat';
  /** A name of the hosts' bridge mappings; null for a tenant network. */
  physicalNetwork: string | null;
  subnetIds: string[];
  tags: string[];
  revision: number;
  settledRevision: number;
  fault: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** Neutron calls a network active as soon as it may be used; only one that the engine refused is in error. */
export function statusOfNetwork(network: Network): 'ACTIVE' | 'ERROR' {
  return network.fault !== null && network.settledRevision === network.revision ? 'ERROR' : 'ACTIVE';
}
