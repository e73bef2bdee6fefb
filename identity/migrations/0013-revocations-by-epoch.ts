import type { Knex } from '../../common/database/database.ts';
import type { Migration } from '../../common/database/migrate.ts';

/** Processes read what came since they last looked; whoever revokes removes what has expired. */
export const revocationsByEpoch: Migration = {
  name: 'identity/0013-revocations-by-epoch',
  async up(db: Knex) {
    await db.schema.alterTable('token_revocations', (t) => {
      t.index(['epoch']);
      t.index(['expires_at']);
    });
  },
};
