import type { Knex } from '../../common/database/database.ts';
import type { Migration } from '../../common/database/migrate.ts';

/**
 * None of these tables is watched (0002): tokens are made from them, but whatever is in them never changes, and its end
 * revokes its tokens.
 */
export const delegation: Migration = {
  name: 'identity/0006-delegation',
  async up(db: Knex) {
    await db.schema.createTable('application_credentials', (t) => {
      t.text('id').primary();
      t.text('user_id').notNullable().references('users.id').onDelete('CASCADE');
      t.text('project_id').notNullable().references('projects.id').onDelete('CASCADE').index();
      t.text('name').notNullable();
      t.text('description');
      t.text('secret_hash').notNullable(); // see application-credentials/secret.ts
      t.boolean('unrestricted').notNullable();
      t.boolean('has_access_rules').notNullable();
      t.timestamp('expires_at');
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
      t.unique(['user_id', 'name']);
    });
    await db.schema.createTable('application_credential_roles', (t) => {
      t.text('application_credential_id').notNullable().references('application_credentials.id').onDelete('CASCADE');
      t.text('role_id').notNullable().references('roles.id').onDelete('CASCADE').index();
      t.primary(['application_credential_id', 'role_id']);
    });
    await db.schema.createTable('access_rules', (t) => {
      t.text('id').primary();
      t.text('user_id').notNullable().references('users.id').onDelete('CASCADE');
      t.text('service').notNullable();
      t.text('method').notNullable();
      t.text('path').notNullable();
      t.unique(['user_id', 'service', 'method', 'path']);
    });
    await db.schema.createTable('application_credential_access_rules', (t) => {
      t.text('application_credential_id').notNullable().references('application_credentials.id').onDelete('CASCADE');
      t.text('access_rule_id').notNullable().references('access_rules.id').index(); // one that is used stays
      t.primary(['application_credential_id', 'access_rule_id']);
    });

    await db.schema.createTable('credentials', (t) => {
      t.text('id').primary(); // of type ec2: the SHA-256 of its access key
      t.text('user_id').notNullable().references('users.id').onDelete('CASCADE').index();
      t.text('project_id').references('projects.id').onDelete('CASCADE').index();
      t.text('type').notNullable();
      t.text('sealed_blob').notNullable();
      // Through what it was made, and so what it is good for; no foreign keys: without it, it is good for nothing.
      t.text('application_credential_id');
      t.text('trust_id');
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
      t.check(`type <> 'ec2' or project_id is not null`, [], 'ec2_has_project');
    });

    await db.schema.createTable('trusts', (t) => {
      t.text('id').primary();
      t.text('trustor_user_id').notNullable().references('users.id').onDelete('CASCADE').index();
      t.text('trustee_user_id').notNullable().references('users.id').onDelete('CASCADE').index();
      t.text('project_id').references('projects.id').onDelete('CASCADE').index(); // null: for nothing but knowing of it
      t.boolean('impersonation').notNullable();
      t.timestamp('expires_at');
      t.integer('remaining_uses').checkBetween([0, 2 ** 31 - 1]); // null: any number
      t.integer('redelegation_count').notNullable().checkBetween([0, 3]);
      t.text('redelegated_trust_id').references('trusts.id').onDelete('CASCADE').index();
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
    });
    await db.schema.createTable('trust_roles', (t) => {
      t.text('trust_id').notNullable().references('trusts.id').onDelete('CASCADE');
      t.text('role_id').notNullable().references('roles.id').onDelete('CASCADE').index();
      t.primary(['trust_id', 'role_id']);
    });
  },
};
