import type { Knex } from '../../common/database/database.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import { addressesStillHeld, forgetReleased } from '../addresses/holding.ts';
import { wake } from '../lifecycle.ts';
import { wakeDoor } from '../metadata/reconciler.ts';
import { drawingReconciler, type ReconcilerDeps } from '../reconciler.ts';
import { portSpec } from '../specs.ts';
import { routerOwners } from './port.ts';
import { portGone } from './removal.ts';
import { allPorts, type PortRow, portFromRow } from './store.ts';

/**
 * The engine has a guest's port as the row says; what a router draws, it does not have as a port of its own. Of two ports
 * that one address belonged to, the new one comes after the old one is off the engine.
 */
export function portReconciler(deps: ReconcilerDeps): Reconciler {
  const { db, driver } = deps;
  const reconciler = drawingReconciler<DrawnPortRow>(deps, {
    table: 'ports',
    kind: 'port',
    find: (id) => allPorts(db).select(hasReleased(db)).where('p.id', id).first(),
    async ensure(row) {
      const { id, used_by_router: routerId, observed_up: before } = row;
      const forget = async () => {
        if (row.has_released) await forgetReleased(db, row); // what it released since is of a later revision
      };
      if (routerOwners.includes(row.device_owner)) {
        await yieldToRouter(deps, id, routerId);
        await forget();
        return {};
      }
      const port = portFromRow(row);
      const held = await addressesStillHeld(db, [id]);
      const free = port.fixedIps.filter(({ address }) => !held.has(`${id} ${address}`));
      const isWhole = free.length === port.fixedIps.length;
      // Drawn without what is held when it holds something itself: two that exchange addresses would wait for each other.
      if (!isWhole && !row.has_released) return 'waiting';
      await driver.ensurePort({ ...portSpec(port), fixedIps: free });
      await forget();
      if (!isWhole) return 'waiting';
      const up = (await driver.portStatus(id)) === 'up';
      return up === before ? {} : { observed_up: up };
    },
    /** A router lets go of an address before somebody else may have it. */
    async mayBeRemoved({ used_by_router: routerId }) {
      if (routerId === null) return true;
      const router = await db('routers').where({ id: routerId }).first('revision', 'settled_revision');
      return router === undefined || router.revision === router.settled_revision;
    },
    async settled({ attached_to: guest, network_id: networkId, revision, settled_revision: settledBefore }) {
      if (guest !== null && settledBefore !== revision) await wakeDoor(db, networkId);
    },
    async gone(trx, row) {
      await portGone(trx, row);
      if (row.attached_to !== null) await wakeDoor(trx, row.network_id);
    },
    drawn: (rows) => rows.whereNotIn('device_owner', [...routerOwners]),
  });
  let isListening = false;
  return {
    ...reconciler,
    pending(limit) {
      // Only a process that runs this loop asks, and only it needs to hear of ports.
      if (!isListening) driver.onPortStatus((id) => void wake(db, 'ports', id).catch(() => undefined)); // the sweep reads it too
      isListening = true;
      return reconciler.pending(limit);
    },
    async sweep() {
      return [...new Set([...(await reconciler.sweep!()), ...(await statusesThatDiffer(deps))])];
    },
  };
}

/** A port that became a router's leg is no guest's any more; the router waits for that. */
async function yieldToRouter({ db, driver }: ReconcilerDeps, id: string, routerId: string | null): Promise<void> {
  if ((await driver.portStatus(id)) === undefined) return;
  await driver.remove('port', id);
  if (routerId !== null) await wake(db, 'routers', routerId);
}

interface DrawnPortRow extends PortRow {
  /** The engine may have it with addresses that it has no more. */
  has_released: boolean;
}

const hasReleased = (db: Knex) =>
  db.raw('exists (select from port_addresses a where a.port_id = p.id and a.released) as has_released');

/** Ports whose change of status was missed. */
async function statusesThatDiffer({ db, driver }: ReconcilerDeps): Promise<string[]> {
  const rows: { id: string; observed_up: boolean | null }[] = await db('ports')
    .whereNotIn('device_owner', [...routerOwners])
    .whereNull('deletion_requested_at')
    .select('id', 'observed_up');
  const differing: string[] = [];
  for (const { id, observed_up: before } of rows)
    if (((await driver.portStatus(id)) === 'up') !== (before === true)) differing.push(id);
  return differing;
}
