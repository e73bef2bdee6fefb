import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, readConfig } from '../common/config/config.ts';
import { type Knex, openDatabase } from '../common/database/database.ts';
import { databaseUrl } from './engines/postgres.ts';

/** As the cloud's own processes in that data directory are configured; without their file, by the environment. */
export async function configOf(dataDir: string): Promise<Config> {
  const file = join(dataDir, 'cirrostack.json');
  const { DATABASE_URL } = process.env;
  return readConfig(existsSync(file) ? { CIRROSTACK_CONFIG: file } : { ...(DATABASE_URL && { DATABASE_URL }) }, []);
}

/** Works on the database of the cloud in a data directory. */
export async function onDatabase(dataDir: string, act: (db: Knex, config: Config) => Promise<void>): Promise<void> {
  const config = await configOf(dataDir);
  const db = openDatabase(config.databaseUrl.reveal() || databaseUrl(dataDir), { max: 2 });
  try {
    await db.raw('select 1').catch((cause: Error) => {
      throw new Error('The database does not answer. bin/up starts it; cirrostack doctor tells more.', { cause });
    });
    await act(db, config);
  } finally {
    await db.destroy();
  }
}
