import type { Knex } from '../../common/database/database.ts';
import type { Migration } from '../../common/database/migrate.ts';

export const oauth1: Migration = {
  name: 'identity/0009-oauth1',
  async up(db: Knex) {
    await db.schema.createTable('oauth1_consumers', (t) => {
      t.text('id').primary();
      t.text('description');
      t.text('sealed_secret').notNullable(); // signatures are checked with the secret itself, so a hash would not do
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
    });
    await db.schema.createTable('oauth1_request_tokens', (t) => {
      t.text('id').primary();
      t.text('consumer_id').notNullable().references('oauth1_consumers.id').onDelete('CASCADE').index();
      t.text('sealed_secret').notNullable();
      t.text('project_id').notNullable().references('projects.id').onDelete('CASCADE').index();
      t.timestamp('expires_at').notNullable().index();
      // Null until somebody authorizes it: who, what for, and what proves it.
      t.text('user_id').references('users.id').onDelete('CASCADE').index();
      t.specificType('role_ids', 'text[]');
      t.text('verifier_hash');
      t.check('num_nulls(user_id, role_ids, verifier_hash) in (0, 3)', [], 'authorized_or_not');
    });
    await db.schema.createTable('oauth1_access_tokens', (t) => {
      t.text('id').primary();
      t.text('consumer_id').notNullable().references('oauth1_consumers.id').onDelete('CASCADE').index();
      t.text('sealed_secret').notNullable();
      t.text('user_id').notNullable().references('users.id').onDelete('CASCADE').index();
      t.text('project_id').notNullable().references('projects.id').onDelete('CASCADE').index();
      t.specificType('role_ids', 'text[]').notNullable();
      t.timestamp('expires_at').notNullable();
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
    });
    // What was signed is taken once: whoever records a request cannot send it again.
    await db.schema.createTable('oauth1_nonces', (t) => {
      t.text('consumer_id').notNullable().references('oauth1_consumers.id').onDelete('CASCADE');
      t.text('nonce').notNullable();
      t.bigInteger('signed_at').notNullable(); // seconds since 1970, by the client's clock
      t.timestamp('expires_at').notNullable().index();
      t.primary(['consumer_id', 'signed_at', 'nonce']);
    });
  },
};
