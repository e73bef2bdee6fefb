import test from 'ava';
import { atVersion, uploadImage } from '../../testing.ts';
import { startTwoHosts } from './testing.ts';

const servers = '/compute/v2.1/servers';

test('servers of a host that is down are made anew on another one, and are removed from it when it is back', async (t) => {
  const { cloud, settle, createServer, show, hostOf, silence, first, second } = await startTwoHosts(t);
  const admin = (version: string) => atVersion(cloud.as('admin'), version);
  const [id, stopped] = [await createServer({ networks: [] }), await createServer({ networks: [] })];
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  await admin('2.14').post(`${servers}/${id}/action`, { evacuate: {} }, 400); // it is up
  await silence('host-1', true);
  first.isAway = true;
  await cloud.settle(); // its agent tells that only the engine is away
  await admin('2.14').post(`${servers}/${id}/action`, { evacuate: {} }, 400);
  await silence('host-1', true);
  await admin('2.13').post(`${servers}/${id}/action`, { evacuate: {} }, 400);
  await admin('2.13').post(`${servers}/${id}/action`, { evacuate: { onSharedStorage: true } }, 400);
  await admin('2.14').post(`${servers}/${id}/action`, { evacuate: { onSharedStorage: false } }, 400);
  await admin('2.14').post(`${servers}/${id}/action`, { evacuate: { host: 'host-1' } }, 400);
  await admin('2.68').post(`${servers}/${id}/action`, { evacuate: { host: 'host-2', force: true } }, 400);
  const told = await admin('2.13').post(`${servers}/${id}/action`, {
    evacuate: { onSharedStorage: false, adminPass: 'new' },
  });
  t.deepEqual(told, { adminPass: 'new' });
  await admin('2.95').post(`${servers}/${stopped}/action`, { evacuate: {} });
  t.is((await show(id)).status, 'REBUILD');
  await second.settle();
  t.is((await show(id)).status, 'ACTIVE');
  t.is((await show(stopped)).status, 'SHUTOFF');
  t.deepEqual([await hostOf(id), await hostOf(stopped)], ['host-2', 'host-2']);
  t.is(second.host.servers.get(id)?.power, 'running');
  t.is(first.servers.size, 2);
  const statuses = async () => cloud.db('server_migrations').orderBy('number').pluck('status');
  t.deepEqual(await statuses(), ['done', 'done']);

  first.isAway = false;
  await silence('host-1', false);
  await settle();
  t.deepEqual([first.servers.size, first.disks.size], [0, 0]);
  t.deepEqual(await statuses(), ['completed', 'completed']);
  t.is(second.host.servers.size, 2);
});

test('a server does not go back to where something of it is left, and a way that its host cannot go on with ends', async (t) => {
  const { cloud, settle, createServer, show, hostOf, silence, first, second, imageId } = await startTwoHosts(t);
  const admin = atVersion(cloud.as('admin'), '2.80');
  const id = await createServer({ networks: [] });
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  await admin.post(`${servers}/${id}/action`, { migrate: null }, 202);
  await silence('host-1', true);
  await admin.post(`${servers}/${id}/action`, { evacuate: {} });
  await second.settle();
  t.is((await show(id)).status, 'ACTIVE');
  t.is(await hostOf(id), 'host-2');
  t.deepEqual(await cloud.db('server_migrations').orderBy('number').pluck('status'), ['error', 'done']);
  await silence('host-1', false);
  const refused = await admin.post(`${servers}/${id}/action`, { migrate: { host: 'host-1' } }, 400);
  t.regex(JSON.stringify(refused), /MoveFilter/);
  await admin.post(`${servers}/${id}/action`, { shelve: null }, 202);
  await second.settle();
  t.is((await show(id)).status, 'SHELVED_OFFLOADED');
  await cloud.db('compute_hosts').where({ name: 'host-2' }).update({ is_disabled: true });
  const shelved = await admin.post(`${servers}/${id}/action`, { unshelve: null }, 400);
  t.regex(JSON.stringify(shelved), /what was left of the server there is not removed yet/);
  await settle();
  t.is(first.servers.size, 0);
  await admin.post(`${servers}/${id}/action`, { unshelve: null }, 202);
  await settle();
  t.is(await hostOf(id), 'host-1');

  const flags = async () => cloud.db('server_migrations').where({ kind: 'evacuation' }).pluck('source_to_clear');
  await cloud.db('server_migrations').where({ kind: 'evacuation' }).update({ source_to_clear: true });
  await settle();
  t.deepEqual(await flags(), [true], 'were it there all the same, nothing is removed and nothing forgotten');
  t.is(first.servers.size, 1);
  await cloud.db('server_migrations').update({ source_to_clear: false });
  await cloud.db('compute_hosts').update({ is_disabled: false });
  await admin.post(`${servers}/${id}/action`, { rebuild: { imageRef: imageId } }, 202); // what it was shelved in is gone
  await settle();
  await admin.post(`${servers}/${id}/action`, { migrate: { host: 'host-2' } }, 202);
  await settle();
  t.is((await show(id)).status, 'VERIFY_RESIZE');
});

