/** Uploads that are not finished: taken up again, or gone without a trace. */
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { registryStorage } from '../server-config.ts';
import {
  digestOf,
  garbageDeps,
  openTestUpstream,
  startRegistryCloud,
  startRegistryServer,
  uploadsOnDisk,
} from '../testing.ts';
import { sweepContent } from './garbage.ts';

test('an upload goes on after the registry server was killed, and counts until it is given up', async (t) => {
  const cloud = await startRegistryCloud(t);
  const docker = cloud.dockerAs('member');
  const begin = async () => String((await docker.request('POST', '/v2/p1/app/blobs/uploads/')).headers.location);
  const [kept, left] = [await begin(), await begin()];
  for (const path of [kept, left]) await docker.request('PATCH', path, { payload: 'first ' });
  await cloud.stopRegistry();
  t.is((await docker.request('PUT', `${kept}?digest=${digestOf('first ')}`)).status, 503);
  await startRegistryServer(t, cloud.config.dataDir);
  t.is((await docker.request('PATCH', left, { payload: 'second' })).status, 202);
  const used = async () => (await cloud.as('member').get('/registry/v1/project')).project.used_bytes;
  t.is(await used(), 'first first second'.length);
  t.is((await docker.request('PUT', `${kept}?digest=${digestOf('first ')}`)).status, 201);

  await cloud.settle();
  t.is((await docker.request('GET', left)).status, 204, 'it may go on yet');
  await cloud.db('registry_uploads').update({ seen_at: cloud.db.raw(`now() - interval '2 hours'`) });
  await cloud.settle();
  t.is((await docker.request('GET', left)).status, 404);
  t.is(await used(), 'first '.length);
  t.deepEqual(await uploadsOnDisk(cloud), []);
  const [repository] = await cloud.db('registry_repositories').pluck('id');
  const directory = join(
    registryStorage(cloud.config.dataDir),
    'docker/registry/v2/repositories',
    repository,
    '_uploads',
  );
  for (const [name, age] of [
    ['of-a-crash', 7200],
    ['just-begun', 0],
  ] as const) {
    await mkdir(join(directory, name), { recursive: true });
    await writeFile(join(directory, name, 'data'), 'bytes');
    await utimes(join(directory, name), Date.now() / 1000 - age, Date.now() / 1000 - age);
  }
  await sweepContent(garbageDeps(cloud, openTestUpstream(t, cloud)));
  const names = (await uploadsOnDisk(cloud)).map((path) => path.split('/').at(-2));
  t.true(names.includes('just-begun'));
  t.false(names.includes('of-a-crash'));
});

test('what is pushed into a repository that is being deleted is refused, and does not keep it', async (t) => {
  const cloud = await startRegistryCloud(t);
  const [member, docker] = [cloud.as('member'), cloud.dockerAs('member')];
  const image = await docker.push('p1/app', 'v1');
  const path = String((await docker.request('POST', '/v2/p1/app/blobs/uploads/')).headers.location);
  await docker.request('PATCH', path, { payload: 'late' });
  const { id } = (await member.get('/registry/v1/repositories')).repositories[0];
  await member.delete(`/registry/v1/repositories/${id}`);
  t.is((await docker.request('PUT', `${path}?digest=${digestOf('late')}`)).status, 404);
  t.is((await docker.request('GET', `/v2/p1/app/manifests/${image.digest}`)).status, 404);
  t.is((await docker.push('p1/app', 'v1', { layer: image.layer })).status, 201, 'another one of the same name');
  await cloud.settle();
  t.deepEqual(await cloud.db('registry_repositories').where({ id }), []);
  t.is((await docker.request('GET', '/v2/p1/app/manifests/v1')).status, 200);
  t.is((await member.get('/registry/v1/repositories')).repositories.length, 1);
});

test('an upload whose client goes away is over, and nothing of it is left', async (t) => {
  const cloud = await startRegistryCloud(t, { listenPort: 0 });
  const docker = cloud.dockerAs('member');
  await cloud.server.start();
  const path = String((await docker.request('POST', '/v2/p1/app/blobs/uploads/')).headers.location);
  const token = await docker.tokenFor('repository:p1/app:pull,push');
  const sending = request(new URL(path, cloud.server.info.uri), {
    method: 'PATCH',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
  });
  sending.on('error', () => undefined);
  await new Promise((resolve) => sending.write(Buffer.alloc(300_000), resolve));
  const until = async (what: string, condition: () => Promise<boolean>) => {
    for (let end = Date.now() + 300_000; !(await condition()); await delay(10))
      if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
  };
  await until('something is kept', async () => (await uploadsOnDisk(cloud)).length > 0);
  sending.destroy();
  await until('the upload is over', async () => (await docker.request('GET', path)).status === 404);
  const used = async () => (await cloud.as('member').get('/registry/v1/project')).project.used_bytes;
  t.true((await used()) > 0, 'its bytes count until they are gone');
  await until('it is the loop’s', async () => (await cloud.db('registry_uploads').where({ is_over: true })).length > 0);
  await cloud.settle();
  t.deepEqual(await uploadsOnDisk(cloud), []);
  t.is(await used(), 0);
});
