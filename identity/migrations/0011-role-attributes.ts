import type { Knex } from '../../common/database/database.ts';
import type { Migration } from '../../common/database/migrate.ts';

export const roleAttributes: Migration = {
  name: 'identity/0011-role-attributes',
  async up(db: Knex) {
    // As domains, projects, users and groups have them: see identity/extra.ts, whose limit is lower.
    await db.schema.alterTable('roles', (t) => {
      t.jsonb('extra').notNullable().defaultTo('{}');
      t.check('octet_length(extra::text) <= 262144', [], 'roles_extra_size');
    });
  },
};
