import type { Knex } from '../../common/database/database.ts';
import type { Migration } from '../../common/database/migrate.ts';

/** Whatever a token's names, roles or catalog are made from: a change of these empties what processes keep in memory. */
export const watchedTables = [
  'domains',
  'projects',
  'users',
  'groups',
  'group_members',
  'roles',
  'role_implications',
  'role_assignments',
] as const;

/** Lets every process hear, once a transaction commits, that one of its statements changed this table. */
export async function watchTable(db: Knex, table: string): Promise<void> {
  await db.raw(
    `create trigger ?? after insert or update or delete or truncate on ?? for each statement execute function identity_changed()`,
    [`${table}_changed`, table],
  );
}

export const epochAndGroups: Migration = {
  name: 'identity/0002-epoch-and-groups',
  async up(db: Knex) {
    // A token says which revocations were known when it was made: see tokens/revocations.ts.
    await db.schema.createTable('token_epoch', (t) => {
      t.boolean('only').primary().defaultTo(true).checkIn(['true']);
      t.bigInteger('epoch').notNullable();
    });
    await db('token_epoch').insert({ epoch: 1 });
    await db('token_revocations').delete(); // tokens of before carry no epoch and are none any more
    await db.schema.alterTable('token_revocations', (t) => {
      t.dropColumn('revoked_before_us');
      t.bigInteger('epoch').notNullable();
    });

    await db.schema.createTable('groups', (t) => {
      t.text('id').primary();
      t.text('domain_id').notNullable().references('domains.id').onDelete('CASCADE');
      t.text('name').notNullable();
      t.text('description').notNullable().defaultTo('');
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
      t.unique(['domain_id', 'name']);
    });
    await db.schema.createTable('group_members', (t) => {
      t.text('group_id').notNullable().references('groups.id').onDelete('CASCADE');
      t.text('user_id').notNullable().references('users.id').onDelete('CASCADE').index();
      t.primary(['group_id', 'user_id']);
    });

    // Null: everybody's. A domain's own role is for its own assignments, and only what it implies reaches a token.
    await db.schema.alterTable('roles', (t) => {
      t.text('domain_id').references('domains.id').onDelete('CASCADE');
      t.dropUnique(['name']);
    });
    await db.raw('create unique index roles_name_once on roles (domain_id, name) nulls not distinct');

    // To a user or a group; inherited: on the projects below the target and not on the target itself.
    await db.schema.alterTable('role_assignments', (t) => {
      t.setNullable('user_id');
      t.text('group_id').references('groups.id').onDelete('CASCADE');
      t.boolean('inherited').notNullable().defaultTo(false);
      t.check('num_nonnulls(user_id, group_id) = 1', [], 'one_actor');
      t.check('not (inherited and system)', [], 'system_inherits_nothing');
    });
    await db.raw('drop index role_assignments_once');
    await db.raw(
      `create unique index role_assignments_once on role_assignments
         (user_id, group_id, role_id, project_id, domain_id, system, inherited) nulls not distinct`,
    );
    await db.raw('create index role_assignments_of_groups on role_assignments (group_id, project_id)');
    await db.raw('create index role_assignments_of_domains on role_assignments (domain_id)');
    await db.raw('create index projects_parents on projects (parent_id)');

    // Resource options of keystone: `immutable`, lock-out exemptions, multi-factor rules …
    for (const table of ['users', 'projects', 'domains', 'roles'])
      await db.schema.alterTable(table, (t) => {
        t.jsonb('options').notNullable().defaultTo('{}');
      });

    await db.raw(`create function identity_changed() returns trigger language plpgsql as $$
      begin
        perform pg_notify('cirrostack', 'identity ' || tg_table_name);
        return null;
      end $$`);
    for (const table of watchedTables) await watchTable(db, table);
  },
};
