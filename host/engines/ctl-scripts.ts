/**
 * Daemons that Open vSwitch's and OVN's own scripts start. They detach by themselves, under a monitor that starts them
 * again after a crash; both are recorded, and the script is asked to stop them only while one of the two is still ours.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { attempt, execute } from '../execute.ts';
import { describeProcess, isAlive, type ProcessRecord, readRecord, writeRecord } from '../processes.ts';
import { type HostContext, logPath, runPath } from './engine.ts';

export interface ScriptedDaemon {
  name: string;
  script: string;
  pidFile: string;
}

/** Leaves alone one that runs already, whoever started it. */
export async function startScripted(context: HostContext, daemon: ScriptedDaemon, args: string[]): Promise<void> {
  if ((await runningProcess(daemon)) !== undefined) return;
  // The scripts take a pid file for a running daemon while the kernel knows the number: for good, where PID 1 reaps no orphans.
  await rm(daemon.pidFile, { force: true });
  await execute(daemon.script, args, { env: await environment(context), timeoutSeconds: 60 });
  const worker = await runningProcess(daemon);
  if (worker === undefined) throw new Error(`${daemon.name} did not start; its log is in ${logPath(context)}`);
  const command = [daemon.script, ...args];
  await writeRecord(recordPath(context, daemon), { ...worker, command });
  const monitor = describeProcess(await parentOf(worker.pid));
  if (monitor !== undefined && monitor.pid !== 1)
    await writeRecord(monitorPath(context, daemon), { ...monitor, command });
}

export async function stopScripted(context: HostContext, daemon: ScriptedDaemon, args: string[]): Promise<void> {
  const ours = await isOurs(context, daemon);
  if (ours) await attempt(daemon.script, args, { env: await environment(context), timeoutSeconds: 60 });
  for (const path of [recordPath(context, daemon), monitorPath(context, daemon)]) await rm(path, { force: true });
}

/** Whether what we started, or its monitor, runs still. */
export async function isOurs(context: HostContext, daemon: ScriptedDaemon): Promise<boolean> {
  const records = await Promise.all([recordPath(context, daemon), monitorPath(context, daemon)].map(readRecord));
  return records.some((record) => record !== undefined && isAlive(record));
}

/** Their state and logs belong to us, as we started them; sockets and pid files are where every tool looks for them. */
async function environment(context: HostContext): Promise<NodeJS.ProcessEnv> {
  const directories = {
    OVS_DBDIR: join(context.dataDir, 'openvswitch'),
    OVS_SYSCONFDIR: join(context.dataDir, 'openvswitch'),
    OVS_LOGDIR: logPath(context, 'openvswitch'),
    OVN_DBDIR: join(context.dataDir, 'ovn'),
    OVN_LOGDIR: logPath(context, 'ovn'),
  };
  for (const directory of Object.values(directories)) await mkdir(directory, { recursive: true });
  return { ...process.env, ...directories };
}

async function runningProcess(daemon: ScriptedDaemon): Promise<ProcessRecord | undefined> {
  const pid = Number.parseInt(await readFile(daemon.pidFile, 'utf8').catch(() => ''), 10);
  if (Number.isNaN(pid)) return undefined;
  const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => ''); // the file may be older than this boot
  return daemon.name.startsWith(command.trim()) || command.trim() === 'ovsdb-server' ? describeProcess(pid) : undefined;
}

async function parentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(status.match(/^PPid:\s+(\d+)/m)![1]);
}

function recordPath(context: HostContext, { name }: ScriptedDaemon): string {
  return runPath(context, `${name}.json`);
}

function monitorPath(context: HostContext, { name }: ScriptedDaemon): string {
  return runPath(context, `${name}.monitor.json`);
}
