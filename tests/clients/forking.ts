/** The `openstack` client for those who run it from a shell: the same program, loaded once (`forking.py`). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

/** Until `t` ends; what to have in one's environment so that `openstack` is this one. */
export async function startForkingOpenstack(
  t: Pick<ExecutionContext, 'teardown'>,
): Promise<{ PATH: string; CIRROSTACK_TEST_OPENSTACK: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-client-'));
  const socket = join(directory, 'socket');
  const child = spawn('/usr/bin/python3', [new URL('forking.py', import.meta.url).pathname, socket], {
    env: { PATH: process.env.PATH, HOME: directory, LC_ALL: 'C.UTF-8', PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  t.teardown(async () => {
    child.kill();
    await ended;
    await rm(directory, { recursive: true, force: true });
  });
  await Promise.race([once(child.stdout, 'data'), ended]);
  if (child.exitCode !== null) throw new Error('the openstack client could not be loaded');
  const shim = new URL('bin', import.meta.url).pathname;
  return { PATH: `${shim}:${process.env.PATH}`, CIRROSTACK_TEST_OPENSTACK: socket };
}
