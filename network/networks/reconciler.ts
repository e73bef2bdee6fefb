import { drawingReconciler, type ReconcilerDeps, wakeUnsettled } from '../reconciler.ts';
import { networkSpec } from '../specs.ts';
import type { NetworkRow } from './store.ts';

/** A network outlives everything that is on it. */
export function networkReconciler(deps: ReconcilerDeps) {
  const { db, driver } = deps;
  return drawingReconciler<NetworkRow>(deps, {
    table: 'networks',
    kind: 'network',
    async ensure(row) {
      await driver.ensureNetwork(networkSpec(row));
      return {};
    },
    async mayBeRemoved({ id }) {
      const [subnet, port] = await Promise.all([
        db('subnets').where({ network_id: id }).first('id'),
        db('ports').where({ network_id: id }).first('id'),
      ]);
      return subnet === undefined && port === undefined;
    },
    async settled({ id }) {
      await wakeUnsettled(db, 'subnets', db('subnets').where({ network_id: id }));
      await wakeUnsettled(db, 'ports', db('ports').where({ network_id: id }));
      const legs = db('ports').where({ network_id: id }).whereNotNull('used_by_router').select('used_by_router');
      await wakeUnsettled(db, 'routers', db('routers').whereIn('id', legs));
    },
  });
}
