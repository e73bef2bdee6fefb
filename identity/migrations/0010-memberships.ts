import type { Knex } from '../../common/database/database.ts';
import type { Migration } from '../../common/database/migrate.ts';

export const memberships: Migration = {
  name: 'identity/0010-memberships',
  async up(db: Knex) {
    // Who is in which group now, for good or by a login elsewhere that still counts. Roles are held by these.
    await db.raw(`create view memberships as
      select group_id, user_id from group_members
      union all
      select group_id, user_id from federated_group_members where expires_at > now()`);
  },
};
