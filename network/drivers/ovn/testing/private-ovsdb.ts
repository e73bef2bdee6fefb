/** A northbound database of a test's own: ovsdb-server alone in a temporary directory, with nobody else connected. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from './until.ts';

const run = promisify(execFile);
const SCHEMA = '/usr/share/ovn/ovn-nb.ovsschema';

export interface PrivateOvsdb {
  address: string;
  start(): Promise<void>;
  /** The content survives. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Makes it neither read nor answer; the connections stay. */
  freeze(): void;
  remove(): Promise<void>;
}

/** Throws when Debian's ovn-central is not installed. */
export async function startPrivateOvsdb(): Promise<PrivateOvsdb> {
  const directory = await mkdtemp(join(tmpdir(), 'ovsdb-'));
  const database = join(directory, 'nb.db');
  const socket = join(directory, 'nb.sock');
  await run('ovsdb-tool', ['create', database, SCHEMA]);
  let server: ReturnType<typeof spawn> | undefined;

  async function start() {
    server = spawn('ovsdb-server', [`--remote=punix:${socket}`, `--unixctl=${directory}/ctl`, database], {
      stdio: 'ignore',
    });
    await until('ovsdb-server listens', () => existsSync(socket));
  }
  async function stop(signal: NodeJS.Signals = 'SIGTERM') {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill('SIGCONT');
    server.kill(signal);
    await exited;
    await rm(socket, { force: true });
  }
  await start();
  return {
    address: `unix:${socket}`,
    start,
    stop,
    freeze: () => void server?.kill('SIGSTOP'),
    async remove() {
      await stop('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}
