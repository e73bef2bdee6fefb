/** A PostgreSQL that lives as long as the tests that use it: nothing is synced to disk and nothing survives. */
import { chown, mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { execute } from '../execute.ts';
import { becomes, describeProcess, spawnDaemon, stopProcess } from '../processes.ts';
import { databaseIdentity, installPostgres } from './postgres-binaries.ts';

const prefix = 'cirrostack-test-postgres-';

/** A file system in memory: the hundreds of files that a new database is copied to cost a tenth of what they cost on a disk. */
const memory = '/dev/shm';
const tmpfsMagic = 0x01021994; // linux/magic.h
/** The databases of all tests that run at once take some hundreds of megabytes. */
const roomNeededBytes = 2 * 1024 ** 3;

export interface TemporaryPostgres {
  /** Connects as a superuser, through a UNIX socket, to the database `postgres`. */
  url: string;
  stop(): Promise<void>;
}

/** Takes about a second. It dies with the thread that started it, and the next one removes what that left behind. */
export async function startTemporaryPostgres(): Promise<TemporaryPostgres> {
  await removeLeftovers();
  const { uid, gid } = await databaseIdentity();
  const home = await mkdtemp(join(await roomiest(), `${prefix}${process.pid}-`));
  await chown(home, uid, gid); // made 0700, so only root and this user reach the socket, where everybody is trusted
  const bin = await installPostgres(join(tmpdir(), 'cirrostack-test-postgres'));
  const data = join(home, 'data');
  await execute(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'cirrostack', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--no-locale', '--no-instructions'],
    { uid, gid, cwd: home },
  );
  const settings = {
    listen_addresses: '',
    unix_socket_directories: home,
    fsync: 'off',
    full_page_writes: 'off',
    synchronous_commit: 'off',
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_wal_size: '128MB',
    autovacuum: 'off',
    jit: 'off', // as in the engine
    max_parallel_workers_per_gather: '0',
    max_connections: '300',
    shared_buffers: '64MB',
    dynamic_shared_memory_type: 'mmap', // leaves nothing in /dev/shm when it is killed
  };
  const asUser = process.getuid!() === 0 ? [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'] : [];
  const server = await spawnDaemon({
    command: 'setpriv',
    args: [
      ...asUser,
      '--pdeathsig=QUIT',
      join(bin, 'postgres'),
      '-D',
      data,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    logFile: join(home, 'log'),
    cwd: home,
  });
  // With a host that `?host=` overrides: without one it is a URL to libpq, but not to WHATWG and knex.
  const url = `postgresql://cirrostack@localhost/postgres?host=${encodeURIComponent(home)}`;
  const stop = async () => {
    await stopProcess(server, { signal: 'SIGQUIT', graceSeconds: 10 });
    await rm(home, { recursive: true, force: true });
  };
  if (await becomes(() => answers(url), 30)) return { url, stop };
  await stop();
  throw new Error(`the temporary PostgreSQL did not start in ${home}`);
}

/** Whether a database answers at this URL. */
export async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function roomiest(): Promise<string> {
  const { type, bavail, bsize } = await statfs(memory).catch(() => ({ type: 0, bavail: 0, bsize: 0 }));
  return type === tmpfsMagic && bavail * bsize >= roomNeededBytes ? memory : tmpdir();
}

async function removeLeftovers(): Promise<void> {
  for (const directory of [tmpdir(), memory])
    for (const name of await readdir(directory).catch(() => [])) {
      if (!name.startsWith(prefix)) continue;
      const pid = Number.parseInt(name.slice(prefix.length), 10);
      if (describeProcess(pid) === undefined) await rm(join(directory, name), { recursive: true, force: true });
    }
}
