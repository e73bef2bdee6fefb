import type { FixedIp } from '../ports/port.ts';
import type { HostRoute } from '../subnets/subnet.ts';

/** Joins subnets with each other and, through its gateway, with an external network. */
export interface Router {
  id: string;
  projectId: string;
  name: string;
  description: string;
  adminStateUp: boolean;
  gateway: RouterGateway | null;
  /** Static routes of the owner's. */
  routes: HostRoute[];
  tags: string[];
  revision: number;
  settledRevision: number;
  fault: string | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface RouterGateway {
  networkId: string;
  portId: string;
  /** Whether guests without a floating IP share the gateway's address. */
  enableSnat: boolean;
  fixedIps: FixedIp[];
}

export function statusOfRouter(router: Router): 'ACTIVE' | 'ERROR' {
  return router.fault !== null && router.settledRevision === router.revision ? 'ERROR' : 'ACTIVE';
}
