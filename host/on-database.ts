import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, readConfig } from '../common/config/config.ts';
import { type Knex, openDatabase } from '../common/database/database.ts';
import { databaseUrl } from './engines/postgres.ts';

/** Works on the database of the cloud in a data directory. Configured as the cloud's own processes are; without their file, by the environment. */
export async function onDatabase(dataDir: string, act: (db: Knex, config: Config) => Promise<void>): Promise<void> {
  const file = join(dataDir, 'cirrostack.json');
  const { DATABASE_URL } = process.env;
  const config = await readConfig(
    existsSync(file) ? { CIRROSTACK_CONFIG: file } : { ...(DATABASE_URL && { DATABASE_URL }) },
    [],
  );
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
