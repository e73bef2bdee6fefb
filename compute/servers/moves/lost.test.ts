import test from 'ava';
import { atVersion } from '../../testing.ts';
import { advanceMove, findMove, insertMove } from './store.ts';
import { startTwoHosts } from './testing.ts';

const servers = '/compute/v2.1/servers';

test('a way that its server is not on is ended by whoever meets it, and keeps the server from nothing', async (t) => {
  const { cloud, settle, createServer, show, hostOf } = await startTwoHosts(t);
  const [admin, member] = [atVersion(cloud.as('admin'), '2.80'), cloud.as('member')];
  const flavor = { id: 'large', name: 'large', ram: 128, vcpus: 2, disk: 2 };
  await cloud.as('admin').post('/compute/v2.1/flavors', { flavor }, 200);
  const [id, waiting, evacuated] = [await createServer(), await createServer(), await createServer()];
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  const lost = { userId: null, projectId: null, sourceHost: 'host-1', destinationHost: 'host-2' };
  const statusOf = async (serverId: string) =>
    cloud.db('server_migrations').where({ server_id: serverId }).orderBy('number').pluck('status');
  await insertMove(cloud.db, { ...lost, serverId: id, kind: 'live-migration', status: 'running' });
  await member.post(`${servers}/${id}/action`, { resize: { flavorRef: 'large' } }, 202);
  await settle();
  t.deepEqual(await statusOf(id), ['error', 'finished']);
  t.is((await show(id)).status, 'VERIFY_RESIZE');

  for (const status of ['queued', 'preparing', 'running'] as const) {
    await insertMove(cloud.db, { ...lost, serverId: waiting, kind: 'live-migration', status });
    await settle();
  }
  t.deepEqual(await statusOf(waiting), ['error', 'error', 'error'], 'its host ends it');
  t.is(await hostOf(waiting), 'host-1');

  await insertMove(cloud.db, { ...lost, serverId: evacuated, kind: 'evacuation', status: 'accepted' });
  const refused = await admin.post(`${servers}/${evacuated}/action`, { migrate: null }, 409);
  t.regex(JSON.stringify(refused), /while its evacuation .* is accepted/);
});

test('a way that has ended goes no further, whatever an agent that did not hear of that writes', async (t) => {
  const { cloud, settle, createServer, silence, hostOf, second } = await startTwoHosts(t);
  const admin = atVersion(cloud.as('admin'), '2.80');
  const id = await createServer();
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  const live = { 'os-migrateLive': { block_migration: 'auto', host: null } };
  await admin.post(`${servers}/${id}/action`, live, 202);
  const [moveId] = await cloud.db('server_migrations').pluck('id');
  const read = await findMove(cloud.db, moveId);
  if (read === undefined) return t.fail('there is a move');
  await advanceMove(cloud.db, read, 'preparing');
  await silence('host-1', true);
  await admin.post(`${servers}/${id}/action`, { evacuate: {} });
  await t.throwsAsync(advanceMove(cloud.db, { ...read, status: 'preparing' }, 'running'), { message: /has ended/ });
  await second.settle();
  await silence('host-1', false);
  await settle();
  t.deepEqual(await cloud.db('server_migrations').orderBy('number').pluck('status'), ['error', 'completed']);
  t.is(await hostOf(id), 'host-2');
  await admin.post(`${servers}/${id}/action`, { migrate: null }, 202);
  await settle();
  t.is(await hostOf(id), 'host-1');
});
