import { access } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { createLogger } from '../../common/logger.ts';
import { Secret } from '../../common/secret.ts';
import type { UploadDeps } from '../../image/images/uploads.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import { smallServer } from '../drivers/contract.ts';
import { noVendors } from '../metadata/vendor-data.ts';
import { prepareCompute, type TestCloud } from '../testing.ts';
import { serverReconciler } from './reconciler.ts';

const act = (cloud: TestCloud, id: string, body: object, status = 202) =>
  cloud.as('member').post(`/compute/v2.1/servers/${id}/action`, body, status);

const actionsOf = async (cloud: TestCloud, id: string) =>
  (await cloud.as('member').get(`/compute/v2.1/servers/${id}/os-instance-actions`)).instanceActions;

/** How often anything is tried depends on how busy the machine is. */
const always = { times: Number.POSITIVE_INFINITY };

test('a server becomes active once its host runs it, and goes without a trace', async (t) => {
  const cloud = await startTestCloud(t, { imageCacheUnusedHours: 0 });
  const { createServer, show, host, imageId } = await prepareCompute(t, cloud);
  const id = await createServer();
  t.like(await show(id), {
    status: 'BUILD',
    'OS-EXT-STS:task_state': 'spawning',
    'OS-EXT-STS:power_state': 0,
    progress: 0,
  });
  await cloud.settle();
  t.like(await show(id), {
    status: 'ACTIVE',
    'OS-EXT-STS:task_state': null,
    'OS-EXT-STS:power_state': 1,
    progress: 100,
  });
  const guest = host.servers.get(id);
  t.like(guest?.spec, { memoryMib: 64, vcpus: 1, rootDiskGib: 1 });
  t.is(guest?.spec.image.format, 'raw');
  const cached = join(cloud.config.dataDir, 'compute', 'images', imageId);
  await t.notThrowsAsync(access(cached));

  await cloud.as('member').delete(`/compute/v2.1/servers/${id}`);
  t.is((await show(id))['OS-EXT-STS:task_state'], 'deleting');
  await cloud.as('member').delete(`/compute/v2.1/servers/${id}`); // again: no error
  await cloud.settle();
  await cloud.as('member').get(`/compute/v2.1/servers/${id}`, 404);
  t.is(host.servers.size, 0);
  await cloud.sweep();
  await t.throwsAsync(access(cached), { code: 'ENOENT' });
});

test('a server stops, starts and reboots as asked, and refuses what its state does not allow', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const id = await createServer();
  const early = await act(cloud, id, { 'os-stop': null }, 409);
  t.is(early.conflictingRequest.message, `Cannot 'stop' instance ${id} while it is in vm_state building`);
  await cloud.settle();

  const running = await act(cloud, id, { 'os-start': null }, 409);
  t.is(running.conflictingRequest.message, `Cannot 'start' instance ${id} while it is in vm_state active`);
  await act(cloud, id, { 'os-stop': null });
  t.like(await show(id), { status: 'ACTIVE', 'OS-EXT-STS:task_state': 'powering-off' });
  const again = await act(cloud, id, { 'os-stop': null }, 409);
  t.is(again.conflictingRequest.message, `Cannot 'stop' instance ${id} while it is in task_state powering-off`);
  await cloud.settle();
  t.like(await show(id), { status: 'SHUTOFF', 'OS-EXT-STS:power_state': 4 });
  await act(cloud, id, { reboot: { type: 'SOFT' } }, 409);

  await act(cloud, id, { 'os-start': null });
  t.is((await show(id))['OS-EXT-STS:task_state'], 'powering-on');
  await cloud.settle();
  for (const [type, status] of [
    ['SOFT', 'REBOOT'],
    ['HARD', 'HARD_REBOOT'],
  ] as const) {
    const before = host.callsOf('reboot');
    await act(cloud, id, { reboot: { type } });
    t.is((await show(id)).status, status);
    await cloud.settle();
    t.is((await show(id)).status, 'ACTIVE');
    t.is(host.callsOf('reboot'), before + 1);
  }
  await act(cloud, id, { 'os-stop': null });
  await cloud.settle();
  await act(cloud, id, { reboot: { type: 'HARD' } });
  await cloud.settle();
  t.is((await show(id)).status, 'ACTIVE');
  const names = (await actionsOf(cloud, id)).map(({ action }: { action: string }) => action);
  t.deepEqual(names, ['reboot', 'stop', 'reboot', 'reboot', 'start', 'stop', 'create']);
});

