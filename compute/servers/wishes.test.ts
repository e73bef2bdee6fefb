/** What users do with servers beyond running them, and what their host makes of it. */
import test from 'ava';
import { NotFound } from '../../common/errors.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import { reaper } from '../mortal.ts';
import { prepareCompute, uploadImage } from '../testing.ts';
import { mortalReconciler } from './deaths.ts';
import { settleServer } from './observations.ts';
import { getServer } from './store.ts';

test('a server is paused and suspended, goes on where it was, and survives the loss of either', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const id = await createServer();
  const act = (name: string, status = 202) =>
    member.post(`/compute/v2.1/servers/${id}/action`, { [name]: null }, status);
  const become = async (action: string, taskState: string, status: string, powerState: number) => {
    await act(action);
    t.is((await show(id))['OS-EXT-STS:task_state'], taskState);
    await cloud.settle();
    t.like(await show(id), { status, 'OS-EXT-STS:power_state': powerState, 'OS-EXT-STS:task_state': null });
  };
  await cloud.settle();
  await become('pause', 'pausing', 'PAUSED', 3);
  const refused = await act('suspend', 409);
  t.is(refused.conflictingRequest.message, `Cannot 'suspend' instance ${id} while it is in vm_state paused`);
  await become('unpause', 'unpausing', 'ACTIVE', 1);
  await become('suspend', 'suspending', 'SUSPENDED', 7);
  t.is(host.servers.get(id)?.power, 'suspended');
  await become('resume', 'resuming', 'ACTIVE', 1);
  t.is(host.servers.get(id)?.output, 'booted\n');

  await become('pause', 'pausing', 'PAUSED', 3);
  host.lose(id);
  await cloud.sweep();
  await cloud.settle();
  t.is(host.servers.get(id)?.power, 'paused');
  await become('unpause', 'unpausing', 'ACTIVE', 1);
  await become('suspend', 'suspending', 'SUSPENDED', 7);
  (host.servers.get(id) as { power: string }).power = 'shutdown'; // its memory is lost
  await cloud.sweep();
  await cloud.settle();
  t.is((await show(id)).status, 'SUSPENDED');
  await become('resume', 'resuming', 'ACTIVE', 1);
});

test('a server is rescued from another image, with its own disk kept, and rebuilt without it', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host, imageId } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const id = await createServer();
  await cloud.settle();
  const act = (body: object, status = 202) => member.post(`/compute/v2.1/servers/${id}/action`, body, status);
  const spec = () => host.servers.get(id)?.spec;

  const vast = await uploadImage(t, cloud, { name: 'vast' });
  await cloud
    .db('images')
    .where({ id: vast })
    .update({ virtual_size_bytes: 5 * 2 ** 30 });
  const tooLarge = await act({ rescue: { rescue_image_ref: vast } }, 400);
  t.regex(tooLarge.badRequest.message, /^Flavor's disk is too small for requested image/);
  const claimedGib = async () => (await cloud.db('compute_claims').where({ id }).first()).disk_gib;
  const before = await getServer(cloud.db, 'everyone', id);
  const other = await uploadImage(t, cloud, { name: 'other' });
  t.deepEqual(await act({ rescue: { adminPass: 'letmein', rescue_image_ref: other } }, 200), { adminPass: 'letmein' });
  await settleServer(cloud.db, before, 'running', []); // of the wish before, which ends only now
  t.is((await cloud.db('server_boot_data').where({ server_id: id }).first()).admin_password, 'letmein');
  t.is(await claimedGib(), 2, 'its own disk and the one that it is rescued from');
  await act({ 'os-stop': null }, 409);
  await cloud.settle();
  t.like(await show(id), { status: 'RESCUE', 'OS-EXT-STS:vm_state': 'rescued' });
  t.regex(spec()?.rescueImage?.path ?? '', new RegExp(other));
  t.is(spec()?.rootDisk, 1);
  await act({ unrescue: null });
  await cloud.settle();
  t.is((await show(id)).status, 'ACTIVE');
  t.is(spec()?.rescueImage, null);
  t.is(await claimedGib(), 1);
  t.is((await cloud.db('server_boot_data').where({ server_id: id }).first()).admin_password, null);

  await act({ 'os-stop': null });
  await cloud.settle();
  const { server } = await act({ rebuild: { imageRef: other, name: 'again', metadata: { a: '1' } } });
  t.like(server, { id, name: 'again', status: 'REBUILD', metadata: { a: '1' }, image: { id: other } });
  t.is(server.adminPass.length, 12);
  await act({ rebuild: { imageRef: imageId } }, 409);
  await cloud.settle();
  t.is((await show(id)).status, 'SHUTOFF', 'what was stopped is stopped after it');
  t.true((spec()?.rootDisk ?? 0) > 1);
  t.regex(spec()?.image.path ?? '', new RegExp(other));
  await act({ rebuild: { imageRef: id } }, 400);
});

