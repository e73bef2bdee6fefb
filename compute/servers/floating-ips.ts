/** Floating IPs by their address, of servers: for clients that ask Compute for it, until 2.43. */
import { isIPv4 } from 'node:net';
import { type ProjectContext, type Visible, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Conflict, NotFound } from '../../common/errors.ts';
import type { FloatingIp } from '../../network/floating-ips/floating-ip.ts';
import { updateFloatingIp } from '../../network/floating-ips/operations.ts';
import { interfacesOf } from '../../network/interfaces.ts';
import { floatingIpsWithAddress, getProxiedFloatingIp, lockFloatingIp } from '../../network/proxied.ts';
import type { ServerDeps } from './create.ts';
import { getServer } from './store.ts';

/**
 * Points a floating IP, wherever it points, at the server's address: the one named, or its first of IPv4. Throws `NotFound` for
 * either that is not there, and in Nova's words `BadRequest` where the address cannot have it.
 */
export async function addFloatingIp(
  deps: ServerDeps,
  ctx: ProjectContext,
  serverId: string,
  { address, fixedAddress }: { address: string; fixedAddress: string | undefined },
): Promise<void> {
  const server = await getServer(deps.db, visibleTo(ctx), serverId);
  const plugged = await interfacesOf(deps.db, server.id);
  const fixed = plugged.flatMap(({ portId, fixedIps }) => fixedIps.map((one) => ({ portId, address: one.address })));
  if (fixed.length === 0) throw new BadRequest('No fixed IPs associated to instance');
  const target = fixed.find((one) => (fixedAddress === undefined ? isIPv4(one.address) : one.address === fixedAddress));
  if (target === undefined)
    throw new BadRequest(
      fixedAddress === undefined
        ? `Unable to associate floating IP ${address} to any fixed IPs for instance ${server.id}. Instance has no fixed IPv4 addresses to associate.`
        : 'Specified fixed address not assigned to instance',
    );
  const { id } = await floatingIpAt(deps.db, visibleTo(ctx), address);
  await updateFloatingIp(deps, ctx, id, { port_id: target.portId, fixed_ip_address: target.address }).catch((error) => {
    if (!(error instanceof Conflict || error instanceof NotFound || error instanceof BadRequest)) throw error;
    throw new BadRequest(
      `Unable to associate floating IP ${address} to fixed IP ${target.address} for instance ${server.id}. Error: ${error.message}`,
      { cause: error },
    );
  });
}

/** Throws `NotFound` for either that is not there, and `Conflict` unless it points at the server. */
export async function removeFloatingIp(
  deps: ServerDeps,
  ctx: ProjectContext,
  serverId: string,
  address: string,
): Promise<void> {
  const server = await getServer(deps.db, visibleTo(ctx), serverId);
  await deps.db.transaction(async (trx) => {
    const { id } = await floatingIpAt(trx, visibleTo(ctx), address);
    await lockFloatingIp(trx, visibleTo(ctx), id);
    if ((await getProxiedFloatingIp(trx, visibleTo(ctx), id)).guestId !== server.id)
      throw new Conflict(`Floating IP ${address} is not associated with instance ${server.id}.`);
    await updateFloatingIp({ ...deps, db: trx }, ctx, id, { port_id: null });
  });
}

async function floatingIpAt(db: Knex, visible: Visible, address: string): Promise<FloatingIp> {
  const [found, ...others] = await floatingIpsWithAddress(db, visible, address);
  if (found === undefined) throw new AddressNotFound(address);
  if (others.length > 0) throw new Conflict(`Multiple floating IPs are found for address ${address}.`);
  return found;
}

/** In Nova's words. */
class AddressNotFound extends NotFound {
  constructor(address: string) {
    super('Floating IP', address);
    this.message = `Floating IP not found for address ${address}.`;
  }
}
