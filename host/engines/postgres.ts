/**
 * The embedded database: one cluster under the data directory, reached through a UNIX socket only. Root and the
 * database's own user are let in by what the kernel says of the other end, so there is no password to keep.
 */
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { execute } from '../execute.ts';
import { becomes, spawnDaemon, stopRecorded, writeRecord } from '../processes.ts';
import { type Engine, fail, type HostContext, logPath, ok, recordedProcess, runPath } from './engine.ts';
import { databaseIdentity, installPostgres } from './postgres-binaries.ts';
import { answers } from './postgres-temporary.ts';

export { startTemporaryPostgres, type TemporaryPostgres } from './postgres-temporary.ts';

/** Small on purpose: idle, all of it takes some 40 MB. JIT and workers cost memory and start-up time for short queries. */
const settings = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  shared_buffers: '32MB',
  max_connections: '100',
  work_mem: '4MB',
  maintenance_work_mem: '32MB',
  max_wal_size: '256MB',
  max_worker_processes: '2',
  max_parallel_workers_per_gather: '0',
  io_method: 'sync',
  jit: 'off',
  huge_pages: 'off',
  log_timezone: 'UTC',
  timezone: 'UTC',
  log_line_prefix: '%m [%p] %q%a ',
};

/** The URL of the embedded database of a data directory, whether it runs or not. */
export function databaseUrl(dataDir: string): string {
  return urlOf(dataDir, 'cirrostack', 'cirrostack');
}

/** As its superuser: for tests, which make databases of their own. */
export function administratorUrl(dataDir: string): string {
  return urlOf(dataDir, 'postgres', 'postgres');
}

export const postgres: Engine = {
  name: 'PostgreSQL',

  answers: (context) => answers(context.databaseUrl ?? databaseUrl(context.dataDir)),

  async check(context) {
    const url = context.databaseUrl ?? databaseUrl(context.dataDir);
    const where = context.databaseUrl === null ? 'embedded' : 'DATABASE_URL';
    const name = 'PostgreSQL';
    try {
      const [{ version }] = await query<{ version: string }>(
        url,
        "select current_setting('server_version') as version",
      );
      if (Number.parseInt(version, 10) >= 15) return [ok(name, `${version} (${where})`)];
      return [fail(name, `${version} (${where})`, 'Cirrostack needs PostgreSQL 15 or newer.')];
    } catch (error) {
      const advice =
        context.databaseUrl === null
          ? `Run bin/up; if it was running, ${logPath(context, 'postgresql.log')} says why it ended.`
          : 'Check DATABASE_URL, and that this server may be reached from here.';
      return [fail(name, `does not answer (${where}): ${(error as Error).message}`, advice)];
    }
  },

  async start(context) {
    if (context.databaseUrl !== null) return 'uses DATABASE_URL';
    if (await answers(databaseUrl(context.dataDir))) return 'already running';
    const { uid, gid } = await databaseIdentity();
    const socketDir = await prepareSocketDir(context, uid, gid);
    const bin = await installPostgres(join(context.dataDir, 'postgresql'));
    const data = join(context.dataDir, 'postgresql', 'data');
    const created = await createCluster(bin, data, uid, gid);
    // One that is starting up or recovering right now is waited for, not started twice.
    if ((await recordedProcess(recordPath(context))) === undefined) {
      const options = Object.entries({ ...settings, unix_socket_directories: socketDir });
      const server = await spawnDaemon({
        command: join(bin, 'postgres'),
        args: ['-D', data, ...options.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
        logFile: logPath(context, 'postgresql.log'),
        uid,
        gid,
        env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' },
      });
      await writeRecord(recordPath(context), server);
    }
    const administrator = administratorUrl(context.dataDir);
    const alive = async () => (await recordedProcess(recordPath(context))) !== undefined;
    await becomes(async () => !(await alive()) || (await answers(administrator)), 300); // recovery after a crash takes its time
    if (!(await answers(administrator))) {
      throw new Error(`PostgreSQL did not start; ${logPath(context, 'postgresql.log')} says why`);
    }
    await createDatabase(administrator);
    return created ? 'created and started' : 'started';
  },

  async stop(context) {
    await stopRecorded(recordPath(context), { signal: 'SIGINT', graceSeconds: 60 });
  },
};

function recordPath(context: HostContext): string {
  return runPath(context, 'postgresql.json');
}

async function prepareSocketDir(context: HostContext, uid: number, gid: number): Promise<string> {
  const socketDir = runPath(context, 'postgresql');
  const longest = 107 - '/.s.PGSQL.5432'.length; // sun_path of a UNIX socket holds 107 bytes
  if (Buffer.byteLength(socketDir) > longest) {
    throw new Error(
      `${socketDir} is too long for a UNIX socket: choose a --data-dir at least ${Buffer.byteLength(socketDir) - longest} bytes shorter`,
    );
  }
  await mkdir(socketDir, { recursive: true, mode: 0o700 });
  await chown(socketDir, uid, gid);
  return socketDir;
}

/** @returns false when there was one already. @throws when that one is of another major version. */
async function createCluster(bin: string, data: string, uid: number, gid: number): Promise<boolean> {
  const found = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => undefined);
  const ours = (await execute(join(bin, 'postgres'), ['--version'], { uid, gid })).match(/(\d+)/)![1]!;
  if (found !== undefined) {
    if (found.trim() === ours) return false;
    throw new Error(
      `${data} holds a database of PostgreSQL ${found.trim()}, but this is ${ours}: see docs/operations.md`,
    );
  }
  const scratch = `${data}.new`;
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  await chown(scratch, uid, gid);
  await execute(
    join(bin, 'initdb'),
    [
      '-D',
      scratch,
      '-U',
      'postgres',
      '-A',
      'reject',
      '-E',
      'UTF8',
      '--no-locale',
      '--data-checksums',
      '--no-instructions',
    ],
    { uid, gid, cwd: '/', timeoutSeconds: 120 },
  );
  await writeFile(join(scratch, 'pg_hba.conf'), 'local all postgres,cirrostack peer map=cirrostack\n');
  await writeFile(
    join(scratch, 'pg_ident.conf'),
    ['root', await userName(uid)]
      .flatMap((user) => ['postgres', 'cirrostack'].map((role) => `cirrostack ${user} ${role}\n`))
      .join(''),
  );
  await rename(scratch, data); // a cluster is there whole or not at all
  return true;
}

async function userName(uid: number): Promise<string> {
  return (await execute('id', ['-nu', String(uid)])).trim();
}

/** The API is no superuser: it owns its database and nothing else. */
async function createDatabase(administrator: string): Promise<void> {
  const [role] = await query(administrator, "select from pg_roles where rolname = 'cirrostack'");
  if (role === undefined) await query(administrator, 'create role cirrostack login');
  const [database] = await query(administrator, "select from pg_database where datname = 'cirrostack'");
  if (database === undefined) await query(administrator, 'create database cirrostack owner cirrostack');
}

async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<[Row, ...Row[]]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query<Row>(sql)).rows as [Row, ...Row[]];
  } finally {
    await client.end().catch(() => {});
  }
}

function urlOf(dataDir: string, role: string, database: string): string {
  const socketDir = encodeURIComponent(join(dataDir, 'run', 'postgresql'));
  // With a host that `?host=` overrides: without one it is a URL to libpq, but not to WHATWG and knex.
  return `postgresql://${role}@localhost/${database}?host=${socketDir}`;
}
