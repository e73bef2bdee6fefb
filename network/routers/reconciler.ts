import type { Knex } from '../../common/database/database.ts';
import { wake } from '../lifecycle.ts';
import { drawingReconciler, type ReconcilerDeps } from '../reconciler.ts';
import { routerSpec } from '../specs.ts';
import type { RouterRow } from './store.ts';

/** The engine's router has the legs, routes and translated addresses that the row has now. */
export function routerReconciler(deps: ReconcilerDeps) {
  const { db, driver } = deps;
  return drawingReconciler<RouterRow>(deps, {
    table: 'routers',
    kind: 'router',
    async ensure(row) {
      await driver.ensureRouter(await routerSpec(db, row));
      await db('ports')
        .where({ used_by_router: row.id })
        .whereIn('device_owner', ['network:router_interface', 'network:router_gateway'])
        .whereRaw('observed_up is not true')
        .update({ observed_up: true });
      return {};
    },
    // Ports that wait to go until the router has let go of them.
    settled: ({ id }) => wakeDoomedPorts(db, id),
    gone: (trx, { id }) => wakeDoomedPorts(trx, id),
  });
}

async function wakeDoomedPorts(db: Knex, routerId: string): Promise<void> {
  const ids = await db('ports').where({ used_by_router: routerId }).whereNotNull('deletion_requested_at').pluck('id');
  for (const id of ids) await wake(db, 'ports', id);
}