test('a server is resized, back and for good, within its quota, its host and its disk', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host, imageId } = await prepareCompute(t, cloud);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const flavors = [
    { id: 'more', name: 'more', ram: 128, vcpus: 2, disk: 2 },
    { id: 'less', name: 'less', ram: 64, vcpus: 1, disk: 0 },
    { id: 'vast', name: 'vast', ram: 64, vcpus: 1, disk: 100_000 },
    { id: 'many', name: 'many', ram: 64, vcpus: 30, disk: 2 },
  ];
  for (const flavor of flavors) await admin.post('/compute/v2.1/flavors', { flavor }, 200);
  const id = await createServer();
  await cloud.settle();
  const act = (body: object, status = 202) => member.post(`/compute/v2.1/servers/${id}/action`, body, status);
  const resize = (flavorRef: string, status = 202) => act({ resize: { flavorRef } }, status);
  const used = async () => (await member.get('/compute/v2.1/limits')).limits.absolute.totalCoresUsed;
  const migrations = async () =>
    (await admin.get(`/compute/v2.1/os-migrations?instance_uuid=${id}`)).migrations.map(
      (move: Record<string, string>) => `${move.source_compute} ${move.dest_compute} ${move.status}`,
    );

  t.regex((await resize('tiny', 400)).badRequest.message, /must change flavor/);
  t.regex((await resize('less', 400)).badRequest.message, /zero disk/);
  t.regex((await resize('vast', 400)).badRequest.message, /^No valid host was found/);
  t.regex((await resize('many', 403)).forbidden.message, /cores/);
  await act({ confirmResize: null }, 409);
  await resize('more');
  t.like(await show(id), { status: 'RESIZE', 'OS-EXT-STS:task_state': 'resize_finish' });
  t.deepEqual(await migrations(), ['host-1 host-1 post-migrating']);
  await cloud.settle();
  t.like(await show(id), { status: 'VERIFY_RESIZE', flavor: { id: 'more' } });
  t.deepEqual(await migrations(), ['host-1 host-1 finished']);
  t.like(host.servers.get(id)?.spec, { vcpus: 2, rootDiskGib: 2, rootDiskCopiedFrom: 1 });
  t.is(await used(), 2);

  await admin.post(`/compute/v2.1/servers/${id}/action`, { 'os-resetState': { state: 'error' } }, 202);
  const { conflictingRequest } = await act({ rebuild: { imageRef: imageId } }, 409);
  t.regex(conflictingRequest.message, /revert that first/);
  await act({ revertResize: null });
  t.is((await show(id)).status, 'REVERT_RESIZE');
  await cloud.settle();
  t.like(await show(id), { status: 'ACTIVE', flavor: { id: 'tiny' } });
  t.like(host.servers.get(id)?.spec, { vcpus: 1, rootDisk: 1, rootDiskCopiedFrom: null });
  t.is(await used(), 1);

  await resize('more');
  await cloud.settle();
  await cloud.sweep();
  await act({ confirmResize: null }, 204);
  t.deepEqual(await migrations(), ['host-1 host-1 confirmed', 'host-1 host-1 reverted']);
  await cloud.settle();
  t.like(await show(id), { status: 'ACTIVE', flavor: { id: 'more' } });
  await act({ revertResize: null }, 409);
  await resize('tiny', 400); // a disk does not shrink
});

