/**
 * Daemons that outlive the command that started them, and how to find exactly them again. A process is known by its id,
 * its start time and the boot it lives in, never by its name: an id alone may belong to somebody else by now.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface ProcessRecord {
  pid: number;
  /** Clock ticks since boot, as /proc/<pid>/stat has it. */
  startTime: string;
  bootId: string;
  command: string[];
}

export interface DaemonOptions {
  command: string;
  args: string[];
  /** Gets stdout and stderr, appended. */
  logFile: string;
  uid?: number;
  gid?: number;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

/** Starts a program in a session of its own, so that neither the terminal nor our end takes it along. */
export async function spawnDaemon(options: DaemonOptions): Promise<ProcessRecord> {
  await mkdir(dirname(options.logFile), { recursive: true });
  const log = await open(options.logFile, 'a', 0o640);
  try {
    const child = spawn(options.command, options.args, {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      uid: options.uid,
      gid: options.gid,
      cwd: options.cwd ?? '/',
      env: options.env ?? process.env,
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    const record = describeProcess(child.pid!);
    if (record === undefined) throw new Error(`${options.command} ended at once; see ${options.logFile}`);
    return { ...record, command: [options.command, ...options.args] };
  } finally {
    await log.close();
  }
}

/** What identifies a running process; undefined when there is none (a zombie is none). */
export function describeProcess(pid: number): ProcessRecord | undefined {
  const stat = readStat(pid);
  if (stat === undefined || stat.state === 'Z' || stat.state === 'X') return undefined;
  return { pid, startTime: stat.startTime, bootId: currentBoot(), command: [] };
}

export function isAlive(record: ProcessRecord): boolean {
  const now = describeProcess(record.pid);
  return now !== undefined && now.startTime === record.startTime && now.bootId === record.bootId;
}

/**
 * Sends `signal`, waits until the process is gone, and kills it after `graceSeconds`.
 * @returns false when it was not running any more.
 */
export async function stopProcess(
  record: ProcessRecord,
  { signal = 'SIGTERM', graceSeconds = 20 }: { signal?: NodeJS.Signals; graceSeconds?: number } = {},
): Promise<boolean> {
  if (!isAlive(record)) return false;
  sendSignal(record.pid, signal);
  if (await becomes(() => !isAlive(record), graceSeconds)) return true;
  sendSignal(record.pid, 'SIGKILL');
  if (await becomes(() => !isAlive(record), 10)) return true;
  throw new Error(`process ${record.pid} (${record.command.join(' ')}) does not end, not even when killed`);
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export async function writeRecord(path: string, record: ProcessRecord): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  // Renamed into place: a reader, or we after a crash, never see half a record.
  await writeFile(`${path}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o640 });
  await rename(`${path}.new`, path);
}

/** Undefined when there is no record or nobody can read it. */
export async function readRecord(path: string): Promise<ProcessRecord | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as ProcessRecord;
  } catch {
    return undefined;
  }
}

/** Stops the process that a record names, and forgets it. */
export async function stopRecorded(path: string, options: Parameters<typeof stopProcess>[1] = {}): Promise<boolean> {
  const record = await readRecord(path);
  const stopped = record !== undefined && (await stopProcess(record, options));
  await rm(path, { force: true });
  return stopped;
}

/** Polls a condition; whether it came true within the time. */
export async function becomes(
  condition: () => boolean | Promise<boolean>,
  withinSeconds: number,
  everyMs = 25,
): Promise<boolean> {
  const deadline = performance.now() + withinSeconds * 1000;
  for (;;) {
    if (await condition()) return true;
    if (performance.now() > deadline) return false;
    await delay(everyMs);
  }
}

function readStat(pid: number): { state: string; startTime: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, startTime: fields[19]! };
  } catch {
    return undefined;
  }
}

/** Differs after every boot of this machine. */
export function currentBoot(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