test('what an evacuated server left is kept, shut down, until the server is whole elsewhere', async (t) => {
  const { cloud, settle, createServer, show, silence, first, second, imageId } = await startTwoHosts(t);
  const [admin, member] = [atVersion(cloud.as('admin'), '2.80'), cloud.as('member')];
  const lost = await uploadImage(t, cloud);
  const [id, deleted, ofLost] = [
    await createServer({ networks: [] }),
    await createServer({ networks: [] }),
    await createServer({ networks: [], imageRef: lost }),
  ];
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  await silence('host-1', true);
  await cloud.as('admin').delete(`/image/v2/images/${lost}`);
  const refused = await admin.post(`${servers}/${ofLost}/action`, { evacuate: {} }, 400);
  t.regex(JSON.stringify(refused), /its image .* is gone/);

  second.host.failNext({ call: 'ensure', kind: 'permanent', message: 'The image is damaged.', times: 2 });
  for (const one of [id, deleted]) await admin.post(`${servers}/${one}/action`, { evacuate: {} });
  await second.settle();
  t.is((await show(id)).status, 'ERROR');
  await silence('host-1', false);
  await settle();
  await cloud.sweep();
  await settle();
  for (const one of [id, deleted]) {
    t.is(first.servers.get(one)?.power, 'shutdown', 'it does not run where it is no more');
    t.true(first.disks.has(`${one} 1`), 'the only disk that there is');
  }
  t.deepEqual(await cloud.db('server_migrations').pluck('status'), ['accepted', 'accepted']);
  await member.delete(`${servers}/${deleted}`);
  await member.post(`${servers}/${id}/action`, { rebuild: { imageRef: imageId } }, 202);
  await settle();
  t.is((await show(id)).status, 'ACTIVE');
  t.deepEqual([...first.servers.keys()], [ofLost]);
  t.deepEqual([...first.disks.keys()], [`${ofLost} 1`]);
  t.deepEqual((await cloud.db('server_migrations').pluck('status')).sort(), ['completed', 'confirmed']);
});

test('servers of a host that was forced down are evacuated without anybody asking, where the site wants that', async (t) => {
  const { cloud, settle, createServer, show, hostOf, second } = await startTwoHosts(t, {
    evacuationPolicy: 'forced-down',
  });
  const id = await createServer({ networks: [] });
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false, is_forced_down: cloud.db.raw("name = 'host-1'") });
  await cloud.settle();
  await second.settle();
  t.is((await show(id)).status, 'ACTIVE');
  t.is(await hostOf(id), 'host-2');
  const action = await cloud.db('server_actions').where({ server_id: id, action: 'evacuate' }).first();
  t.like(action, { message: 'Its host host-1 was forced down.', user_id: null });
});

