/** The registry as those who use it see it: with `docker`, on a real engine, and as an image of a container of the cloud. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { buildBusyboxImage } from '../../compute/container-image/build.ts';
import { registrySocket } from '../../image/registry/server-config.ts';
import { personas } from '../personas.ts';
import { startRealCloud, until } from './real-cloud.ts';

const run = promisify(execFile);

test('docker logs in, pushes and pulls, and what it pushed runs as a container of the cloud', async (t) => {
  t.timeout(300_000);
  const engines = process.env.CIRROSTACK_TEST_DATA_DIR ?? '';
  const cloud = await startRealCloud(t, { config: () => ({ registry: `unix:${registrySocket(engines)}` }) });
  const host = new URL(cloud.url).host;
  const docker = async (who: string, ...args: string[]) => {
    const config = join(cloud.dataDir, `docker-${who}`);
    await mkdir(config, { recursive: true });
    const env = { PATH: process.env.PATH, HOME: cloud.dataDir, DOCKER_CONFIG: config };
    return await run('docker', args, { env }).then(
      ({ stdout }) => ({ works: true, text: stdout }),
      ({ stderr }) => ({ works: false, text: stderr as string }),
    );
  };
  const given = async (who: string, ...args: string[]) => {
    const { works, text } = await docker(who, ...args);
    t.true(works, `docker ${args.join(' ')}: ${text}`);
    return text;
  };
  const logIn = (who: string, user: string, password: string) =>
    given(who, 'login', '--username', user, '--password', password, host);

  const archive = join(cloud.dataDir, 'busybox.tar');
  await buildBusyboxImage(archive, { command: ['/bin/sleep', '1000'] });
  const [, loaded] = /(?:Loaded image(?: ID)?: )(\S+)/.exec(await given('member', 'load', '--input', archive)) ?? [];
  const reference = `${host}/p1/team/sleeper:v1`;
  t.teardown(() => docker('member', 'rmi', '--force', reference, loaded!));
  await given('member', 'tag', loaded!, reference);
  t.regex(
    (await docker('nobody', 'push', reference)).text,
    /denied|unauthorized|authentication required|no basic auth/,
  );
  const wrong = await docker('nobody', 'login', '--username', 'member', '--password', 'wrong', host);
  t.false(wrong.works);

  await logIn('member', 'member', personas.member.password);
  const [, digest] = /digest: (sha256:[0-9a-f]{64})/.exec(await given('member', 'push', reference)) ?? [];
  t.truthy(digest);
  await given('member', 'tag', reference, `${host}/p1/copy:v1`);
  t.regex(await given('member', 'push', `${host}/p1/copy:v1`), /Mounted from p1\/team\/sleeper/);

  await logIn('stranger', 'stranger', personas.stranger.password);
  await logIn('reader', 'Default/reader', personas.reader.password);
  for (const name of [reference, `${host}/p1/copy:v1`]) await given('member', 'rmi', name);
  await docker('member', 'rmi', '--force', loaded!);
  t.false((await docker('stranger', 'pull', reference)).works);
  await given('reader', 'pull', `${host}/p1/team/sleeper@${digest}`);
  await given('reader', 'rmi', `${host}/p1/team/sleeper@${digest}`);

  const list = async () =>
    (await cloud.ask('member', 'GET', '/image/v2/images?container_format=docker')).body.images as {
      id: string;
      name: string;
      registry_digest: string;
    }[];
  await until('both tags are images', async () => (await list()).length === 2);
  t.deepEqual(
    (await list()).map(({ registry_digest }) => registry_digest),
    [digest, digest],
  );

  const made = async (path: string, body: unknown) => {
    const answer = await cloud.ask('member', 'POST', path, body);
    t.true(answer.status < 300, `${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const { network } = await made('/network/v2.0/networks', { network: { name: 'private' } });
  const subnet = { network_id: network.id, ip_version: 4, cidr: '10.40.0.0/24' };
  await made('/network/v2.0/subnets', { subnet });
  await until('the host can be used', async () => {
    const { hypervisors } = (await cloud.ask('admin', 'GET', '/compute/v2.1/os-hypervisors')).body;
    return hypervisors[0]?.state === 'up';
  });
  const asked = { name: 'sleeper', image: 'team/sleeper:v1', memory: 32, nets: [{ network: network.id }] };
  const { uuid } = await made('/container/v1/containers?run=true', asked);
  const show = async () => (await cloud.ask('member', 'GET', `/container/v1/containers/${uuid}`)).body;
  await until('it runs', async () => ['Running', 'Error'].includes((await show()).status));
  t.like(await show(), { status: 'Running' });
  await cloud.ask('member', 'DELETE', `/container/v1/containers/${uuid}?stop=true`);
  await until(
    'it is gone',
    async () => (await cloud.ask('member', 'GET', `/container/v1/containers/${uuid}`)).status === 404,
  );
});
