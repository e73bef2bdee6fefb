import type { Knex } from '../../common/database/database.ts';
import type { Migration } from '../../common/database/migrate.ts';

export const usersOfDomains: Migration = {
  name: 'identity/0012-users-of-domains',
  async up(db: Knex) {
    // For the list of a small domain among many users: in the order of names, without looking at everybody else's.
    await db.raw('create index users_of_domains on users (domain_id, name, id)');
  },
};