test('a locked server is for administrators only, and what they locked only they unlock', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show } = await prepareCompute(t, cloud);
  const id = await createServer();
  await cloud.settle();
  const act = (who: 'member' | 'admin', body: object, status = 202) =>
    cloud.as(who).post(`/compute/v2.1/servers/${id}/action`, body, status);
  await act('member', { lock: null });
  const refused = await act('member', { 'os-stop': null }, 409);
  t.is(refused.conflictingRequest.message, `Instance ${id} is locked`);
  await cloud.as('member').delete(`/compute/v2.1/servers/${id}`, 409);
  await cloud.as('member').post(`/compute/v2.1/servers/${id}/metadata`, { metadata: { a: '1' } }, 409);
  await act('admin', { 'os-stop': null });
  await cloud.settle();
  t.is((await show(id)).status, 'SHUTOFF');
  await act('member', { unlock: null });
  await act('admin', { lock: null });
  for (const body of [{ confirmResize: null }, { revertResize: null }, { restore: null }])
    t.is((await act('member', body, 409)).conflictingRequest.message, `Instance ${id} is locked`);
  await act('member', { unlock: null }, 403);
  await act('admin', { unlock: null });

  await act('member', { 'os-resetState': { state: 'error' } }, 403);
  await act('admin', { 'os-resetState': { state: 'error' } });
  t.like(await show(id), { status: 'ERROR', fault: { message: 'An administrator set the server to error.' } });
  await act('admin', { 'os-resetState': { state: 'active' } });
  await cloud.settle();
  t.is((await show(id)).status, 'SHUTOFF');
  await act('member', { lock: { locked_reason: 7 } }); // means nothing before 2.73
});

test('a deleted server is kept and restored where the site says so, and gone after that', async (t) => {
  const cloud = await startTestCloud(t, { reclaimServerSeconds: 3600 });
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const [kept, forced, late] = [await createServer(), await createServer(), await createServer()];
  await cloud.settle();
  const act = (id: string, body: object, status = 202) =>
    member.post(`/compute/v2.1/servers/${id}/action`, body, status);
  for (const id of [kept, forced, late]) await member.delete(`/compute/v2.1/servers/${id}`);
  await cloud.settle();
  t.like(await show(kept), { status: 'SOFT_DELETED', 'OS-EXT-STS:vm_state': 'soft-delete' });
  t.is(host.servers.get(kept)?.power, 'shutdown');
  t.deepEqual((await member.get('/compute/v2.1/servers')).servers, []);
  await act(kept, { 'os-start': null }, 409);
  await act(kept, { restore: null });
  await act(forced, { forceDelete: null });
  await cloud
    .db('servers')
    .where({ id: late })
    .update({ soft_deleted_at: cloud.db.raw("now() - interval '2 hours'") });
  await cloud.sweep();
  await cloud.settle();
  t.is((await show(kept)).status, 'ACTIVE');
  t.deepEqual([...host.servers.keys()], [kept]);
  await act(kept, { restore: null }, 409);
  t.is((await cloud.db('deleted_servers').count().first())?.count, 2);
});

test('a server that comes off its host after it was deleted is reclaimed all the same', async (t) => {
  const cloud = await startTestCloud(t, { reclaimServerSeconds: 3600 });
  const { createServer, show } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const id = await createServer();
  await cloud.settle();
  await member.post(`/compute/v2.1/servers/${id}/action`, { shelve: null }, 202);
  await member.delete(`/compute/v2.1/servers/${id}`);
  await cloud.settle();
  t.is((await show(id)).status, 'SOFT_DELETED');
  t.is((await cloud.db('servers').where({ id }).first('host_id'))?.host_id, null);
  await cloud
    .db('servers')
    .where({ id })
    .update({ soft_deleted_at: cloud.db.raw("now() - interval '2 hours'") });
  await cloud.sweep();
  await cloud.settle();
  await member.get(`/compute/v2.1/servers/${id}`, 404);
  t.deepEqual((await member.get('/image/v2/images?name=web-shelved')).images, []);
});

test('a deleted server is shut down, whatever keeps its host from making it as it should be', async (t) => {
  const cloud = await startTestCloud(t, { reclaimServerSeconds: 3600 });
  const { createServer, show, host, imageId } = await prepareCompute(t, cloud);
  const id = await createServer();
  await cloud.settle();
  await cloud.as('member').delete(`/compute/v2.1/servers/${id}`);
  const ensure = async () => Promise.reject(new NotFound('Image', imageId));
  await mortalReconciler(cloud, reaper(Number.POSITIVE_INFINITY), { ensure }).reconcile(id);
  t.is(host.servers.get(id)?.power, 'shutdown');
  t.is((await show(id)).status, 'SOFT_DELETED');
});

