import type { Pool } from '../addresses/ip.ts';

/** A range of addresses of a network, and what DHCP tells those who have one. */
export interface Subnet {
  id: string;
  projectId: string;
  networkId: string;
  name: string;
  description: string;
  cidr: string;
  gatewayIp: string | null;
  enableDhcp: boolean;
  dnsNameservers: string[];
  hostRoutes: HostRoute[];
  /** Where addresses are taken from when nobody chooses one. */
  allocationPools: Pool[];
  tags: string[];
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

export interface HostRoute {
  destination: string;
  nexthop: string;
}
