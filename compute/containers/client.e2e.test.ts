/** What Debian's python3-zunclient makes of our answers, command by command; behind them, a simulated host. */
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { startForkingOpenstack } from '../../tests/clients/forking.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import { personas } from '../../tests/personas.ts';
import { prepareContainers } from './testing.ts';

const run = promisify(execFile);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A cloud that listens and works by itself, and the client of its member. */
async function startClient(t: ExecutionContext) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const cloud = await startTestCloud(t, { listenPort: port, publicUrl: url });
  const ground = await prepareContainers(t, cloud);
  await cloud.server.start();
  let isOver = false;
  const working = (async () => {
    while (!isOver) {
      await cloud.settle();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  const stop = async () => {
    isOver = true;
    await working;
  };
  const { password, project } = personas.member;
  const env = {
    ...(await startForkingOpenstack(t)),
    OS_AUTH_URL: `${url}/identity/v3`,
    OS_USERNAME: 'member',
    OS_PASSWORD: password,
    OS_PROJECT_NAME: project ?? '',
    OS_USER_DOMAIN_ID: 'default',
    OS_PROJECT_DOMAIN_ID: 'default',
    OS_IDENTITY_API_VERSION: '3',
  };
  /** Prints of `openstack appcontainer …`; fails the test with what the client said when it fails. */
  const appcontainer = async (...words: string[]): Promise<string> => {
    const outcome = await run('openstack', ['appcontainer', ...words], { env }).catch((error) => error);
    t.falsy(outcome.code, `${words.join(' ')}: ${outcome.stderr}`);
    return outcome.stdout;
  };
  const show = async (name: string) => JSON.parse(await appcontainer('show', name, '-f', 'json'));
  const until = async (name: string, status: string) => {
    for (;;) {
      const shown = await show(name);
      if (shown.status === status) return shown;
      if (shown.status === 'Error') throw new Error(shown.status_reason);
    }
  };
  return { ...ground, appcontainer, until, env, stop, projectId: cloud.as('member').projectId };
}

test('python-zunclient creates, lists, shows, reads, executes in, stops, starts and deletes containers', async (t) => {
  t.timeout(600_000);
  const { appcontainer, until, env, stop, projectId } = await startClient(t);
  try {
    const options = [
      '--name',
      'web',
      '--cpu',
      '0.5',
      '--memory',
      '64',
      '--environment',
      'COLOUR=blue',
      '--label',
      'a=b',
    ];
    await appcontainer('run', ...options, '--net', 'network=private', '--restart', 'on-failure:3', 'box');
    const shown = await until('web', 'Running');
    t.like(shown, { name: 'web', cpu: 0.5, memory: '64', image: 'box' });
    t.regex(shown.addresses, /^10\.0\.0\./);
    const listed = JSON.parse(await appcontainer('list', '-f', 'json'));
    t.like(listed[0], { name: 'web', status: 'Running', image: 'box' });
    t.is((await appcontainer('exec', 'web', 'echo', 'hello there')).trim(), 'hello there');
    t.regex(await appcontainer('delete', 'web'), /Delete for container web failed: .*Running state/);

    await appcontainer('create', '--name', 'job', '--image-driver', 'glance', 'box', 'echo', 'done');
    await until('job', 'Created');
    await appcontainer('start', 'job');
    await until('job', 'Stopped');
    t.is((await appcontainer('logs', 'job')).trim(), 'done');
    t.is((await appcontainer('logs', '--stdout', '--tail', '1', 'job')).trim(), 'done');

    await appcontainer('stop', 'web', '--timeout', '1');
    await until('web', 'Stopped');
    await appcontainer('start', 'web');
    await until('web', 'Running');
    await appcontainer('restart', 'web');
    await until('web', 'Running');
    await appcontainer('kill', 'web');
    await until('web', 'Stopped');
    const privileged = await run('openstack', ['appcontainer', 'run', '--privileged', 'box'], { env }).catch((e) => e);
    t.regex(privileged.stderr, /container:create:privileged/);
    t.regex(await appcontainer('quota', 'get', '--usages', projectId), /containers/);
    await appcontainer('delete', 'job', '--wait');
    await appcontainer('delete', 'web', '--stop', '--wait');
    t.deepEqual(JSON.parse(await appcontainer('list', '-f', 'json')), []);
  } finally {
    await stop();
  }
});
