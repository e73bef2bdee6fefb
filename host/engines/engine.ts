/** What every engine that Cirrostack stands on looks like to `bin/up`, `bin/down` and `doctor`. */
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attempt, execute } from '../execute.ts';
import { currentBoot, isAlive, type ProcessRecord, readRecord } from '../processes.ts';

/** What a check saw. `warn`: it works, but not as well as it could. */
export interface Finding {
  name: string;
  level: 'ok' | 'warn' | 'fail';
  found: string;
  /** What to do about it; absent when all is well. */
  advice?: string;
}

/** Where on this host everything of one cloud is, and what its engines are to be like. */
export interface HostContext {
  dataDir: string;
  /** The network that floating IPs come from, and the host's own address in it. */
  externalCidr: string;
  externalGateway: string;
  /** The address other hosts reach this one's tunnels at. */
  tunnelAddress: string;
  /** Of a PostgreSQL that somebody else runs; null for the embedded one. */
  databaseUrl: string | null;
}

export interface Engine {
  name: string;
  /** Whether it can be asked for anything now. */
  answers(context: HostContext): Promise<boolean>;
  /** Looks, changes nothing and does not throw. */
  check(context: HostContext): Promise<Finding[]>;
  /** Uses what runs already, starts what does not, and returns once it answers. @returns what was done, for people. */
  start(context: HostContext): Promise<string>;
  /** Stops what `start` started, and only that. */
  stop(context: HostContext): Promise<void>;
}

export function runPath(context: HostContext, ...names: string[]): string {
  return join(context.dataDir, 'run', ...names);
}

export function logPath(context: HostContext, ...names: string[]): string {
  return join(context.dataDir, 'log', ...names);
}

/** Whether systemd is PID 1 here, so that daemons are its business. */
export function hasSystemd(): boolean {
  return existsSync('/run/systemd/system');
}

/**
 * Starts units that are not active, and notes that it was us. An engine that somebody else started is not ours to stop.
 * @returns the units that were started.
 */
export async function startUnits(context: HostContext, units: string[]): Promise<string[]> {
  const started: string[] = [];
  for (const unit of units) {
    if ((await attempt('systemctl', ['is-active', '--quiet', unit])).exitCode === 0) continue;
    await execute('systemctl', ['start', unit], { timeoutSeconds: 120 });
    // Of this boot only: after a reboot systemd starts the unit by itself, and then it is not ours any more.
    await writeFile(unitPath(context, unit), currentBoot());
    started.push(unit);
  }
  return started;
}

/** Stops those of the units that `startUnits` started. */
export async function stopUnits(context: HostContext, units: string[]): Promise<void> {
  for (const unit of units) {
    const startedIn = await readFile(unitPath(context, unit), 'utf8').catch(() => undefined);
    if (startedIn === currentBoot()) await execute('systemctl', ['stop', unit], { timeoutSeconds: 120 });
    await rm(unitPath(context, unit), { force: true });
  }
}

function unitPath(context: HostContext, unit: string): string {
  return runPath(context, `${unit}.unit`);
}

/**
 * Arguments of tini for a daemon that needs a reaper of orphans above it. The daemon goes with a killed tini, instead of
 * living on where no record leads to it.
 */
export function underTini(...daemon: string[]): string[] {
  return ['-s', '--', 'setpriv', '--pdeathsig', 'KILL', ...daemon];
}

export async function recordedProcess(path: string): Promise<ProcessRecord | undefined> {
  const record = await readRecord(path);
  return record !== undefined && isAlive(record) ? record : undefined;
}

export const ok = (name: string, found: string): Finding => ({ name, level: 'ok', found });
export const warn = (name: string, found: string, advice: string): Finding => ({ name, level: 'warn', found, advice });
export const fail = (name: string, found: string, advice: string): Finding => ({ name, level: 'fail', found, advice });
