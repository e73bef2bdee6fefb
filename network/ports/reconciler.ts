import type { Knex } from '../../common/database/database.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import { wake } from '../lifecycle.ts';
import { drawingReconciler, type ReconcilerDeps, wakeUnsettled } from '../reconciler.ts';
import { portSpec } from '../specs.ts';
import { routerOwners } from './port.ts';
import { allPorts, type PortRow, portFromRow } from './store.ts';

/**
 * The engine has a guest's port as the row says; what a router draws, it does not have as a port of its own. Of two ports
 * that one address belonged to, the new one comes after the old one is off the engine.
 */
export function portReconciler(deps: ReconcilerDeps): Reconciler {
  const { db, driver } = deps;
  const reconciler = drawingReconciler<PortRow>(deps, {
    table: 'ports',
    kind: 'port',
    async ensure({ id, device_owner: owner, used_by_router: routerId, observed_up: before }) {
      if (routerOwners.includes(owner)) {
        await yieldToRouter(deps, id, routerId);
        return {};
      }
      if (await isAddressStillHeld(db, id)) return 'waiting';
      const port = portFromRow(await allPorts(db).where('p.id', id).first());
      await driver.ensurePort(portSpec(port));
      const up = (await driver.portStatus(id)) === 'up';
      return up === before ? {} : { observed_up: up };
    },
    /** A router lets go of an address before somebody else may have it. */
    async mayBeRemoved({ used_by_router: routerId }) {
      if (routerId === null) return true;
      const router = await db('routers').where({ id: routerId }).first('revision', 'settled_revision');
      return router === undefined || router.revision === router.settled_revision;
    },
    async gone(trx, row) {
      await wake(trx, 'networks', row.network_id);
      const addresses = await trx('port_addresses').where({ port_id: row.id }).select('subnet_id', 'address');
      for (const { subnet_id, address } of addresses) {
        await wake(trx, 'subnets', subnet_id);
        const next = trx('port_addresses').where({ subnet_id, address, released: false }).select('port_id');
        await wakeUnsettled(trx, 'ports', trx('ports').whereIn('id', next));
      }
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

/** Whether a port that is being deleted had one of this port's addresses and is still on the engine. */
async function isAddressStillHeld(db: Knex, id: string): Promise<boolean> {
  const holder = await db('port_addresses as mine')
    .join('port_addresses as old', (on) =>
      on.on('old.subnet_id', 'mine.subnet_id').andOn('old.address', 'mine.address'),
    )
    .where({ 'mine.port_id': id, 'mine.released': false, 'old.released': true })
    .first('old.port_id');
  return holder !== undefined;
}

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
