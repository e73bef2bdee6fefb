import test from 'ava';
import { createLogger } from '../../common/logger.ts';
import { startLoop } from '../../common/reconcile/loop.ts';
import { atVersion, type TestCloud } from '../testing.ts';
import { deadHostReconciler } from './dead-hosts.ts';
import { startTwoHosts } from './moves/testing.ts';

const servers = '/compute/v2.1/servers';

/** What the controllers do about dead hosts, and no agent. */
async function lookAfterDeadHosts({ db }: TestCloud, reclaimSeconds = 0): Promise<void> {
  const never = 2 ** 31 - 1;
  const log = createLogger('silent');
  const loop = startLoop(deadHostReconciler({ db, reclaimSeconds }), { log, pollMs: never, sweepMs: never });
  await loop.settle();
  await loop.stop();
}

test('a server of a dead host is deleted at once, and what is left of it goes when that host is back', async (t) => {
  const { cloud, settle, createServer, silence, first } = await startTwoHosts(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { network } = await member.post('/network/v2.0/networks', { network: { name: 'one' } });
  const subnet = { network_id: network.id, ip_version: 4, cidr: '192.0.2.0/24' };
  await member.post('/network/v2.0/subnets', { subnet });
  const networks = [{ uuid: network.id }];
  const [id, withoutGuest, forced] = [
    await createServer({ networks }),
    await createServer({ networks }),
    await createServer({ networks }),
  ];
  await settle();
  first.servers.delete(withoutGuest); // its disk is there
  await silence('host-1', true);
  await member.delete(`${servers}/${id}`);
  await member.delete(`${servers}/${withoutGuest}`);
  await member.get(`${servers}/${id}`, 404);
  await member.delete(`${servers}/${id}`, 404);
  const { ports } = await member.get(`/network/v2.0/ports?device_id=${id}`);
  t.deepEqual(ports, []);
  const { limits } = await member.get('/compute/v2.1/limits');
  t.is(limits.absolute.totalInstancesUsed, 1);
  const { instanceActions } = await atVersion(admin, '2.51').get(`${servers}/${id}/os-instance-actions`);
  t.like(instanceActions[0], { action: 'delete', message: null });
  t.is(first.servers.size, 2);

  await silence('host-1', false);
  await settle();
  t.deepEqual([...first.servers.keys()], [forced]);
  t.deepEqual([...first.disks.keys()], [`${forced} 1`]);
  t.deepEqual(await cloud.db('server_remains'), []);

  await cloud.db('compute_hosts').where({ name: 'host-1' }).update({ is_forced_down: true });
  await member.delete(`${servers}/${forced}`);
  await member.get(`${servers}/${forced}`, 404);
  await settle(); // its agent lives
  t.deepEqual([first.servers.size, first.disks.size], [0, 0]);
  t.deepEqual(await cloud.db('server_remains'), []);
  const { services } = await admin.get('/compute/v2.1/os-services?binary=nova-compute&host=host-1');
  await admin.delete(`/compute/v2.1/os-services/${services[0].id}`);
});

test('what was deleted before its host died goes without that, also when it was kept for a while', async (t) => {
  const { cloud, settle, createServer, show, silence, first } = await startTwoHosts(t, { reclaimServerSeconds: 3600 });
  const member = cloud.as('member');
  const [forced, kept, later] = [await createServer(), await createServer(), await createServer()];
  await settle();
  await member.post(`${servers}/${forced}/action`, { forceDelete: null }, 202);
  await member.delete(`${servers}/${kept}`);
  await silence('host-1', true);
  await member.delete(`${servers}/${later}`);
  t.is((await show(later)).status, 'SOFT_DELETED');
  await lookAfterDeadHosts(cloud, 3600);
  await member.get(`${servers}/${forced}`, 404);
  t.is((await show(kept)).status, 'SOFT_DELETED');
  const longAgo = cloud.db.raw("now() - interval '2 hours'");
  await cloud.db('servers').where({ id: kept }).update({ soft_deleted_at: longAgo });
  await lookAfterDeadHosts(cloud, 3600);
  await member.get(`${servers}/${kept}`, 404);
  t.is((await show(later)).status, 'SOFT_DELETED', 'it can be restored');
  await member.post(`${servers}/${later}/action`, { restore: null }, 202);
  await silence('host-1', false);
  await settle();
  t.deepEqual([...first.servers.keys()], [later]);
  t.is((await show(later)).status, 'ACTIVE');
  t.is(first.servers.get(later)?.power, 'running');
});

test('a server in the middle of a move is deleted whichever of its hosts is dead, and nothing of it stays on either', async (t) => {
  const { cloud, settle, createServer, silence, first, second } = await startTwoHosts(t);
  const [admin, member] = [atVersion(cloud.as('admin'), '2.80'), cloud.as('member')];
  const [leaving, running, arrived, evacuated] = [
    await createServer(),
    await createServer(),
    await createServer(),
    await createServer(),
  ];
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  await admin.post(`${servers}/${arrived}/action`, { migrate: null }, 202);
  await settle();
  await admin.post(`${servers}/${leaving}/action`, { migrate: null }, 202);
  await admin.post(`${servers}/${running}/action`, { 'os-migrateLive': { block_migration: 'auto', host: null } }, 202);
  await silence('host-1', true);
  await admin.post(`${servers}/${evacuated}/action`, { evacuate: {} });
  for (const id of [leaving, running]) {
    await member.delete(`${servers}/${id}`);
    await member.get(`${servers}/${id}`, 404);
  }
  await silence('host-1', false);
  await silence('host-2', true);
  for (const id of [arrived, evacuated]) {
    await member.delete(`${servers}/${id}`);
    await member.get(`${servers}/${id}`, 404);
  }
  await silence('host-2', false);
  await settle();
  for (const { servers: guests, disks } of [first, second.host])
    t.deepEqual([[...guests.keys()], [...disks.keys()]], [[], []]);
  t.deepEqual(await cloud.db('server_remains'), []);
  t.deepEqual(
    await cloud.db('server_migrations').whereRaw('source_to_clear or source_kept or destination_to_clear'),
    [],
  );
});

test('resizes and migrations away from a dead host are refused, and back to one', async (t) => {
  const { cloud, settle, createServer, show, hostOf, silence, second } = await startTwoHosts(t);
  const [admin, member] = [atVersion(cloud.as('admin'), '2.80'), cloud.as('member')];
  const flavor = { id: 'large', name: 'large', ram: 128, vcpus: 2, disk: 2 };
  await cloud.as('admin').post('/compute/v2.1/flavors', { flavor }, 200);
  const [id, gone] = [await createServer(), await createServer()];
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  await admin.post(`${servers}/${gone}/action`, { migrate: null }, 202);
  await settle();
  await silence('host-1', true);
  const live = { 'os-migrateLive': { block_migration: 'auto', host: null } };
  const refusals = [
    await member.post(`${servers}/${id}/action`, { resize: { flavorRef: 'large' } }, 409),
    await member.post(`${servers}/${id}/action`, { liveResize: { flavorRef: 'large' } }, 409),
    await admin.post(`${servers}/${id}/action`, { migrate: null }, 409),
    await admin.post(`${servers}/${id}/action`, live, 400),
    await member.post(`${servers}/${gone}/action`, { revertResize: null }, 409),
  ];
  for (const refusal of refusals) t.regex(JSON.stringify(refusal), /is unavailable at this time/);
  t.false(JSON.stringify(refusals[0]).includes('host-1'), 'owners are told no names of hosts');
  t.deepEqual([(await show(id)).status, (await show(gone)).status], ['ACTIVE', 'VERIFY_RESIZE']);
  await member.post(`${servers}/${gone}/action`, { confirmResize: null }, 204);
  await second.settle();
  t.is((await show(gone)).status, 'ACTIVE');
  t.is(await hostOf(gone), 'host-2');
});

test('what waits for a dead host is in error and says what to do, until the host is back or the server is evacuated', async (t) => {
  const { cloud, settle, createServer, show, silence, second } = await startTwoHosts(t);
  const [admin, member] = [atVersion(cloud.as('admin'), '2.95'), cloud.as('member')];
  const [idle, stopping, evacuated] = [await createServer(), await createServer(), await createServer()];
  await settle();
  const unmade = await createServer();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  for (const id of [stopping, evacuated]) await member.post(`${servers}/${id}/action`, { 'os-stop': null }, 202);
  const silentFor = (seconds: number) => {
    const at = cloud.db.raw("now() - ? * interval '1 second'", [seconds]);
    return cloud.db('compute_hosts').where({ name: 'host-1' }).update({ agent_seen_at: at, heartbeat_at: at });
  };
  await silentFor(200);
  await lookAfterDeadHosts(cloud);
  t.is((await show(stopping)).status, 'ACTIVE', 'it may be back soon');
  await silentFor(400);
  await lookAfterDeadHosts(cloud);
  t.is((await show(idle)).status, 'ACTIVE', 'nothing was asked of it');
  const told = await show(stopping);
  t.is(told.status, 'ERROR');
  t.regex(told.fault?.message ?? '', /host of the server is down.*An administrator can/);
  t.false(JSON.stringify(told.fault).includes('host-1'));
  const { server } = await admin.get(`${servers}/${stopping}`);
  t.regex(server.fault.details, /host-1 .*openstack server evacuate/);
  t.is((await show(unmade)).status, 'ERROR');
  const [action] = await cloud.db('server_actions').where({ server_id: stopping, action: 'stop' });
  t.is(action.finished_at, null, 'it is still to be done');

  await admin.post(`${servers}/${evacuated}/action`, { evacuate: {} });
  await second.settle();
  await lookAfterDeadHosts(cloud);
  t.is((await show(evacuated)).status, 'SHUTOFF');
  await silence('host-1', false);
  await settle();
  for (const id of [idle, unmade]) t.is((await show(id)).status, 'ACTIVE');
  t.is((await show(stopping)).status, 'SHUTOFF');
});

test('a server that may have gone to a host that died says so, until somebody knows that this one is off', async (t) => {
  const { cloud, settle, createServer, show, hostOf, silence, first } = await startTwoHosts(t);
  const id = await createServer();
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  const live = { 'os-migrateLive': { block_migration: 'auto', host: null } };
  await atVersion(cloud.as('admin'), '2.80').post(`${servers}/${id}/action`, live, 202);
  await cloud.db('server_migrations').update({ status: 'running' });
  const guest = first.servers.get(id);
  if (guest !== undefined) guest.power = 'paused'; // until the other host says that it runs there
  await cloud.db('compute_hosts').where({ name: 'host-2' }).update({ migration_address: null });
  await silence('host-2', true);
  await cloud.settle();
  await lookAfterDeadHosts(cloud);
  const told = await show(id);
  t.is(told.status, 'ERROR');
  t.regex(told.fault?.message ?? '', /was going to is down/);
  await cloud.db('compute_hosts').where({ name: 'host-2' }).update({ is_forced_down: true });
  await cloud.settle();
  t.is((await show(id)).status, 'ACTIVE');
  t.is(await hostOf(id), 'host-1');
});
