import type { Knex } from '../../common/database/database.ts';
import type { Migration } from '../../common/database/migrate.ts';

export const initialIdentity: Migration = {
  name: 'identity/0001-identity',
  async up(db: Knex) {
    await db.schema.createTable('domains', (t) => {
      t.text('id').primary();
      t.text('name').notNullable().unique();
      t.text('description').notNullable().defaultTo('');
      t.boolean('enabled').notNullable().defaultTo(true);
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
    });
    await db.schema.createTable('projects', (t) => {
      t.text('id').primary();
      t.text('domain_id').notNullable().references('domains.id');
      t.text('parent_id').references('projects.id'); // null: directly below its domain
      t.text('name').notNullable();
      t.text('description').notNullable().defaultTo('');
      t.boolean('enabled').notNullable().defaultTo(true);
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
      t.unique(['domain_id', 'name']);
    });
    await db.schema.createTable('users', (t) => {
      t.text('id').primary();
      t.text('domain_id').notNullable().references('domains.id');
      t.text('name').notNullable();
      t.text('description');
      t.text('email');
      t.text('default_project_id'); // no foreign key: Keystone keeps it when the project goes, and so do its clients
      t.boolean('enabled').notNullable().defaultTo(true);
      t.text('password_hash'); // null: nobody can log in with a password
      t.timestamp('password_changed_at');
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
      t.unique(['domain_id', 'name']);
    });
    await db.schema.createTable('roles', (t) => {
      t.text('id').primary();
      t.text('name').notNullable().unique();
      t.text('description');
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
    });
    await db.schema.createTable('role_implications', (t) => {
      t.text('prior_role_id').notNullable().references('roles.id').onDelete('CASCADE');
      t.text('implied_role_id').notNullable().references('roles.id').onDelete('CASCADE');
      t.primary(['prior_role_id', 'implied_role_id']);
    });
    await db.schema.createTable('role_assignments', (t) => {
      t.text('user_id').notNullable().references('users.id').onDelete('CASCADE');
      t.text('role_id').notNullable().references('roles.id').onDelete('CASCADE');
      t.text('project_id').references('projects.id').onDelete('CASCADE');
      t.text('domain_id').references('domains.id').onDelete('CASCADE');
      t.boolean('system').notNullable().defaultTo(false);
      t.check('num_nonnulls(project_id, domain_id) + system::int = 1', [], 'one_target');
    });
    await db.raw(
      'create unique index role_assignments_once on role_assignments (user_id, role_id, project_id, domain_id, system) nulls not distinct',
    );
    await db.schema.alterTable('role_assignments', (t) => {
      t.index(['project_id']);
      t.index(['role_id']);
    });
    await db.schema.createTable('token_keys', (t) => {
      t.text('id').primary();
      t.text('sealed_private_key').notNullable(); // see tokens/keys.ts
      t.jsonb('public_key').notNullable();
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
    });
    await db.schema.createTable('token_revocations', (t) => {
      t.bigIncrements('id');
      t.text('subject').notNullable(); // see tokens/revocations.ts
      t.bigInteger('revoked_before_us').notNullable();
      t.timestamp('expires_at').notNullable(); // by then every token it concerns has expired
    });
  },
};
