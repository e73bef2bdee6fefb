import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { findGuard, guardFence } from './fence.ts';
import { strayGuardOf } from './settings.ts';

async function prepare(t: ExecutionContext, firstSeconds: number) {
  const dataDir = await mkdtemp(join(tmpdir(), 'cirrostack-guard-'));
  const directory = join(dataDir, 'compute');
  await mkdir(directory);
  const options = {
    socket: join(directory, 'guard.sock'),
    runDirectory: directory,
    logFile: join(directory, 'log', 'guard.log'),
    firstSeconds,
  };
  const fence = guardFence(options);
  t.teardown(async () => {
    await fence.release().catch(() => undefined);
    await rm(dataDir, { recursive: true, force: true });
  });
  /** A process like QEMU's of that server, as libvirt notes it. */
  const run = async (name: string, guest: string): Promise<ChildProcess> => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', '--', '-name', `guest=${guest},x=on`]);
    t.teardown(() => child.kill('SIGKILL'));
    await once(child, 'spawn');
    await writeFile(join(directory, `${name}.pid`), `${child.pid}`);
    return child;
  };
  return { dataDir, directory, fence, again: () => guardFence(options), run };
}

test('the guard ends the servers of an agent that has lost its lease, again and again, and no guests of others', async (t) => {
  const { directory, fence, again, run } = await prepare(t, 3600);
  const [id, later] = [`cs-${randomUUID()}`, `cs-${randomUUID()}`];
  const server = await run(id, id);
  const others = [await run('theirs', 'theirs'), await run(`cs-${randomUUID()}`, 'of a number that was given anew')];
  await fence.hold();
  await fence.extend(uptime() + 3600);
  await again().hold(); // the next agent finds the same one
  const ended = once(server, 'exit');
  await again().extend(uptime() - 1);
  t.is((await ended)[1], 'SIGKILL');
  const late = await run(later, later); // a step that was under way started it
  await once(late, 'exit');
  for (const other of others) t.is(other.signalCode, null);
  // It ends first and tells then.
  for (const one of [id, later])
    while (!(await readFile(join(directory, 'log', 'guard.log'), 'utf8')).includes(`ended server ${one.slice(3)}`))
      await new Promise((resolve) => setTimeout(resolve, 10));

  await fence.extend(uptime() + 3600);
  await fence.release();
  await t.throwsAsync(fence.extend(0), { message: /does not answer/ }, 'it has ended');
});

test('a guard whose agent never said anything, or was killed, does its duty by itself', async (t) => {
  const { fence, run } = await prepare(t, 1);
  const id = `cs-${randomUUID()}`;
  const server = await run(id, id);
  await fence.hold();
  t.is((await once(server, 'exit'))[1], 'SIGKILL');
});

test('a guard says until when it waits, and is ended by an agent that has none of its own, also when it hangs', async (t) => {
  const { dataDir, directory, fence, again, run } = await prepare(t, 3600);
  const [socket, endsAt] = [join(directory, 'guard.sock'), uptime() + 1800.25];
  const config = { drivers: 'real', dataDir, roles: new Set(['agent'] as const) } as const;
  const endStray = strayGuardOf({ ...config, fencing: 'none' });
  t.is(strayGuardOf({ ...config, fencing: 'guard' }), undefined, 'it is its own');
  t.false(await endStray?.(), 'there is none');
  t.is(await findGuard(socket), undefined);
  await fence.hold();
  await fence.extend(endsAt);
  t.is(await again().hold(), endsAt);
  t.is(await findGuard(socket), 'ready');
  t.true(await endStray?.());
  t.is(await findGuard(socket), undefined);

  await fence.hold();
  const guard = await pidOf(socket);
  const id = `cs-${randomUUID()}`;
  const server = await run(id, id);
  process.kill(guard, 'SIGSTOP');
  t.teardown(() => isRunning(guard) && process.kill(guard, 'SIGKILL'));
  t.is(await findGuard(socket), 'silent');
  t.true(await endStray?.());
  process.kill(guard, 'SIGCONT');
  while (isRunning(guard)) await new Promise((resolve) => setTimeout(resolve, 10));
  t.is(server.exitCode ?? server.signalCode, null);
});

/** Of the guard of that socket. */
async function pidOf(socket: string): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name)))
    if ((await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')).includes(`guard.ts\0${socket}\0`))
      return Number(pid);
  throw new Error('there is none');
}

function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.[0] !== 'Z';
  } catch {
    return false;
  }
}
