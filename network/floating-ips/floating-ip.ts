/** An address of an external network that its owner can point at a port. */
export interface FloatingIp {
  id: string;
  projectId: string;
  description: string;
  networkId: string;
  /** The network service's own port that holds the address. */
  holderPortId: string;
  address: string;
  association: { portId: string; fixedAddress: string; routerId: string; isInForce: boolean } | null;
  tags: string[];
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

/** Active once the router that translates it says so. */
export function statusOfFloatingIp({ association }: FloatingIp): 'ACTIVE' | 'DOWN' {
  return association?.isInForce ? 'ACTIVE' : 'DOWN';
}
