import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { guardFence } from './fence.ts';

async function prepare(t: ExecutionContext, firstSeconds: number) {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-guard-'));
  const options = {
    socket: join(directory, 'guard.sock'),
    runDirectory: directory,
    logFile: join(directory, 'log', 'guard.log'),
    firstSeconds,
  };
  const fence = guardFence(options);
  t.teardown(async () => {
    await fence.release().catch(() => undefined);
    await rm(directory, { recursive: true, force: true });
  });
  /** A process like QEMU's of that server, as libvirt notes it. */
  const run = async (name: string, guest: string): Promise<ChildProcess> => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', '--', '-name', `guest=${guest},x=on`]);
    t.teardown(() => child.kill('SIGKILL'));
    await once(child, 'spawn');
    await writeFile(join(directory, `${name}.pid`), `${child.pid}`);
    return child;
  };
  return { directory, fence, again: () => guardFence(options), run };
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
  const log = await readFile(join(directory, 'log', 'guard.log'), 'utf8');
  for (const one of [id, later]) t.regex(log, new RegExp(`ended server ${one.slice(3)}`));

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