test('servers of a silent host are evacuated by themselves only where its guard has ended them, and once', async (t) => {
  const two = await startTwoHosts(t, { evacuationPolicy: 'fenced', evacuateAfterSeconds: 600 });
  const { cloud, settle, createServer, show, hostOf, silence, first, second } = two;
  const [id, paused] = [await createServer({ networks: [] }), await createServer({ networks: [] })];
  await settle();
  await cloud.as('member').post(`${servers}/${paused}/action`, { pause: null }, 202);
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  const host = () => cloud.db('compute_hosts').where({ name: 'host-1' });
  const controllers = cloud.modules.flatMap((module) => module.controllers);
  const led = async () => {
    for (const reconciler of controllers.filter(({ name }) => ['evacuations', 'dead-hosts'].includes(name)))
      for (const one of await reconciler.pending(10)) await reconciler.reconcile(one);
    await second.settle();
    return hostOf(id);
  };
  await silence('host-1', true);
  t.is(await led(), 'host-1', 'nobody knows that it does not run there');
  await led();
  const told = cloud.logLines.filter((line) => line.includes('its guests wait'));
  t.is(told.length, 1, 'an operator is told, once');
  await host().update({ is_fenced: true, agent_seen_at: cloud.db.raw("now() - interval '500 seconds'") });
  t.is(await led(), 'host-1', 'not yet');
  await silence('host-1', false);
  await led();
  await host().update({ agent_seen_at: cloud.db.raw("now() - interval '500 seconds'") });
  await led();
  const words = /1 of its servers are evacuated once it has been silent for 600 seconds; 1 of its guests stay/;
  t.true(
    cloud.logLines.some((line) => words.test(line)),
    'and that is what the log says',
  );
  await host().update({ agent_seen_at: cloud.db.raw("now() - interval '601 seconds'") });
  t.is(await led(), 'host-2');
  await led();
  t.is((await show(id)).status, 'ACTIVE');
  const actions = await cloud.db('server_actions').where({ server_id: id, action: 'evacuate' });
  t.is(actions.length, 1);
  t.like(actions[0], { user_id: null, message: 'Its host host-1 was silent, and its guard has ended what ran there.' });
  t.is(await hostOf(paused), 'host-1', 'left to an administrator');
  const { migrations } = await atVersion(cloud.as('admin'), '2.80').get('/compute/v2.1/os-migrations');
  t.like(migrations, [{ migration_type: 'evacuation', status: 'done', source_compute: 'host-1', user_id: null }]);

  await silence('host-1', false);
  await led();
  t.true(cloud.logLines.some((line) => line.includes('a host is heard of again')));
  await settle();
  t.deepEqual([...first.servers.keys()], [paused]);
});

test('a server that can still go back does so at once when the host that it went to is dead', async (t) => {
  const { cloud, createServer, settle, show, hostOf, silence, first, second } = await startTwoHosts(t);
  const [admin, member] = [atVersion(cloud.as('admin'), '2.80'), cloud.as('member')];
  const [reverted, evacuated] = [await createServer({ networks: [] }), await createServer({ networks: [] })];
  const both = [reverted, evacuated];
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  for (const id of both) await admin.post(`${servers}/${id}/action`, { migrate: null }, 202);
  await settle();
  for (const id of both) first.disks.set(`${id} 1`, Buffer.from(`what ${id} wrote`));
  await member.post(`${servers}/${evacuated}/action`, { revertResize: null }, 202); // its host was about to
  await silence('host-2', true);
  await member.post(`${servers}/${reverted}/action`, { revertResize: null }, 202);
  await admin.post(`${servers}/${evacuated}/action`, { evacuate: { host: 'host-2' } }, 400);
  await admin.post(`${servers}/${evacuated}/action`, { evacuate: {} });
  await cloud.settle();
  for (const id of both) {
    t.is((await show(id)).status, 'ACTIVE');
    t.is(await hostOf(id), 'host-1');
    t.is(first.servers.get(id)?.power, 'running');
    t.is(first.disks.get(`${id} 1`)?.toString(), `what ${id} wrote`);
  }
  await silence('host-2', false);
  await settle();
  t.deepEqual([second.host.servers.size, second.host.disks.size], [0, 0]);
  t.deepEqual(await cloud.db('server_migrations').pluck('status'), ['reverted', 'reverted']);
});
