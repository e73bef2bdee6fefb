/** A network with a way out, for a project that asks for any (neutron/services/auto_allocate/db.py). */
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import type { NetworkDeps } from '../deps.ts';
import { AutoAllocationFailure } from '../errors.ts';
import { createNetworks, deleteNetwork } from '../networks/operations.ts';
import { visibleNetworks } from '../networks/store.ts';
import { addInterface, removeInterface } from '../routers/interfaces.ts';
import { createRouter, deleteRouter } from '../routers/operations.ts';
import { createSubnets } from '../subnets/operations.ts';

/** Apart from what guides tell people to use, so that their own networks can be joined to the same router. */
const cidr = '10.254.0.0/22';

/**
 * The id of the project's network, made with its subnet and its router when it is not there. Throws `AutoAllocationFailure` where
 * it is not plain which network the way out is, `OverQuota`, and `Forbidden` to those who may not make networks.
 */
export async function ensureTopology(deps: NetworkDeps, ctx: ProjectContext, projectId: string): Promise<string> {
  return await deps.db.transaction(async (trx) => {
    await takeTurns(trx, projectId);
    const known = await findTopology(trx, projectId);
    if (known !== undefined) return known.networkId;
    const within = { ...deps, db: trx };
    const external = await defaultExternalNetwork(trx);
    const [network] = await createNetworks(within, ctx, [
      { name: 'auto_allocated_network', project_id: projectId, description: 'Made for whoever asked for any network' },
    ]);
    if (network === undefined) throw new Error('No network was made, and none was refused.');
    const asked = { name: 'auto_allocated_subnet_v4', network_id: network.id, ip_version: 4, cidr };
    const [subnet] = await createSubnets(within, ctx, [{ ...asked, project_id: projectId }]);
    const router = await createRouter(within, ctx, {
      name: 'auto_allocated_router',
      project_id: projectId,
      external_gateway_info: { network_id: external },
    });
    await addInterface(within, ctx, router.id, { subnet_id: subnet?.id });
    await trx('auto_allocated_topologies')
      .insert({ project_id: projectId, network_id: network.id, router_id: router.id })
      .onConflict('project_id')
      .merge();
    return network.id;
  });
}

/** Throws `AutoAllocationFailure` when the project could not be given one; makes nothing. */
export async function checkRequirements({ db }: NetworkDeps, projectId: string): Promise<void> {
  if ((await findTopology(db, projectId)) === undefined) await defaultExternalNetwork(db);
}

/** Takes all of it away. Throws `NotFound` when there is none, and `Conflict` kinds while something is on it. */
export async function deleteTopology(deps: NetworkDeps, ctx: ProjectContext, projectId: string): Promise<void> {
  await deps.db.transaction(async (trx) => {
    await takeTurns(trx, projectId);
    const known = await findTopology(trx, projectId);
    if (known === undefined) throw new NotFound('Auto allocated topology', projectId);
    const within = { ...deps, db: trx };
    for (const subnetId of known.joinedSubnets)
      await removeInterface(within, ctx, known.routerId, { subnet_id: subnetId });
    if (known.hasRouter) await deleteRouter(within, ctx, known.routerId);
    await deleteNetwork(within, ctx, known.networkId);
    await trx('auto_allocated_topologies').where({ project_id: projectId }).delete();
  });
}

interface Topology {
  networkId: string;
  routerId: string;
  hasRouter: boolean;
  /** Those of its network that its router has a leg on. */
  joinedSubnets: string[];
}

/** Undefined when there is none, or its network was deleted. */
async function findTopology(db: Knex, projectId: string): Promise<Topology | undefined> {
  const row = await db('auto_allocated_topologies as t')
    .join('networks as n', 'n.id', 't.network_id')
    .leftJoin('routers as r', (join) => join.on('r.id', 't.router_id').onNull('r.deletion_requested_at'))
    .where('t.project_id', projectId)
    .whereNull('n.deletion_requested_at')
    .first('t.network_id', 't.router_id', 'r.id as live_router');
  if (row === undefined) return undefined;
  const joinedSubnets = await db('port_addresses as a')
    .join('ports as p', 'p.id', 'a.port_id')
    .where({ 'p.network_id': row.network_id, 'p.used_by_router': row.router_id })
    .whereNull('p.deletion_requested_at')
    .where('a.released', false)
    .pluck('a.subnet_id');
  return { networkId: row.network_id, routerId: row.router_id, hasRouter: row.live_router !== null, joinedSubnets };
}

/** The one that is marked so, or the only one there is. Throws `AutoAllocationFailure` where it is not plain which. */
export async function defaultExternalNetwork(db: Knex): Promise<string> {
  const rows: { id: string; is_default: boolean }[] = await visibleNetworks(db, 'everyone').where('n.external', true);
  const chosen = rows.find((row) => row.is_default) ?? (rows.length === 1 ? rows[0] : undefined);
  if (chosen === undefined) throw new AutoAllocationFailure('Deployment error: No default router:external network.');
  return chosen.id;
}

/** Of two who ask at once, the second gets what was made for the first. */
async function takeTurns(trx: Knex, projectId: string): Promise<void> {
  await trx.raw('select pg_advisory_xact_lock(hashtextextended(?, 0))', [`auto allocated topology ${projectId}`]);
}

/** Whether the caller may ask for that project's: its own, or anybody's for an administrator. */
export function mayAskFor(ctx: ProjectContext, projectId: string): boolean {
  const visible = visibleTo(ctx);
  return visible === 'everyone' || visible.projectId === projectId;
}
