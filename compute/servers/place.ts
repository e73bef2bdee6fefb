import type { ProjectContext } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest } from '../../common/errors.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import { requireZone, zonesByHost } from '../aggregates/zones.ts';
import { requireHost } from '../hosts/store.ts';
import { availabilityZone } from '../limits.ts';
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

/** Named with the zone, a host outweighs it. */
type AskedPlace = RequestedPlace & { isForced: boolean };

/**
 * `zone[:host[:node]]`, or a host beside it; only an administrator may name a host. A host's node has its own name here. Throws
 * `BadRequest`, `Forbidden`.
 */
export function requestedPlace(
  { enforcer }: ServerDeps,
  ctx: ProjectContext,
  asked: { availabilityZone: string | null; hostName: string | null },
): AskedPlace {
  const [zone = '', host = '', node = '', ...more] = (asked.availabilityZone ?? '').split(':');
  if (more.length > 0) throw new BadRequest('Invalid input received: Unable to parse availability_zone');
  const forced = host || node;
  if (forced !== '') enforcer.authorize(ctx, placePolicy['os_compute_api:servers:create:forced_host']);
  if (asked.hostName !== null) enforcer.authorize(ctx, placePolicy['compute:servers:create:requested_destination']);
  if (asked.hostName !== null && forced !== '')
    throw new BadRequest(
      'One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node are mutually exclusive.',
    );
  if (host !== '' && node !== '' && host !== node)
    throw new BadRequest(`Compute host ${host} with node ${node} could not be found.`);
  return { zone: zone || null, hostName: asked.hostName ?? (forced || null), isForced: forced !== '' };
}

/**
 * What of it holds: a host that was forced is in its own zone, whatever zone was said (nova/api/openstack/compute/servers.py,
 * `_validate_host_availability_zone`). Throws `BadRequest` for a host or a zone that is not there.
 */
export async function checkPlace(trx: Knex, { zone, hostName, isForced }: AskedPlace): Promise<RequestedPlace> {
  if (hostName !== null) await requireHost(trx, hostName);
  if (zone === null || hostName === null || !isForced) {
    if (zone !== null) await requireZone(trx, zone);
    return { zone, hostName };
  }
  const zoneOfHost = (await zonesByHost(trx)).get(hostName) ?? availabilityZone;
  return { zone: zone === zoneOfHost ? zone : null, hostName };
}
