/** A cloud for the API benchmarks: filled by one process, then answered for by another that does nothing else. */
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrations } from '../../cloud.ts';
import { openDatabase } from '../../common/database/database.ts';
import { migrate } from '../../common/database/migrate.ts';
import {
  configPath,
  restartApiProcess,
  runningApiProcess,
  stopApiProcess,
  writeConfig,
} from '../../host/api-process.ts';
import { startTemporaryPostgres } from '../../host/engines/postgres.ts';
import { contextOf, localUrl, readSettings } from '../../host/options.ts';
import { logIn } from '../../host/seed/client.ts';
import { fillIdentity, personas } from '../personas.ts';
import { freePort } from './free-port.ts';
import { alsoWhenInterrupted } from './interrupted.ts';

/** Puts into a cloud, whose database is migrated and holds the personas, what is to be measured; what it returns is kept. */
export type Fill<T> = (dataDir: string, databaseUrl: string) => Promise<T>;

export interface SimulatedCloud<T> {
  url: string;
  /** An administrator's: it may list the servers of all projects. */
  token: string;
  filled: T;
  /** Of the API process. */
  pid: number;
  /** Processor time that the process has taken so far; other than seconds, it does not depend on what else runs here. */
  cpuMs(): number;
  stop(): Promise<void>;
}

/** The process is started just as `bin/up` starts it, except that its host is simulated, and that it is an API alone unless told otherwise. */
export async function startSimulatedCloud<T>(
  fill: Fill<T>,
  { roles = 'api' }: { roles?: string } = {},
): Promise<SimulatedCloud<T>> {
  const postgres = await startTemporaryPostgres();
  const dataDir = await mkdtemp(join(tmpdir(), 'cirrostack-bench-'));
  const context = { ...contextOf(dataDir, await readSettings(dataDir)), databaseUrl: postgres.url };
  const stop = alsoWhenInterrupted(async () => {
    await stopApiProcess(context);
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  try {
    for (const name of ['run', 'log', 'cache']) await mkdir(join(dataDir, name));
    const db = openDatabase(postgres.url);
    await migrate(db, migrations).finally(() => db.destroy());
    await fillIdentity(postgres.url);
    const filled = await fill(dataDir, postgres.url);
    await analyze(postgres.url);
    const settings = { ...(await readSettings(dataDir)), listenPort: await freePort(), databaseUrl: postgres.url };
    await writeFile(configPath(context), JSON.stringify({ drivers: 'simulated', roles, hostName: simulatedHostName }));
    await writeConfig(context, settings);
    await restartApiProcess(context, settings);
    const url = localUrl(settings);
    const { token } = await logIn(url, administrator('admin'));
    const { pid } = (await runningApiProcess(context))!;
    return { url, token, filled, pid, cpuMs: () => cpuMsOf(pid), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Also of the process that fills the cloud. */
export const simulatedHostName = 'simulated';

export const administrator = (project: string) => ({ user: 'admin', password: personas.admin.password, project });

/** The temporary database leaves out the autovacuum that would tell the planner how much there is. */
async function analyze(url: string): Promise<void> {
  const db = openDatabase(url, { max: 1 });
  await db.raw('vacuum analyze').finally(() => db.destroy());
}

/** In user and kernel mode, all threads together, from /proc/PID/stat, whose clock ticks are hundredths of a second. */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
