import type { Calls } from './call.ts';
import { computeCalls } from './calls/compute.ts';
import { consoleCalls } from './calls/console.ts';
import { containerCalls } from './calls/container.ts';
import { dashboardCalls } from './calls/dashboard.ts';
import { identityCalls } from './calls/identity.ts';
import { imageCalls } from './calls/image.ts';
import { networkCalls } from './calls/network.ts';
import { placementCalls } from './calls/placement.ts';
import { distributionCalls, registryCalls } from './calls/registry.ts';

/** By the service's name. */
export const callsOf: Record<string, Calls> = {
  identity: identityCalls,
  image: imageCalls,
  registry: registryCalls,
  distribution: distributionCalls,
  network: networkCalls,
  compute: computeCalls,
  console: consoleCalls,
  container: containerCalls,
  placement: placementCalls,
  dashboard: dashboardCalls,
};
