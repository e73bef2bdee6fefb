import test from 'ava';
import { buildConfig } from '../../common/config/config.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import { makeIso } from '../inspection/corpus.ts';
import { filesOf, images, openUpload, rawBare, until, upload } from '../testing.ts';
import { importSettings } from './settings.ts';
import { direct, download, stage, stagedFiles, startSite, taskOf } from './testing.ts';

test('staged data is imported: uploading, importing, active, and the task tells of it', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  t.is((await stage(member, id, 'some bytes')).status, 204);
  t.like(await member.get(`${images}/${id}`), { status: 'uploading', size: null });
  const asked = await member.request({ method: 'POST', path: `${images}/${id}/import`, body: direct });
  t.is(asked.status, 202);
  const importing = await member.get(`${images}/${id}`);
  const task = await taskOf(member, id);
  t.like(importing, {
    status: 'importing',
    os_glance_import_task: task.id,
    os_glance_importing_to_stores: 'default',
    os_glance_failed_import: '',
  });
  t.like(task, { status: 'pending', image_id: id, request_id: asked.headers['x-openstack-request-id'] });
  t.like(task.input.import_req.method, { name: 'glance-direct' });
  await cloud.settle();
  const active = await member.get(`${images}/${id}`);
  t.like(active, { status: 'active', size: 10, os_glance_importing_to_stores: '', os_glance_failed_import: '' });
  t.false('os_glance_import_task' in active);
  const done = await taskOf(member, id);
  t.like(done, { status: 'success', message: '', type: 'api_image_import', owner: member.projectId });
  t.truthy(done.expires_at);
  t.is((await member.request({ method: 'GET', path: `${images}/${id}/file` })).text, 'some bytes');
  t.deepEqual(await stagedFiles(cloud), []);
});

test('what is advertised is what the operator has on, here and at creation, and nothing else is taken', async (t) => {
  const cloud = await startTestCloud(t, { importMethods: 'glance-direct' });
  const member = cloud.as('member');
  const info = await member.get('/image/v2/info/import');
  t.deepEqual(info['import-methods'].value, ['glance-direct']);
  const made = await member.request({ method: 'POST', path: images, body: rawBare });
  t.is(made.headers['openstack-image-import-methods'], 'glance-direct');
  const path = `${images}/${made.body.id}/import`;
  await member.post(path, download('https://example.com/image'), 400);
  await member.post(path, { method: { name: 'copy-image' } }, 400);
  t.like(await member.get(`${images}/${made.body.id}`), { status: 'queued' });
});

test('an import waits for its data, its formats and its turn', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  const path = `${images}/${id}/import`;
  await member.post(path, direct, 409);
  await stage(member, id, 'bytes');
  t.is((await stage(member, id, 'other bytes')).status, 409);
  t.is((await upload(member, id, 'other bytes')).status, 409);
  await member.post(path, download('https://example.com/image'), 409);
  await member.post(path, direct, 202);
  await member.post(path, direct, 409);
  t.is((await stage(member, id, 'other bytes')).status, 409);
  await cloud.settle();
  await member.post(path, direct, 409);

  const bare = await member.post(images, { name: 'formless' });
  t.is((await stage(member, bare.id, 'bytes')).status, 204);
  await member.post(`${images}/${bare.id}/import`, direct, 409);
  const missing = await member.post(images, rawBare);
  await member.post(`${images}/${missing.id}/import`, { method: { name: 'web-download' } }, 400);
});

test('of many imports asked for at once one is taken', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  await stage(member, id, 'bytes');
  const ask = () => member.request({ method: 'POST', path: `${images}/${id}/import`, body: direct });
  const statuses = (await Promise.all(Array.from({ length: 8 }, ask))).map(({ status }) => status).sort();
  t.deepEqual(statuses, [202, ...Array(7).fill(409)]);
  t.is((await member.get(`${images}/${id}/tasks`)).tasks.length, 1);
});

test('data that is not what the image says fails the import, tells why and leaves nothing', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  await stage(member, id, makeIso());
  await member.post(`${images}/${id}/import`, direct, 202);
  await cloud.settle();
  t.like(await member.get(`${images}/${id}`), { status: 'queued', size: null, os_glance_failed_import: 'default' });
  t.like(await taskOf(member, id), { status: 'failure', result: null });
  t.regex((await taskOf(member, id)).message, /ISO 9660/);
  t.deepEqual([await filesOf(cloud), await stagedFiles(cloud)], [[], []]);
  await stage(member, id, 'better bytes');
  await member.post(`${images}/${id}/import`, direct, 202);
  await cloud.settle();
  t.like(await member.get(`${images}/${id}`), { status: 'active', os_glance_failed_import: '' });
});

test('staging that is cut off leaves the image queued and no data', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  await cloud.server.start();
  const { id } = await member.post(images, rawBare);
  const begun = await openUpload(cloud, member, id, 'stage');
  await begun.send(Buffer.alloc(100_000));
  await until(async () => (await member.get(`${images}/${id}`)).status === 'uploading');
  await member.post(`${images}/${id}/import`, direct, 409);
  begun.cut();
  await until(async () => (await member.get(`${images}/${id}`)).status === 'queued');
  t.deepEqual(await stagedFiles(cloud), []);
});

