import test from 'ava';
import type { ServerSpec } from '../../drivers/driver.ts';
import { atVersion } from '../../testing.ts';
import { startTwoHosts } from './testing.ts';

const servers = '/compute/v2.1/servers';
const anywhere = { 'os-migrateLive': { block_migration: 'auto', host: null } };

test('a running server goes to another host without being shut down', async (t) => {
  const { cloud, settle, createServer, show, hostOf, first, second } = await startTwoHosts(t);
  const admin = atVersion(cloud.as('admin'), '2.80');
  const id = await createServer({ networks: [] });
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });

  await cloud.as('member').request({ method: 'POST', path: `${servers}/${id}/action`, body: anywhere });
  const local = { 'os-migrateLive': { block_migration: false, host: null } };
  await admin.post(`${servers}/${id}/action`, local, 400);
  const before25 = { block_migration: true, disk_over_commit: false, host: null };
  await atVersion(cloud.as('admin'), '2.25').post(`${servers}/${id}/action`, { 'os-migrateLive': before25 }, 400);
  await admin.post(`${servers}/${id}/action`, { 'os-migrateLive': { block_migration: true, host: 'host-1' } }, 400);
  await admin.post(`${servers}/${id}/action`, anywhere, 202);
  t.like(await show(id), { status: 'MIGRATING', 'OS-EXT-STS:task_state': 'migrating' });
  const { migrations } = await admin.get(`${servers}/${id}/migrations`);
  t.like(migrations[0], { status: 'queued', source_compute: 'host-1', dest_compute: 'host-2', server_uuid: id });
  t.is((await admin.get(`${servers}/${id}/migrations/${migrations[0].id}`)).migration.uuid, migrations[0].uuid);
  await admin.post(`${servers}/${id}/action`, anywhere, 409);
  await settle();
  t.like(await show(id), { status: 'ACTIVE', 'OS-EXT-STS:task_state': null });
  t.is(await hostOf(id), 'host-2');
  t.is(second.host.servers.get(id)?.output, 'booted\n', 'it has booted once, on the other host');
  t.deepEqual([first.servers.size, first.disks.size], [0, 0]);
  t.is(second.host.disks.get(`${id} 1`)?.toString(), `disk 1 of server ${id}`);
  await admin.get(`${servers}/${id}/migrations/${migrations[0].id}`, 404);
  t.deepEqual((await admin.get(`${servers}/${id}/migrations`)).migrations, []);
  const all = await admin.get('/compute/v2.1/os-migrations?migration_type=live-migration&limit=1');
  t.like(all.migrations[0], { status: 'completed', instance_uuid: id });
});

test('a live migration that fails or is called off leaves the server running where it was, with the reason', async (t) => {
  const { cloud, settle, createServer, show, hostOf, first, second } = await startTwoHosts(t);
  const admin = atVersion(cloud.as('admin'), '2.65');
  const id = await createServer({ networks: [] });
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  const last = async () => cloud.db('server_migrations').where({ server_id: id }).orderBy('number', 'desc').first();
  const isHere = async () => {
    t.like(await show(id), { status: 'ACTIVE', 'OS-EXT-STS:task_state': null });
    t.is(await hostOf(id), 'host-1');
    t.like(first.servers.get(id), { power: 'running', output: 'booted\n' });
    t.deepEqual([second.host.servers.size, second.host.disks.size], [0, 0]);
    t.deepEqual(await cloud.db('server_actions').where({ server_id: id, finished_at: null }), []);
  };

  first.failNext({ call: 'migrate', kind: 'transient', message: 'The line is cut.' });
  await admin.post(`${servers}/${id}/action`, anywhere, 202);
  await settle();
  t.like(await last(), { status: 'error', reason: 'The line is cut.' });
  await isHere();

  second.host.failNext({ call: 'prepareArrival', kind: 'disk full', message: 'No room.' });
  await admin.post(`${servers}/${id}/action`, anywhere, 202);
  await settle();
  t.like(await last(), { status: 'error', reason: 'No room.' });
  await isHere();

  await admin.post(`${servers}/${id}/action`, anywhere, 202);
  const { number } = await last();
  await atVersion(cloud.as('admin'), '2.64').delete(`${servers}/${id}/migrations/${number}`, 400);
  await admin.post(`${servers}/${id}/migrations/${number}/action`, { force_complete: null }, 400);
  await admin.delete(`${servers}/${id}/migrations/${number}`, 202);
  await settle();
  t.is((await last()).status, 'cancelled');
  await isHere();

  const release = first.hold('migrate');
  await admin.post(`${servers}/${id}/action`, anywhere, 202);
  const settled = settle();
  while (first.callsOf('migrate') < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  const running = await last();
  t.is(running.status, 'running');
  await admin.post(`${servers}/${id}/migrations/${running.number}/action`, { force_complete: null }, 202);
  while (first.callsOf('forceMigration') < 1) await new Promise((resolve) => setTimeout(resolve, 10));
  await admin.delete(`${servers}/${id}/migrations/${running.number}`, 202);
  while ((await last()).progress === null) await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setTimeout(resolve, 600)); // it looks twice a second whether it is called off
  release();
  await settled;
  await settle();
  t.is((await last()).status, 'cancelled');
  await isHere();
});