test('a failure that passes leaves no mark, one that lasts shows as ERROR, and success heals it', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const id = await createServer();
  const heal = host.failNext({
    ...always,
    call: 'ensure',
    kind: 'transient',
    message: 'No room on the disk of the host.',
  });
  await cloud.settle();
  t.is((await show(id)).status, 'BUILD');
  const [{ request_id }] = await actionsOf(cloud, id);
  const seen = await cloud.as('admin').get(`/compute/v2.1/servers/${id}/os-instance-actions/${request_id}`);
  t.like(seen.instanceAction.events[0], { result: 'Error', event: 'compute__do_build_and_run_instance' });
  t.regex(seen.instanceAction.events[0].traceback, /no room/i);

  await cloud
    .db('servers')
    .where({ id })
    .update({ failing_since: cloud.db.raw("now() - interval '10 minutes'") });
  await cloud.settle();
  const failed = await show(id);
  t.is(failed.status, 'ERROR');
  t.is(failed.fault?.message, 'No room on the disk of the host.');
  t.false('details' in (failed.fault ?? {}));
  heal();
  for (let i = 0; i < 20 && (await show(id)).status !== 'ACTIVE'; i++) await cloud.settle();
  t.is((await show(id)).status, 'ACTIVE');
});

test('a full disk is told at once, and room heals', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const id = await createServer();
  const heal = host.failNext({
    ...always,
    call: 'ensure',
    kind: 'disk full',
    message: 'The disk of the host is full.',
  });
  await cloud.settle();
  t.like(await show(id), { status: 'ERROR', fault: { message: 'The disk of the host is full.' } });
  heal();
  for (let i = 0; i < 20 && (await show(id)).status !== 'ACTIVE'; i++) await cloud.settle();
  t.is((await show(id)).status, 'ACTIVE');
});

test('a failure for good is told with its reason, and the server can still be deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const id = await createServer();
  host.failNext({ call: 'power', kind: 'permanent', message: 'The image is not bootable.' });
  await cloud.settle();
  const failed = await show(id);
  t.is(failed.status, 'ERROR');
  t.like(failed.fault, { code: 500, message: 'The image is not bootable.' });
  t.is((await actionsOf(cloud, id))[0].message, 'Error');
  await act(cloud, id, { reboot: { type: 'HARD' } });
  await cloud.settle();
  t.is((await show(id)).status, 'ACTIVE');
  await cloud.as('member').delete(`/compute/v2.1/servers/${id}`);
  host.failNext({ call: 'remove', kind: 'permanent' });
  await cloud.settle();
  await cloud.settle();
  t.is(host.servers.size, 0);
  await cloud.as('member').get(`/compute/v2.1/servers/${id}`, 404);
});

test('a guest that was destroyed behind our back is brought back, and the action log says why', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const id = await createServer();
  await cloud.settle();
  host.lose(id);
  await cloud.sweep();
  await cloud.settle();
  t.is(host.servers.get(id)?.power, 'running');
  t.like((await actionsOf(cloud, id))[0], {
    action: 'start',
    user_id: null,
    message: 'The guest had crashed; it is started again.',
  });
  host.forget(id);
  host.failNext({ call: 'ensure', kind: 'transient' });
  await cloud.sweep();
  await cloud.settle();
  await cloud.settle();
  t.is(host.servers.get(id)?.power, 'running');
  t.is((await show(id)).status, 'ACTIVE');
  t.is((await actionsOf(cloud, id))[0].message, 'The guest was gone from its host; it is started again.');
  t.is((await actionsOf(cloud, id)).length, 3);
});

test('a guest that shuts itself down stays down until it is started', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const id = await createServer();
  await cloud.settle();
  host.lose(id, 'shutdown');
  await cloud.sweep();
  await cloud.settle();
  t.like(await show(id), { status: 'SHUTOFF', 'OS-EXT-STS:task_state': null });
  t.is((await actionsOf(cloud, id))[0].message, 'The guest shut itself down.');
  await act(cloud, id, { 'os-start': null });
  await cloud.settle();
  t.is((await show(id)).status, 'ACTIVE');
});

