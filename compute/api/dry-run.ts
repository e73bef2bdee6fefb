/** What dry runs of servers tell: an extension of ours. All of it is read where the thing itself was just done, before it is taken back. */
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { NotFound } from '../../common/errors.ts';
import { interfacesOf, lastingPortIds } from '../../network/interfaces.ts';
import { computeLimitsOf } from '../quotas/limits.ts';
import { usageOf } from '../quotas/usage.ts';
import { claimsOf } from '../scheduler/claims.ts';
import { removeServerRow } from '../servers/deletion.ts';
import type { Server } from '../servers/server.ts';
import { getServer, listReservation } from '../servers/store.ts';
import type { ComputeApiDeps } from './deps.ts';
import { hostIdOf, showsHosts } from './server-view.ts';

/** Does it for real, and gives what it would have answered. */
export type Run = () => Promise<unknown>;

/** Where the servers would be, with which addresses; or why there is no room for them. */
export async function tellCreation(deps: ComputeApiDeps, ctx: ProjectContext, run: Run): Promise<object> {
  const made = (await run()) as { server: { id: string } } | { reservation_id: string };
  const reservationId =
    'server' in made ? (await getServer(deps.db, visibleTo(ctx), made.server.id)).reservationId : made.reservation_id;
  const servers: object[] = [];
  let homeless: Server | undefined;
  for (const server of await listReservation(deps.db, visibleTo(ctx), reservationId)) {
    const { flavor, claims } = await stand(deps, ctx, server);
    servers.push({ name: server.name, flavor, claims, ports: await portsOf(deps, server) });
    if (server.hostId === null) homeless ??= server;
  }
  return {
    ...(homeless && { possible: false, reason: homeless.unplacedReason }),
    ...(homeless && showsHosts(deps, ctx) && { details: homeless.unplacedDetails }),
    servers,
    quota: await quotaOf(deps, ctx),
  };
}

/** Of what changes the size or the place of a server: both before and after, and what it takes of hosts meanwhile. */
export async function tellMove(deps: ComputeApiDeps, ctx: ProjectContext, id: string, run: Run): Promise<object> {
  const find = () => getServer(deps.db, visibleTo(ctx), id);
  const server = await find();
  const before = await stand(deps, ctx, server);
  await run();
  const after = await stand(deps, ctx, await find());
  return { server: { id: server.id, name: server.name, before, after }, quota: await quotaOf(deps, server) };
}

/** What goes with the server and what stays; where the site keeps deleted servers for a while, nothing goes yet. */
export async function tellDeletion(deps: ComputeApiDeps, ctx: ProjectContext, id: string, run: Run): Promise<object> {
  const { db } = deps;
  const server = await getServer(db, visibleTo(ctx), id);
  const before = await stand(deps, ctx, server);
  const ports = (await interfacesOf(db, server.id)).map(({ portId }) => portId);
  const lasting = new Set(await lastingPortIds(db, server.id));
  await run();
  const left = await getServer(db, visibleTo(ctx), id).catch((error) => {
    if (error instanceof NotFound) return undefined; // no host held it
    throw error;
  });
  const isRestorable = left !== undefined && left.deletionRequestedAt === null;
  // As the host will, once nothing of it is left there: until then the quota is taken.
  if (left !== undefined && !isRestorable) await removeServerRow(db, left);
  return {
    server: { id: server.id, name: server.name, before },
    ...(isRestorable
      ? { restorable_for: deps.reclaimSeconds }
      : {
          deleted: {
            servers: [server.id],
            ports: ports.filter((port) => !lasting.has(port)),
            images: server.shelveImageId === null ? [] : [server.shelveImageId],
          },
          detached: { ports: ports.filter((port) => lasting.has(port)) },
        }),
    quota: await quotaOf(deps, server),
  };
}

/** What a server is, and what it takes of hosts: of two while it is on its way between them. */
async function stand(
  deps: ComputeApiDeps,
  ctx: ProjectContext,
  { id, projectId, flavorName }: Server,
): Promise<{ flavor: string; claims: object[] }> {
  const claims = (await claimsOf(deps.db, id)).map(({ hostName, kind, vcpus, memoryMib, diskGib }) => ({
    hostId: hostIdOf({ projectId, hostName }),
    ...(showsHosts(deps, ctx) && { host: hostName }),
    kind,
    vcpus,
    ram: memoryMib,
    disk: diskGib,
  }));
  return { flavor: flavorName, claims };
}

async function portsOf({ db }: ComputeApiDeps, { id }: Server): Promise<object[]> {
  return (await interfacesOf(db, id)).map(({ networkId, fixedIps }) => ({
    net_id: networkId,
    fixed_ips: fixedIps.map(({ subnetId, address }) => ({ subnet_id: subnetId, ip_address: address })),
  }));
}

/** How the project would stand afterwards. */
async function quotaOf({ db, region }: ComputeApiDeps, { projectId }: { projectId: string }): Promise<object> {
  const limits = await computeLimitsOf(db, { projectId, region });
  const used = await usageOf(db, projectId);
  const shown = (['instances', 'cores', 'ram'] as const).map((name) => [
    name,
    { in_use: used[name], limit: limits[name] },
  ]);
  return Object.fromEntries(shown);
}
