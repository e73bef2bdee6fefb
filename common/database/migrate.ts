import type { Knex } from './database.ts';

/** One step of a service's schema; its name (`identity/0001-projects`) orders it and never changes once released. */
export interface Migration {
  name: string;
  up(db: Knex): Promise<void>;
}

/** "cirro" in hexadecimal: one lock for every process that may migrate this database. */
const lockKey = 0x636972726f;

/**
 * Brings the schema up to date. Any number of processes may call it at once: the first migrates, the others wait for it.
 * The lock is PostgreSQL's advisory one because it ends with its holder, where knex's lock table survives a crash.
 */
export async function migrate(db: Knex, migrations: readonly Migration[]): Promise<void> {
  await db.transaction(async (lock) => {
    await lock.raw('select pg_advisory_xact_lock(?)', [lockKey]);
    await db.migrate.forceFreeMigrationsLock({ migrationSource: source(migrations) });
    await db.migrate.latest({ migrationSource: source(migrations) });
  });
}

function source(migrations: readonly Migration[]): Knex.MigrationSource<Migration> {
  return {
    getMigrations: async () => [...migrations],
    getMigrationName: (migration) => migration.name,
    getMigration: async (migration) => ({
      up: (db: Knex) => migration.up(db),
      down: async () => {
        throw new Error('Schema changes are not undone; restore a backup instead.');
      },
    }),
  };
}
