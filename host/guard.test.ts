import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { guardFence } from '../compute/hosts/guard/fence.ts';
import { guardSocket } from '../compute/hosts/guard/settings.ts';
import { addHost } from '../compute/servers/moves/testing.ts';
import { prepareCompute } from '../compute/testing.ts';
import { startTestCloud } from '../tests/cloud.ts';
import type { HostContext } from './engines/engine.ts';
import { endGuard, guard, isGuardLeft, tellOfNoGuard } from './guard.ts';

test('a guard that was left is told of by the doctor, and ended by whoever comes next, with its servers where others still rely on it', async (t) => {
  const cloud = await startTestCloud(t);
  await prepareCompute(t, cloud);
  const { dataDir, databaseUrl } = cloud.config;
  const context = { dataDir } as HostContext;
  const configure = (others: object) =>
    writeFile(
      join(dataDir, 'cirrostack.json'),
      JSON.stringify({ dataDir, hostName: 'host-1', databaseUrl: databaseUrl.reveal(), ...others }),
    );
  const runDirectory = join(dataDir, 'processes');
  await mkdir(runDirectory);
  const socket = guardSocket(dataDir);
  const fence = guardFence({ socket, runDirectory, logFile: join(dataDir, 'log', 'guard.log'), firstSeconds: 3600 });
  t.teardown(() => fence.release());

  await configure({ fencing: 'none' });
  t.deepEqual([await guard(context), await isGuardLeft(context)], [[], false]);
  await fence.hold();
  const [found] = await guard(context);
  t.is(found?.level, 'fail');
  t.regex(`${found?.found}`, /although fencing is none/);
  await configure({ fencing: 'guard' });
  t.like(await guard(context), [{ level: 'ok', found: 'stands ready' }]);

  const id = randomUUID();
  const server = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', '--', '-name', `guest=cs-${id},x=on`]);
  t.teardown(() => server.kill('SIGKILL'));
  await once(server, 'spawn');
  await writeFile(join(runDirectory, `cs-${id}.pid`), `${server.pid}`);
  await cloud.db('compute_hosts').update({ is_fenced: true });
  t.true(await isGuardLeft(context));
  t.true(await tellOfNoGuard(context));
  t.false((await cloud.db('compute_hosts').where({ name: 'host-1' }).first('is_fenced')).is_fenced);
  t.is(await endGuard(context, { isToldOf: true, runDirectory }), 'sent home');
  t.false(await isGuardLeft(context));
  t.is(server.signalCode, null);
  t.like(await guard(context), [{ level: 'warn' }]);

  await configure({ databaseUrl: 'postgresql:///none?host=/nowhere' });
  await fence.hold();
  t.false(await tellOfNoGuard(context));
  const ended = once(server, 'exit');
  t.regex(await endGuard(context, { isToldOf: false, runDirectory }), /sent home, and 1 servers ended/);
  t.is((await ended)[1], 'SIGKILL');
  t.false(await isGuardLeft(context));

  await fence.hold();
  await addHost(t, cloud, 'host-2');
  t.false(await isGuardLeft(context), 'an agent without one, with that data directory, has started');
});
