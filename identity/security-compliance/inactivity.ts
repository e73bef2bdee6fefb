import type { Knex } from '../../common/database/database.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import type { IdentityDeps } from '../deps.ts';
import { revoke } from '../tokens/revocations.ts';

/**
 * Disables who has not logged in for as many days as `disableUserAccountDaysInactive` says, so that everybody sees it and
 * what they still have ends. A login refuses them before that, too: nobody gets in between two looks.
 */
export function inactiveUsersReconciler({
  db,
  compliance: { inactiveDays },
  revocations,
  tokenSeconds,
}: Pick<IdentityDeps, 'db' | 'compliance' | 'revocations' | 'tokenSeconds'>): Reconciler {
  return {
    name: 'inactive users',
    pending: async () => [], // nobody asks for it: time does, which is what the slow pass is for
    sweep: () => inactive(db, inactiveDays).limit(1000).pluck('users.id'),
    async reconcile(id) {
      await db.transaction(async (trx) => {
        const found = await inactive(trx, inactiveDays).where('users.id', id).forUpdate('users').first('users.id');
        if (!found) return; // logged in meanwhile
        await trx('users').where({ id }).update({ enabled: false });
        await revoke(trx, `user:${id}`, tokenSeconds);
      });
      await revocations.refresh();
    },
  };
}

function inactive(db: Knex, days: number): Knex.QueryBuilder {
  return db('users')
    .leftJoin('user_logins', 'user_logins.user_id', 'users.id')
    .where('users.enabled', true)
    .whereRaw(`coalesce(users.options ->> 'ignore_user_inactivity', '') <> 'true'`)
    .whereRaw(
      `(now() at time zone 'utc')::date - coalesce(last_active_on, (users.created_at at time zone 'utc')::date) >= ?`,
      [days],
    );
}
