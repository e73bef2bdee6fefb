import type { ProjectContext } from '../../common/context.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import type { ServerDeps } from './create.ts';

export const placePolicy = definePolicy({
  'os_compute_api:servers:create:forced_host': projectAdmin('Choose the host of a server with its zone'),
  'compute:servers:create:requested_destination': projectAdmin('Choose the host of a server'),
});

/** Null: any. */
export interface RequestedPlace {
  zone: string | null;
  hostName: string | null;
}

/** `zone[:host[:node]]`, or a host beside it; only an administrator may name a host. A host's node has its own name here. */
export function requestedPlace(
  { enforcer }: ServerDeps,
  ctx: ProjectContext,
  asked: { availabilityZone: string | null; hostName: string | null },
): RequestedPlace {
  const [zone = '', host = '', node = ''] = (asked.availabilityZone ?? '').split(':');
  const forced = host || node;
  if (forced !== '') enforcer.authorize(ctx, placePolicy['os_compute_api:servers:create:forced_host']);
  if (asked.hostName !== null) enforcer.authorize(ctx, placePolicy['compute:servers:create:requested_destination']);
  return { zone: zone || null, hostName: asked.hostName ?? (forced || null) };
}
