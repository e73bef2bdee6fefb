import type { LifecycleRow } from '../lifecycle.ts';
import { drawingReconciler, type ReconcilerDeps, wakeUnsettled } from '../reconciler.ts';
import { securityGroupSpec } from '../specs.ts';

/** The engine filters by the rules that the row has now. */
export function securityGroupReconciler(deps: ReconcilerDeps) {
  const { db, driver } = deps;
  return drawingReconciler<LifecycleRow>(deps, {
    table: 'security_groups',
    kind: 'security-group',
    async ensure({ id }) {
      await driver.ensureSecurityGroup(await securityGroupSpec(db, id));
      return {};
    },
    async settled({ id }) {
      const members = db('port_security_groups').where({ security_group_id: id }).select('port_id');
      await wakeUnsettled(db, 'ports', db('ports').whereIn('id', members));
    },
  });
}
