import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { type Client, startTestCloud } from '../../tests/cloud.ts';
import { direct, download, stage, startSite, taskOf } from '../import/testing.ts';
import { makeStores } from '../stores/testing.ts';
import { images, makeActive, rawBare } from '../testing.ts';

const registry = {
  id: 'registry',
  description: 'Container images that were pushed to the registry',
  'read-only': 'true',
};
const copyTo = (stores: string[], more: object = {}) => ({ method: { name: 'copy-image' }, stores, ...more });

async function uploadTo(client: Client, id: string, store: string) {
  const headers = { 'content-type': 'application/octet-stream', 'x-image-meta-store': store };
  return await client.request({ method: 'PUT', path: `${images}/${id}/file`, payload: 'some bytes', headers });
}

async function textOf(client: Client, id: string): Promise<string> {
  return (await client.request({ method: 'GET', path: `${images}/${id}/file` })).text;
}

test('stores are listed for everybody, and what they are for administrators', async (t) => {
  const stores = await makeStores(t, {
    second: { description: 'slow and large', weight: 7 },
    third: { readOnly: true },
  });
  const cloud = await startTestCloud(t, stores.settings);
  const listed = [
    { id: 'default', default: 'true' },
    { id: 'second', description: 'slow and large' },
    { id: 'third', 'read-only': 'true' },
    registry,
  ];
  t.deepEqual(await cloud.as('reader').get('/image/v2/info/stores'), { stores: listed });
  const { stores: detailed } = await cloud.as('admin').get('/image/v2/info/stores/detail');
  t.deepEqual(detailed[1], {
    ...listed[1],
    type: 'file',
    weight: 7,
    properties: { data_dir: stores.directoryOf('second') },
  });
  await cloud.as('member').get('/image/v2/info/stores/detail', 403);
  await cloud.anonymous.get('/image/v2/info/stores', 401);
  const created = await cloud.as('member').request({ method: 'POST', path: images, body: rawBare });
  t.is(created.headers['openstack-image-store-ids'], 'default,second,third,registry');
});

test('a cloud of which nobody said anything has one store', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  t.deepEqual(await member.get('/image/v2/info/stores'), {
    stores: [{ id: 'default', default: 'true' }, registry],
  });
  const { id } = await member.post(images, rawBare);
  t.false('stores' in (await member.get(`${images}/${id}`)));
  t.is((await uploadTo(member, id, 'default')).status, 204);
  t.is((await member.get(`${images}/${id}`)).stores, 'default');
});

test('an upload goes to the store that it names, and only there', async (t) => {
  const stores = await makeStores(t, { third: { readOnly: true } });
  const cloud = await startTestCloud(t, stores.settings);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  const unknown = await uploadTo(member, id, 'elsewhere');
  t.is(unknown.status, 400);
  t.regex(unknown.text, /Store for identifier elsewhere not found/);
  t.is((await uploadTo(member, id, 'third')).status, 409);
  t.is((await member.get(`${images}/${id}`)).status, 'queued');
  t.is((await uploadTo(member, id, 'second')).status, 204);
  t.like(await member.get(`${images}/${id}`), { status: 'active', stores: 'second' });
  t.like((await member.get(images)).images[0], { stores: 'second' });
  t.is((await stores.filesIn('second')).length, 1);
  t.deepEqual(await stores.filesIn('default'), []);
  t.is(await textOf(member, id), 'some bytes');
  await member.delete(`${images}/${id}`);
  await cloud.settle();
  t.deepEqual(await stores.filesIn('second'), []);
});

test('data is imported to the stores that are named, or to all', async (t) => {
  const site = await startSite(t, (_, answer) => answer.end('from the web'));
  const stores = await makeStores(t, { third: { readOnly: true } });
  const cloud = await startTestCloud(t, { ...stores.settings, ...site.settings });
  const member = cloud.as('member');
  const staged = await member.post(images, rawBare);
  await stage(member, staged.id, 'some bytes');
  const path = `${images}/${staged.id}/import`;
  for (const body of [{ stores: ['elsewhere'] }, { stores: ['default', 'third'] }])
    await member.post(path, { ...direct, ...body }, 409);
  await member.post(path, { ...direct, stores: ['default'], all_stores: true }, 400);
  const both = {
    method: 'POST',
    path,
    body: { ...direct, stores: ['default'] },
    headers: { 'x-image-meta-store': 'second' },
  };
  t.is((await member.request(both)).status, 400);
  await member.post(path, { ...direct, stores: ['second', 'default', 'second'] }, 202);
  t.like(await member.get(`${images}/${staged.id}`), {
    status: 'importing',
    os_glance_importing_to_stores: 'second,default',
  });
  const fromWeb = await member.post(images, rawBare);
  await member.post(`${images}/${fromWeb.id}/import`, { ...download(site.url), all_stores: true }, 202);
  const one = await member.post(images, rawBare);
  await stage(member, one.id, 'some bytes');
  const named = { 'x-image-meta-store': 'second' };
  t.is(
    (await member.request({ method: 'POST', path: `${images}/${one.id}/import`, body: direct, headers: named })).status,
    202,
  );
  await cloud.settle();
  const done = { status: 'active', os_glance_importing_to_stores: '', os_glance_failed_import: '' };
  t.like(await member.get(`${images}/${staged.id}`), { ...done, stores: 'default,second' });
  t.like(await member.get(`${images}/${fromWeb.id}`), { ...done, stores: 'default,second', size: 12 });
  t.like(await member.get(`${images}/${one.id}`), { ...done, stores: 'second' });
  t.like((await taskOf(member, staged.id)).input, { backend: ['second', 'default'] });
  t.is((await stores.filesIn('second')).length, 3);
});