test('an image is made of a server, running or not, and as many backups are kept as were asked for', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const id = await createServer();
  await cloud.settle();
  const path = `/compute/v2.1/servers/${id}/action`;
  const image = async (imageId: string) => member.get(`/image/v2/images/${imageId}`);
  const ask = async (body: object) => {
    const { status, headers } = await member.request({ method: 'POST', path, body });
    t.is(status, 202);
    return String(headers.location).match(/^http:\/\/cloud\.test\/image\/images\/(.{36})$/)?.[1] ?? '';
  };
  const first = await ask({ createImage: { name: 'kept', metadata: { purpose: 'test' } } });
  t.like(await image(first), { status: 'queued', visibility: 'private', purpose: 'test', min_disk: 1 });
  t.is((await show(id))['OS-EXT-STS:task_state'], 'image_uploading');
  const refused = await member.post(path, { 'os-stop': null }, 409);
  t.regex(refused.conflictingRequest.message, /task_state image_uploading/);
  await cloud.settle();
  t.like(await image(first), { status: 'active', instance_uuid: id, image_type: 'snapshot', disk_format: 'qcow2' });
  t.like(await show(id), { status: 'ACTIVE', 'OS-EXT-STS:task_state': null });
  const named = await ask({ createImage: { name: 'named', metadata: { image_type: 'golden', instance_uuid: 'x' } } });
  t.like(await image(named), { image_type: 'golden', instance_uuid: id });
  await cloud.settle();
  const fromIt = await createServer({ imageRef: first });
  await cloud.settle();
  t.is((await show(fromIt)).status, 'ACTIVE');

  await member.post(path, { 'os-stop': null }, 202);
  await cloud.settle();
  const backups: string[] = [];
  for (const name of ['one', 'two', 'three']) {
    backups.push(await ask({ createBackup: { name, backup_type: 'daily', rotation: 2 } }));
    await cloud.settle();
  }
  const ofNoType = await ask({ createBackup: { name: 'four', backup_type: '', rotation: 1 } });
  await cloud.settle();
  t.is((await show(id)).status, 'SHUTOFF');
  await member.get(`/image/v2/images/${backups[0]}`, 404);
  for (const kept of [first, ofNoType, ...backups.slice(1)]) t.is((await image(kept)).status, 'active');

  const untold = await member.request({
    method: 'POST',
    path,
    body: { createBackup: { name: 'none', backup_type: 'daily', rotation: 0 } },
  });
  t.deepEqual(
    [untold.status, untold.headers.location],
    [202, undefined],
    'of none that are kept the new one goes, too',
  );
  await cloud.settle();
  for (const gone of backups) await member.get(`/image/v2/images/${gone}`, 404);

  host.failNext({ call: 'openSnapshot', kind: 'disk full', message: 'The disk of the host is full.' });
  const failed = await ask({ createImage: { name: 'not to be' } });
  await cloud.settle();
  await member.get(`/image/v2/images/${failed}`, 404);
  t.is((await show(id)).status, 'SHUTOFF', 'it is no fault of the server');
  const [action] = (await member.get(`/compute/v2.1/servers/${id}/os-instance-actions`)).instanceActions;
  t.like(action, { action: 'createImage', message: 'Error' });

  const unwanted = await ask({ createImage: { name: 'unwanted' } });
  await member.delete(`/compute/v2.1/servers/${id}`);
  await cloud.settle();
  await member.get(`/compute/v2.1/servers/${id}`, 404);
  await member.get(`/image/v2/images/${unwanted}`, 404);
});

test('an image that nobody will make any more goes, and the log of actions says that nothing came of it', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const id = await createServer();
  await cloud.settle();
  await member.post(`/compute/v2.1/servers/${id}/action`, { createImage: { name: 'kept' } }, 202);
  host.failNext({ call: 'ensure', kind: 'permanent', message: 'The host is broken.' });
  await cloud.settle();
  t.is((await show(id)).status, 'ERROR');
  await cloud.settle();
  t.deepEqual((await member.get('/image/v2/images?name=kept')).images, []);
  const { instanceActions } = await member.get(`/compute/v2.1/servers/${id}/os-instance-actions`);
  t.like(instanceActions[0], { action: 'createImage', message: 'Error' });
});