test('a guest of ours that no server stands for is removed, and the others stay', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, host } = await prepareCompute(t, cloud);
  const id = await createServer();
  await cloud.settle();
  const image = { path: '/nowhere', format: 'raw' as const };
  const stray = smallServer({ image } as Parameters<typeof smallServer>[0]);
  await cloud.drivers.servers.ensure(stray);
  host.foreign.add('the neighbour');
  await cloud.sweep();
  await cloud.sweep();
  t.deepEqual([...host.servers.keys()], [id]);
  const told = cloud.logLines.filter((line) => line.includes('not of this cloud'));
  t.is(told.length, 1, 'what is not ours is told of once, and left alone');
  t.true(told[0]?.includes('the neighbour'));
});

test('while the engine of a host is away its servers wait, and nothing is placed on it once that lasts', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const silentFor = (seconds: number) =>
    cloud.db('compute_hosts').update({ heartbeat_at: cloud.db.raw("now() - ? * interval '1 second'", [seconds]) });
  host.isAway = true;
  const waiting = await createServer();
  await silentFor(10);
  await cloud.settle();
  t.is((await show(waiting)).status, 'BUILD');
  const placed = await createServer();
  t.is((await show(placed)).status, 'BUILD', 'an engine that is restarted is waited for');
  await silentFor(40);
  const unplaced = await show(await createServer());
  t.is(unplaced.status, 'ERROR');
  t.regex(unplaced.fault?.message ?? '', /^No valid host was found\. .*its engine does not answer\)/);
  const { server: unplacedToAdmin } = await cloud.as('admin').get(`/compute/v2.1/servers/${unplaced.id}`);
  t.regex(unplacedToAdmin.fault.details, /its engine does not answer: The engine of the host/);
  host.isAway = false;
  await cloud.settle();
  t.is((await cloud.as('admin').get('/compute/v2.1/os-hypervisors')).hypervisors[0].state, 'up');
  for (let i = 0; i < 20 && (await show(placed)).status !== 'ACTIVE'; i++) await cloud.settle();
  t.deepEqual([(await show(waiting)).status, (await show(placed)).status], ['ACTIVE', 'ACTIVE']);
});

test('a look that fails leaves no mark on a server that is as it should be', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const id = await createServer();
  await cloud.settle();
  const reconciler = cloud.modules.flatMap(({ agents }) => agents).find(({ name }) => name === 'servers');
  host.failNext({ call: 'observe', kind: 'transient' });
  await t.throwsAsync(async () => reconciler?.reconcile(id));
  t.like(await cloud.db('servers').where({ id }).first(), { failing_since: null, is_faulty: false });
  t.is((await show(id)).status, 'ACTIVE');
});

test('a guest whose server is on another host is left alone: this host may have got another name', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, host } = await prepareCompute(t, cloud);
  const id = await createServer();
  await cloud.settle();
  await cloud.db('compute_hosts').update({ name: 'the name it had before' });
  await cloud.settle();
  await cloud.sweep();
  t.true(host.servers.has(id));
  t.true(cloud.logLines.some((line) => line.includes(id) && line.includes('has this host been renamed?')));
});

test('a deletion does not wait for the image that its server was to have', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const id = await createServer();
  const never = new Promise<never>(() => undefined);
  const reconciler = serverReconciler({
    db: cloud.db,
    driver: cloud.drivers.servers,
    cache: { ensure: () => never, copyOf: async () => undefined },
    log: createLogger('silent'),
    hostName: 'host-1',
    reclaimSeconds: 0,
    shelvedOffloadSeconds: 0,
    vendors: noVendors,
    images: {} as UploadDeps, // none is made here
    master: new Secret('any'),
  });
  const step = reconciler.reconcile(id);
  await cloud.as('member').delete(`/compute/v2.1/servers/${id}`);
  await t.throwsAsync(step, { message: 'The server is being deleted.' });
  await cloud.settle();
  await cloud.as('member').get(`/compute/v2.1/servers/${id}`, 404);
});