test('a server that is deleted on its way is gone from both hosts', async (t) => {
  const { cloud, settle, createServer, first, second } = await startTwoHosts(t);
  const admin = atVersion(cloud.as('admin'), '2.65');
  for (const body of [anywhere, { migrate: null }]) {
    await cloud.db('compute_hosts').where({ name: 'host-2' }).update({ is_disabled: true });
    const id = await createServer({ networks: [] });
    await settle();
    await cloud.db('compute_hosts').update({ is_disabled: false });
    const [held, call] = 'migrate' in body ? [second.host, 'receiveDisk'] : [second.host, 'acceptArrival'];
    const release = held.hold(call);
    const before = held.callsOf(call);
    await admin.post(`${servers}/${id}/action`, body, 202);
    const settled = settle();
    while (held.callsOf(call) === before) await new Promise((resolve) => setTimeout(resolve, 10));
    await cloud.as('member').delete(`${servers}/${id}`);
    release();
    await settled;
    await settle();
    await cloud.as('member').get(`${servers}/${id}`, 404);
    t.deepEqual([first.servers.size, first.disks.size, second.host.servers.size, second.host.disks.size], [0, 0, 0, 0]);
    t.deepEqual(await cloud.db('compute_claims').where({ id }), []);
  }
});

test('what is whole on the other host wins, whatever it does by now, and what is still coming in never does', async (t) => {
  const { cloud, settle, createServer, hostOf, first, second } = await startTwoHosts(t);
  const admin = atVersion(cloud.as('admin'), '2.65');
  /** Has the agent lose sight of the move in that call, with both guests as they are made meanwhile. */
  const interrupted = async (call: 'migrate' | 'migrated', meanwhile: (id: string) => void) => {
    await cloud.db('compute_hosts').where({ name: 'host-2' }).update({ is_disabled: true });
    const id = await createServer({ networks: [] });
    await settle();
    await cloud.db('compute_hosts').update({ is_disabled: false });
    const [release, before] = [first.hold(call), first.callsOf(call)];
    await admin.post(`${servers}/${id}/action`, anywhere, 202);
    const settled = settle();
    while (first.callsOf(call) === before) await new Promise((resolve) => setTimeout(resolve, 10));
    meanwhile(id);
    first.failNext({ call, kind: 'transient' });
    release();
    await settled;
    await settle();
    return { id, host: await hostOf(id) };
  };

  const ended = await interrupted('migrated', (id) => second.host.lose(id, 'shutdown'));
  t.is(ended.host, 'host-2', 'it went there and ended there');
  t.is(second.host.disks.get(`${ended.id} 1`)?.toString(), `disk 1 of server ${ended.id}`);

  const unconfirmed = await interrupted('migrated', (id) => {
    (first.servers.get(id) as { power: string }).power = 'paused';
  });
  t.is(unconfirmed.host, 'host-2', 'the one here only waits to be told so');
  t.is(second.host.servers.get(unconfirmed.id)?.power, 'running');

  const half = await interrupted('migrate', (id) => {
    const { spec } = first.servers.get(id) as { spec: ServerSpec };
    second.host.servers.set(id, { spec, power: 'paused', output: '', exitCode: null, isComingIn: true });
    first.lose(id, 'shutdown');
  });
  t.is(half.host, 'host-1', 'it ended here before it was whole there');
  t.true(first.disks.has(`${half.id} 1`));
  t.false(second.host.servers.has(half.id));
});