test('an image is downloaded from where its owner says', async (t) => {
  const site = await startSite(t, (_, answer) => answer.end('bytes of the web'));
  const cloud = await startTestCloud(t, site.settings);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  await member.post(`${images}/${id}/import`, download(`${site.url}/image`), 202);
  t.like(await member.get(`${images}/${id}`), { status: 'importing' });
  await cloud.settle();
  t.like(await member.get(`${images}/${id}`), { status: 'active', size: 16 });
  t.like((await taskOf(member, id)).input.import_req.method, { name: 'web-download', uri: `${site.url}/image` });
});

test('operators put properties on what users import, and not on what administrators do', async (t) => {
  const settings = { importInjectProperties: '{"imported": "yes", "colour": "blue"}' };
  const byDefault = await startTestCloud(t, settings);
  const forAll = await startTestCloud(t, { ...settings, importInjectIgnoredRoles: '' });
  const injected = { imported: 'yes', colour: 'blue', kept: 'so' };
  for (const [cloud, persona, imported] of [
    [byDefault, 'member', injected],
    [byDefault, 'admin', { imported: undefined, colour: 'red', kept: 'so' }],
    [forAll, 'admin', injected],
  ] as const) {
    const client = cloud.as(persona);
    const { id } = await client.post(images, { ...rawBare, colour: 'red', kept: 'so' });
    await stage(client, id, 'bytes');
    await client.post(`${images}/${id}/import`, direct, 202);
    await cloud.settle();
    const { imported: seen, colour, kept } = await client.get(`${images}/${id}`);
    t.deepEqual({ imported: seen, colour, kept }, imported);
  }
});

test('tasks are for administrators, those of an image for its project', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member, stranger] = [cloud.as('admin'), cloud.as('member'), cloud.as('stranger')];
  const { id } = await member.post(images, { ...rawBare, visibility: 'community' });
  await stage(member, id, 'bytes');
  await member.post(`${images}/${id}/import`, direct, 202);
  await cloud.settle();
  const task = await taskOf(member, id);
  t.deepEqual((await stranger.get(`${images}/${id}/tasks`)).tasks, [], 'the image is seen, whence it came is not');
  await member.get('/image/v2/tasks', 403);
  await member.get(`/image/v2/tasks/${task.id}`, 403);
  t.deepEqual(await admin.get(`/image/v2/tasks/${task.id}`), task);
  await admin.get('/image/v2/tasks/no-id', 404);
  const { tasks, schema } = await admin.get('/image/v2/tasks?status=success');
  t.is(schema, '/v2/schemas/tasks');
  t.deepEqual([tasks.length, 'input' in tasks[0]], [1, false]);
  t.deepEqual((await admin.get('/image/v2/tasks?status=failure')).tasks, []);
  await admin.get('/image/v2/tasks?status=odd', 400);
  const { properties } = await member.get('/image/v2/schemas/task');
  for (const key of Object.keys(task)) t.true(key in properties, key);
});

test('settings of imports that mean nothing are told at start', async (t) => {
  for (const wrong of [
    { importMethods: 'teleport' },
    { importAllowedPorts: '80,http' },
    { importAllowedPorts: '99999' },
    { importAllowedCidrs: '10.0.0.0' },
    { importInjectProperties: '{' },
    { importInjectProperties: '[]' },
    { importInjectProperties: '{"a": 1}' },
    { importInjectProperties: '{"status": "active"}' },
    { importInjectProperties: '{"os_glance_x": "y"}' },
  ])
    t.throws(() => importSettings(buildConfig({ file: wrong })), { message: new RegExp(Object.keys(wrong)[0]!) });
});

test('no project imports more than it may store', async (t) => {
  const site = await startSite(t, (_, answer) => answer.end(Buffer.alloc(2 ** 20 + 1)));
  const cloud = await startTestCloud(t, site.settings);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const [service] = (await admin.get('/identity/v3/services?type=image')).services;
  const limit = { service_id: service.id, resource_name: 'image_size_total', default_limit: 1 };
  await admin.post('/identity/v3/registered_limits', { registered_limits: [limit] });
  const { id } = await member.post(images, rawBare);
  t.is((await stage(member, id, Buffer.alloc(2 ** 20 + 1))).status, 413);
  await member.post(`${images}/${id}/import`, download(site.url), 202);
  await cloud.settle();
  t.regex((await taskOf(member, id)).message, /image_size_total/);
  const [first, second] = [await member.post(images, rawBare), await member.post(images, rawBare)];
  for (const image of [first, second]) {
    t.is((await stage(member, image.id, Buffer.alloc(2 ** 20))).status, 204);
    await member.post(`${images}/${image.id}/import`, direct, 202);
  }
  await cloud.settle();
  const both = [await member.get(`${images}/${first.id}`), await member.get(`${images}/${second.id}`)];
  t.deepEqual(both.map(({ status }) => status).sort(), ['active', 'queued']);
  t.is((await filesOf(cloud)).length, 1);
});
