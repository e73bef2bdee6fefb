/** Our own process: the API, the controllers and this host's agent. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type HostContext, logPath, recordedProcess, runPath } from './engines/engine.ts';
import { writeWhole } from './files.ts';
import { type HostSettings, localUrl } from './options.ts';
import { becomes, isAlive, type ProcessRecord, spawnDaemon, stopRecorded, writeRecord } from './processes.ts';

const root = join(import.meta.dirname, '..');

export function configPath(context: HostContext): string {
  return join(context.dataDir, 'cirrostack.json');
}

/** Writes the file that the process reads its configuration from. What a person added to it stays. */
export async function writeConfig(context: HostContext, settings: HostSettings): Promise<void> {
  const path = configPath(context);
  const before: Record<string, unknown> = existsSync(path) ? JSON.parse(await readFile(path, 'utf8')) : {};
  const { listenHost, listenPort, publicUrl, databaseUrl } = settings;
  // Kept from the first time on: under another name this host would not know its own guests any more.
  const hostName = before.hostName ?? hostname();
  const ours = {
    hostName,
    dataDir: context.dataDir,
    listenHost,
    listenPort,
    publicUrl,
    databaseUrl: databaseUrl ?? '',
  };
  await writeWhole(path, `${JSON.stringify({ ...before, ...ours }, null, 2)}\n`, 0o600);
}

/** Measured: with 8 one long list in a hundred takes 200 ms instead of 190, with 32 an idle cloud has 316 MB instead of 292. */
const thrifty = ['--max-semi-space-size=16'];

/** Compiled modules are kept: 170 MB and twice the time to start without. Password hashing leaves fewer holes in fewer arenas. */
function thriftyEnvironment({ dataDir }: HostContext): NodeJS.ProcessEnv {
  return { NODE_COMPILE_CACHE: join(dataDir, 'cache', 'node'), MALLOC_ARENA_MAX: '2' };
}

/** Starts the process, anew if it runs, and returns once it answers. */
export async function restartApiProcess(context: HostContext, settings: HostSettings): Promise<void> {
  await stopApiProcess(context);
  const logFile = logPath(context, 'cirrostack.log');
  // Its own configuration comes from the file alone, so that a doctor or a reboot later sees the same.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(CIRROSTACK_|DATABASE_URL$|NODE_OPTIONS$)/.test(name)),
  );
  const record = await spawnDaemon({
    command: join(root, 'node_modules', '.bin', 'node'),
    args: [...thrifty, join(root, 'main.ts'), '--config', configPath(context)],
    logFile,
    // libvirt's calls wait on these threads; of Node's default of 4 they would leave one for files and passwords.
    env: { UV_THREADPOOL_SIZE: '16', ...thriftyEnvironment(context), ...env },
  });
  await writeRecord(recordPath(context), record);
  const healthy = async () => (await fetch(`${localUrl(settings)}/healthz`).catch(() => undefined))?.ok === true;
  await becomes(async () => !isAlive(record) || (await healthy()), 60, 50);
  if (isAlive(record) && (await healthy())) return;
  const log = await readFile(logFile, 'utf8');
  throw new Error(
    `Cirrostack does not answer. The end of ${logFile}:\n${log.trimEnd().split('\n').slice(-15).join('\n')}`,
  );
}

/** Undefined when it does not run, or was not started by us. */
export function runningApiProcess(context: HostContext): Promise<ProcessRecord | undefined> {
  return recordedProcess(recordPath(context));
}

/** @returns whether it was running. */
export function stopApiProcess(context: HostContext): Promise<boolean> {
  return stopRecorded(recordPath(context));
}

function recordPath(context: HostContext): string {
  return runPath(context, 'cirrostack.json');
}
