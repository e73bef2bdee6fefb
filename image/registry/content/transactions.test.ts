import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { Unavailable } from '../../../common/errors.ts';
import { digestOf, garbageDeps, openTestUpstream, startRegistryCloud } from '../testing.ts';
import { deleteBlob } from './blobs.ts';
import { openGate } from './transactions.ts';

test('a registry server that does not answer keeps few connections, and nobody else from the database', async (t) => {
  const cloud = await startRegistryCloud(t);
  const docker = cloud.dockerAs('member');
  const blobs = Array.from({ length: 14 }, (_, i) => `blob ${i}`);
  for (const blob of blobs) await docker.pushBlob('p1/app', blob);
  const [id] = await cloud.db('registry_repositories').pluck('id');
  const answers = Promise.withResolvers<void>();
  let asked = 0;
  const upstream = {
    ...openTestUpstream(t, cloud),
    unlinkBlob: () => {
      asked += 1;
      return answers.promise;
    },
  };
  const deps = garbageDeps(cloud, upstream) as never;
  const deleted = blobs.map((blob) => deleteBlob(deps, id, digestOf(blob)));
  // Those who ask for one that is being deleted do not wait for that either.
  const token = await docker.tokenFor('repository:p1/app:pull,push');
  const head = () =>
    cloud.anonymous.request({
      method: 'HEAD',
      path: `/v2/p1/app/blobs/${digestOf(blobs[0]!)}`,
      headers: { authorization: `Bearer ${token}` },
    });
  while (asked < 3) await delay(5);
  t.true((await Promise.all(Array.from({ length: 12 }, head))).every(({ status }) => status === 200));
  await cloud.as('member').get('/registry/v1/project');
  t.is(asked, 3);
  answers.resolve();
  await Promise.all(deleted);
  t.deepEqual(await cloud.db('registry_blobs'), []);
});

test('what the rows wait for too long is said to be busy, and asked for again', async (t) => {
  const cloud = await startRegistryCloud(t);
  const docker = cloud.dockerAs('member');
  await docker.push('p1/app', 'v1');
  const held = await cloud.db.transaction();
  await held('registry_repositories').forUpdate();
  t.is((await docker.request('DELETE', '/v2/p1/app/manifests/v1')).status, 503);
  await held.rollback();
  t.is((await docker.request('DELETE', '/v2/p1/app/manifests/v1')).status, 202);
});

test('a gate lets in as many as it has places, in the order in which they came', async (t) => {
  const gate = openGate(2, 20);
  const order: number[] = [];
  const enter = (i: number) => gate.enter().then(() => order.push(i));
  await Promise.all([enter(0), enter(1)]);
  const late = enter(2);
  await t.throwsAsync(late, { instanceOf: Unavailable });
  const queue = [enter(3), enter(4), enter(5)];
  gate.leave();
  gate.leave();
  gate.leave();
  await Promise.all(queue);
  t.deepEqual(order, [0, 1, 3, 4, 5]);
});
