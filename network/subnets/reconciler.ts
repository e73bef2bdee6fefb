import { wake } from '../lifecycle.ts';
import { drawingReconciler, type ReconcilerDeps, wakeUnsettled } from '../reconciler.ts';
import { subnetSpec } from '../specs.ts';
import type { SubnetRow } from './store.ts';

/** A subnet outlives every port that has, or had, an address of it. */
export function subnetReconciler(deps: ReconcilerDeps) {
  const { db, driver } = deps;
  return drawingReconciler<SubnetRow>(deps, {
    table: 'subnets',
    kind: 'subnet',
    async ensure(row) {
      await driver.ensureSubnet(await subnetSpec(db, row));
      return {};
    },
    async mayBeRemoved({ id }) {
      return (await db('port_addresses').where({ subnet_id: id }).first('port_id')) === undefined;
    },
    async settled({ id }) {
      const holders = db('port_addresses').where({ subnet_id: id }).select('port_id');
      await wakeUnsettled(db, 'ports', db('ports').whereIn('id', holders));
    },
    gone: (trx, row) => wake(trx, 'networks', row.network_id),
  });
}
