import { createHash, randomUUID } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import pg from 'pg';
import { openDatabase } from '../common/database/database.ts';
import { type Migration, migrate } from '../common/database/migrate.ts';
import { startTemporaryPostgres } from '../host/engines/postgres.ts';

/** The server of `bin/test`, or one of this process's own that ends with it. */
let server: Promise<string> | undefined;

async function serverUrl(): Promise<string> {
  const given = process.env.CIRROSTACK_TEST_DATABASE_URL;
  if (given) return given;
  const temporary = await startTemporaryPostgres();
  process.once('beforeExit', () => void temporary.stop());
  return temporary.url;
}

function named(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

let administrators: pg.Pool | undefined;

/** On a connection that is kept for the next one, and keeps no process from ending. */
async function asAdministrator<T>(url: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  if (administrators === undefined) {
    administrators = new pg.Pool({ connectionString: url, max: 2, allowExitOnIdle: true });
    administrators.on('error', () => undefined); // the server was stopped by a test; the next query gets another
  }
  const client = await administrators.connect();
  try {
    const result = await work(client);
    client.release();
    return result;
  } catch (error) {
    client.release(true); // and with it the lock that it may hold
    throw error;
  }
}

/** An own database for one test, migrated and, by `seed`, filled; a copy of a template, so that it costs milliseconds. */
export async function createTestDatabase(
  t: Pick<ExecutionContext, 'teardown'>,
  migrations: Migration[],
  seed: { name: string; fill: (url: string) => Promise<void> } = { name: '', fill: async () => undefined },
): Promise<string> {
  server ??= serverUrl();
  const url = await server;
  const content =
    migrations.map((migration) => migration.name + migration.up.toString()).join() + seed.name + seed.fill.toString();
  const template = `template_${createHash('sha256').update(content).digest('hex').slice(0, 16)}`;
  const database = `test_${randomUUID().replaceAll('-', '')}`;
  await asAdministrator(url, async (client) => {
    // A session lock on the server: ava runs files as processes, and only one of them makes the template.
    await client.query('select pg_advisory_lock(7101)');
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [template]);
    if (rowCount === 0) {
      const draft = `${template}_draft`;
      await client.query(`drop database if exists ${draft}`);
      await client.query(`create database ${draft}`);
      const db = openDatabase(named(url, draft));
      await migrate(db, migrations);
      await db.destroy();
      await seed.fill(named(url, draft));
      await client.query(`alter database ${draft} rename to ${template}`);
    }
    // By files it takes a third of what it takes by pages, but for a server that waits until each is on the disk.
    const { rows } = await client.query('show fsync');
    const strategy = rows[0].fsync === 'off' ? 'file_copy' : 'wal_log';
    await client.query(`create database ${database} template ${template} strategy ${strategy}`);
    await client.query('select pg_advisory_unlock(7101)');
  });
  t.teardown(() => asAdministrator(url, (client) => client.query(`drop database if exists ${database} with (force)`)));
  return named(url, database);
}
