import type { Migration } from '../database/migrate.ts';

/** First answers to requests that came with a key, kept for who did not get to read them. */
export const createIdempotentAnswers: Migration = {
  name: 'common/0001-idempotent-answers',
  async up(db) {
    await db.schema.createTable('idempotent_answers', (table) => {
      table.text('user_id').notNullable();
      table.text('acting_as').notNullable(); // scope and delegation; see `actingAs`
      table.text('key').notNullable();
      table.text('method').notNullable();
      table.text('path').notNullable();
      table.integer('status').notNullable();
      table.text('sealed').notNullable(); // what else was asked, and the answer, which may hold secrets
      table.timestamp('created_at').notNullable().defaultTo(db.fn.now()).index();
      table.primary(['user_id', 'acting_as', 'key']);
    });
  },
};
