/** Ways to see from outside how far our process has come, within a millisecond or so, without asking it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';

export interface Witness {
  /** Ends when the thing has happened. */
  seen: Promise<void>;
  stop(): void;
}

/** Begins to watch; what was there before does not count. */
export type Watch = () => Promise<Witness>;

/** A new name below a directory, which may be made later. */
export const appears =
  (directory: string, pattern: RegExp): Watch =>
  async () => {
    const before = new Set(names(directory, pattern));
    return polled(() => names(directory, pattern).some((name) => !before.has(name)));
  };

/** One of the names that are there now is gone. */
export const vanishes =
  (directory: string, pattern: RegExp): Watch =>
  async () => {
    const before = names(directory, pattern);
    if (before.length === 0) throw new Error(`nothing in ${directory} can vanish`);
    return polled(() => {
      const now = new Set(names(directory, pattern));
      return before.some((name) => !now.has(name));
    });
  };

/** An answer of the API, asked again and again. */
export const answers =
  (isSo: () => Promise<boolean>): Watch =>
  async () =>
    polled(isSo, 10);

/** A row of OVN's northbound database or of Open vSwitch's comes, goes, or has a `new` value. Its table must not be empty. */
export const row =
  (
    database: 'OVN_Northbound' | 'Open_vSwitch',
    table: string,
    column: string,
    change: 'insert' | 'delete' | 'new',
  ): Watch =>
  async () => {
    const socket = { OVN_Northbound: '/var/run/ovn/ovnnb_db.sock', Open_vSwitch: '/var/run/openvswitch/db.sock' };
    const args = ['--format=csv', 'monitor', `unix:${socket[database]}`, database, table, column];
    // Its first lines are what is there already, and say that it listens.
    return spoken('ovsdb-client', args, new RegExp(`^([0-9a-f-]{36})?,${change},`), /^row,action/);
  };

/** What happens to containers and images of Docker's. */
export const dockerEvent =
  (type: 'container' | 'image', ...actions: string[]): Watch =>
  async () => {
    const since = (Date.now() / 1000).toFixed(3); // so that nothing is missed until it listens
    const filters = [`type=${type}`, ...actions.map((action) => `event=${action}`)].flatMap((one) => ['--filter', one]);
    return spoken('docker', ['events', '--since', since, '--format', '{{.Action}}', ...filters], /./);
  };

function names(directory: string, pattern: RegExp): string[] {
  try {
    return readdirSync(directory).filter((name) => pattern.test(name));
  } catch {
    return [];
  }
}

function polled(isSo: () => boolean | Promise<boolean>, everyMs = 1): Witness {
  let isOver = false;
  const seen = (async () => {
    while (!isOver && !(await isSo())) await new Promise((resolve) => setTimeout(resolve, everyMs));
  })();
  return { seen, stop: () => (isOver = true) };
}

async function spoken(command: string, args: string[], pattern: RegExp, ready?: RegExp): Promise<Witness> {
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child, 'spawn');
  const lines = createInterface({ input: child.stdout! });
  const matching = (wanted: RegExp) =>
    new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        if (wanted.test(line)) resolve();
      });
      child.once('exit', () => reject(new Error(`${command} ended before it said ${wanted}`)));
    });
  const seen = matching(pattern);
  seen.catch(() => {}); // it is stopped before, or awaited below
  if (ready) await matching(ready);
  return { seen, stop: () => child.kill() };
}
