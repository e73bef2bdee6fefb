/** OpenStack's command-line clients, as Debian packages them, their commands run in one process by `run_commands.py`. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';

export interface Printed {
  code: number;
  stdout: string;
  stderr: string;
}

export type RunCommand = (program: 'openstack' | 'glance', argv: string[], env: Variables) => Promise<Printed>;
export type Variables = Record<string, string>;

/** Ends with `t`. Commands that are given at once run one after the other. */
export function startRunner(t: ExecutionContext): RunCommand {
  const started = mkdtemp(join(tmpdir(), 'cirrostack-client-')).then((home) => {
    const child = spawn('/usr/bin/python3', [new URL('run_commands.py', import.meta.url).pathname], {
      env: { PATH: '/usr/bin:/bin', HOME: home, LC_ALL: 'C.UTF-8', PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return { home, child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  });
  t.teardown(async () => {
    const { home, child } = await started;
    child.kill();
    await rm(home, { recursive: true, force: true });
  });
  let turn: Promise<unknown> = Promise.resolve();
  return (program, argv, env) => {
    const mine = turn.then(async () => {
      const { child, lines } = await started;
      child.stdin.write(`${JSON.stringify({ program, argv, env })}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`the client ended at: ${program} ${argv.join(' ')}`);
      return JSON.parse(value) as Printed;
    });
    turn = mine;
    return mine;
  };
}