test('an image is copied to further stores, one after the other, and taken out of them again', async (t) => {
  const stores = await makeStores(t);
  const cloud = await startTestCloud(t, stores.settings);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { id } = await makeActive(member);
  const path = `${images}/${id}/import`;
  await member.post(path, copyTo(['second']), 403);
  await admin.post(path, copyTo(['elsewhere']), 409);
  await admin.post(path, copyTo(['default']), 400);
  await admin.post(`${images}/${(await member.post(images, rawBare)).id}/import`, copyTo(['second']), 409);
  await admin.post(path, copyTo(['second']), 202);
  t.like(await admin.get(`${images}/${id}`), { status: 'active', os_glance_importing_to_stores: 'second' });
  await admin.post(path, copyTo(['third']), 409);
  await admin.delete(`/image/v2/stores/default/${id}`, 409);
  await cloud.settle();
  t.like(await member.get(`${images}/${id}`), { stores: 'default,second', os_glance_importing_to_stores: '' });
  await admin.post(path, { method: { name: 'copy-image' }, all_stores: true }, 202);
  await cloud.settle();
  t.is((await member.get(`${images}/${id}`)).stores, 'default,second,third');
  await admin.post(path, { method: { name: 'copy-image' }, all_stores: true }, 202);
  t.is((await taskOf(admin, id)).status, 'success', 'there was nothing to do');

  await member.delete(`/image/v2/stores/second/${id}`, 403);
  await admin.delete(`/image/v2/stores/elsewhere/${id}`, 409);
  await admin.delete(`/image/v2/stores/default/${id}`);
  await admin.delete(`/image/v2/stores/default/${id}`, 404);
  t.is((await member.get(`${images}/${id}`)).stores, 'second,third');
  await cloud.settle();
  t.deepEqual(await stores.filesIn('default'), []);
  await admin.delete(`/image/v2/stores/second/${id}`);
  await admin.delete(`/image/v2/stores/third/${id}`, 403);
  t.is(await textOf(member, id), 'some bytes');
  await member.delete(`${images}/${id}`);
  await cloud.settle();
  await cloud.sweep();
  for (const store of ['default', 'second', 'third']) t.deepEqual(await stores.filesIn(store), [], store);
});

test('a store whose place has data of others takes nothing, the log says why, and the other stores go on', async (t) => {
  const stores = await makeStores(t);
  const theirs = randomUUID();
  await mkdir(stores.directoryOf('second'));
  await writeFile(join(stores.directoryOf('second'), theirs), 'of another cloud');
  const cloud = await startTestCloud(t, stores.settings);
  const member = cloud.as('member');
  await cloud.sweep();
  t.deepEqual(await stores.filesIn('second'), [theirs]);
  const said = cloud.logLines.find((line) => line.includes('sweep failed'));
  t.regex(
    said!,
    new RegExp(`${theirs}, of which this cloud does not know.*write .*/second into ${stores.directoryOf('second')}`),
  );
  const { id } = await member.post(images, rawBare);
  t.is((await uploadTo(member, id, 'second')).status, 503);
  t.is((await uploadTo(member, id, 'default')).status, 204);
  await cloud.sweep();
  t.is((await stores.filesIn('default')).length, 1);
  await member.delete(`${images}/${id}`);
  await cloud.settle();
  t.deepEqual(await stores.filesIn('default'), []);
});

test('a copy in a store that the configuration does not name any more does not count as one that is left', async (t) => {
  const stores = await makeStores(t);
  const cloud = await startTestCloud(t, stores.settings);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { id } = await makeActive(member);
  await cloud.db('image_copies').insert({ store: 'former', data_id: randomUUID(), image_id: id });
  t.is((await member.get(`${images}/${id}`)).stores, 'default,former');
  await admin.delete(`/image/v2/stores/default/${id}`, 403);
  await admin.post(`${images}/${id}/import`, copyTo(['second']), 202);
  await cloud.settle();
  await admin.delete(`/image/v2/stores/default/${id}`);
  t.is(await textOf(member, id), 'some bytes');
});

test('data is read from another store when one has lost it, and from the one that weighs most', async (t) => {
  const stores = await makeStores(t, { third: { weight: 10 } });
  const cloud = await startTestCloud(t, stores.settings);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { id } = await makeActive(member);
  await admin.post(`${images}/${id}/import`, copyTo(['second', 'third']), 202);
  await cloud.settle();
  const inStore = async (store: string) => join(stores.directoryOf(store), (await stores.filesIn(store))[0]!);
  const third = await inStore('third');
  await rm(third);
  await writeFile(third, 'other data');
  t.is(await textOf(member, id), 'other data', 'the third was read');
  await rm(third);
  t.is(await textOf(member, id), 'some bytes');
  await rm(await inStore('default'));
  const ranged = { method: 'GET', path: `${images}/${id}/file`, headers: { range: 'bytes=5-6' } };
  t.is((await member.request(ranged)).text, 'by');

  await admin.delete(`/image/v2/stores/second/${id}`, 403); // no other store has it any more
  t.is((await member.get(`${images}/${id}`)).stores, 'default,second,third');
  await admin.delete(`/image/v2/stores/third/${id}`);
  await rm(await inStore('second'));
  t.is((await member.request({ ...ranged, headers: {} })).status, 204, 'no store has it');
});
