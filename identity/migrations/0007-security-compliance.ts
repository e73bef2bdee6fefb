import type { Knex } from '../../common/database/database.ts';
import type { Migration } from '../../common/database/migrate.ts';

export const securityCompliance: Migration = {
  name: 'identity/0007-security-compliance',
  async up(db: Knex) {
    await db.schema.alterTable('users', (t) => {
      t.timestamp('password_expires_at'); // null: never
      t.boolean('password_is_own').notNullable().defaultTo(false); // chosen by the user, who has to keep it for a while
    });
    // The passwords before the present one, as many as must not come back.
    await db.schema.createTable('former_passwords', (t) => {
      t.bigIncrements('id');
      t.text('user_id').notNullable().references('users.id').onDelete('CASCADE').index();
      t.text('password_hash').notNullable();
    });
    // Beside users and not in it: what changes users empties caches (0002), and logins should not.
    await db.schema.createTable('user_logins', (t) => {
      t.text('user_id').primary().references('users.id').onDelete('CASCADE');
      t.integer('failures').notNullable().defaultTo(0).checkBetween([0, 1_000_000]); // since the last success
      t.timestamp('last_failure_at');
      t.date('last_active_on'); // in UTC
      t.check('failures = 0 or last_failure_at is not null', [], 'failures_have_a_time');
    });
    // Nobody knows when those of before were last active: it is counted from now, not from when they were made.
    await db.raw(
      `insert into user_logins (user_id, last_active_on) select id, (now() at time zone 'utc')::date from users`,
    );
    // Passcodes that were used; what is older than any that would still be taken is removed with the next one.
    await db.schema.createTable('spent_passcodes', (t) => {
      t.text('credential_id').primary(); // no foreign key: when the credential goes, this is of no use and does no harm
      t.text('user_id').notNullable().references('users.id').onDelete('CASCADE').index();
      t.bigInteger('step').notNullable(); // half minutes since 1970 (RFC 6238); this one and those before it are spent
    });
  },
};
