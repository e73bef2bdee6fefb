import type { Knex } from '../../common/database/database.ts';
import { wake } from '../lifecycle.ts';
import { portGone } from '../ports/removal.ts';
import { drawingReconciler, type ReconcilerDeps } from '../reconciler.ts';
import { routerSpec } from '../specs.ts';
import type { RouterRow } from './store.ts';

/**
 * The engine's router has the legs, routes and translated addresses that the row has now. An address that was somebody else's
 * comes when it is off the engine there; the rest does not wait for it.
 */
export function routerReconciler(deps: ReconcilerDeps) {
  const { db, driver } = deps;
  return drawingReconciler<RouterRow>(deps, {
    table: 'routers',
    kind: 'router',
    async ensure(row) {
      const doomed = await doomedPorts(db, row.id); // before what is drawn is read, which then has none of them
      const { spec, isWhole } = await routerSpec(db, row);
      await driver.ensureRouter(spec);
      // It has let go of them. They do not wait until it is settled: two routers that exchange addresses would never be.
      if (!isWhole) for (const port of doomed) await removeDoomed(deps, port);
      await db('ports')
        .where({ used_by_router: row.id })
        .whereIn('device_owner', ['network:router_interface', 'network:router_gateway'])
        .whereRaw('observed_up is not true')
        .update({ observed_up: true });
      return isWhole ? {} : 'waiting';
    },
    // Ports that wait to go until the router has let go of them.
    settled: ({ id }) => wakeDoomedPorts(db, id),
    gone: (trx, { id }) => wakeDoomedPorts(trx, id),
  });
}

async function wakeDoomedPorts(db: Knex, routerId: string): Promise<void> {
  for (const { id } of await doomedPorts(db, routerId)) await wake(db, 'ports', id);
}

async function doomedPorts(db: Knex, routerId: string): Promise<{ id: string; network_id: string }[]> {
  return await db('ports')
    .where({ used_by_router: routerId })
    .whereNotNull('deletion_requested_at')
    .select('id', 'network_id');
}

/** As the ports' own reconciler does it. */
async function removeDoomed({ db, driver }: ReconcilerDeps, port: { id: string; network_id: string }): Promise<void> {
  await driver.remove('port', port.id);
  await db.transaction(async (trx) => {
    await portGone(trx, port);
    await trx('ports').where({ id: port.id }).delete();
  });
}
