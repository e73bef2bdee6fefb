import test from 'ava';
import { startTestCloud } from '../../../tests/cloud.ts';
import { atVersion, uploadImage } from '../../testing.ts';
import { glanceQuery } from './images.ts';

const base = '/compute/v2.1/images';

test('images are listed, shown, described and deleted in the old form', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, stranger, reader] = [cloud.as('member'), cloud.as('stranger'), cloud.as('reader')];
  const blank = await uploadImage(t, cloud);
  const server = '0f000000-0000-4000-8000-00000000000a';
  const form = { disk_format: 'raw', container_format: 'bare', visibility: 'private', min_ram: 64 };
  const mine = (await member.post('/image/v2/images', { ...form, name: 'mine', instance_uuid: server, color: 'red' }))
    .id;

  const { image } = await reader.get(`${base}/${mine}`);
  t.like(image, { id: mine, name: 'mine', status: 'SAVING', progress: 25, minRam: 64, minDisk: 0 });
  t.deepEqual(image.metadata, { instance_uuid: server, color: 'red' });
  t.is(image.server.id, server);
  t.is(image.links.length, 3);
  t.like((await member.get(`${base}/${blank}`)).image, {
    status: 'ACTIVE',
    progress: 100,
    'OS-EXT-IMG-SIZE:size': 1024 * 1024,
    metadata: {},
  });
  t.deepEqual(await stranger.get(`${base}/${mine}`, 404), {
    itemNotFound: { code: 404, message: 'Image not found.' },
  });
  await member.get(`${base}/mine`, 404);

  const ids = async (query: string, suffix = '') =>
    (await member.get(`${base}${suffix}?${query}`)).images.map((one: { id: string }) => one.id);
  t.deepEqual(await ids(''), [mine, blank]);
  t.deepEqual(await ids('status=ACTIVE'), [blank]);
  t.deepEqual(await ids(`server=http://cloud/servers/${server}`, '/detail'), [mine]);
  t.deepEqual(await ids('property-color=red&minRam=64&name=mine&changes-since=2020-01-01T00:00:00Z'), [mine]);
  t.deepEqual(await ids('unknown=1&type=snapshot'), []);
  const page = await member.get(`${base}?limit=1`);
  t.deepEqual(Object.keys(page.images[0]), ['id', 'name', 'links']);
  t.true(page.images_links[0].href.endsWith(`/compute/v2.1/images?limit=1&marker=${mine}`), page.images_links[0].href);
  await member.get(`${base}?limit=0`, 400);
  await member.get(`${base}?changes-since=soon`, 400);

  const metadata = `${base}/${mine}/metadata`;
  const last = atVersion(member, '2.38');
  t.deepEqual(await last.get(metadata), { metadata: image.metadata });
  t.deepEqual(await member.post(metadata, { metadata: { color: 'blue', os: 'x' } }, 200), {
    metadata: { instance_uuid: server, color: 'blue', os: 'x' },
  });
  t.deepEqual(await member.put(metadata, { metadata: { a: '1', b: '2' } }), { metadata: { a: '1', b: '2' } });
  t.deepEqual(await member.put(`${metadata}/c`, { meta: { c: '3' } }), { meta: { c: '3' } });
  t.is(
    (await member.put(`${metadata}/c`, { meta: { d: '3' } }, 400)).badRequest.message,
    'Request body and URI mismatch',
  );
  t.deepEqual(await member.get(`${metadata}/c`), { meta: { c: '3' } });
  await member.delete(`${metadata}/a`);
  await member.delete(`${metadata}/a`, 404);
  await member.get(`${metadata}/constructor`, 404);
  t.deepEqual(await member.get(metadata), { metadata: { b: '2', c: '3' } });
  await atVersion(member, '2.39').get(metadata, 404);

  for (const key of ['owner', 'visibility', 'status', 'os_glance_x'])
    await member.post(metadata, { metadata: { [key]: 'public' } }, 403);
  await member.post(metadata, { metadata: { n: 1 } }, 400);
  await member.put(`${base}/${blank}/metadata`, { metadata: {} }, 403); // theirs to see alone
  await stranger.put(metadata, { metadata: {} }, 404);
  await reader.put(metadata, { metadata: {} }, 403);
  await cloud.as('admin').put(`/compute/v2.1/os-quota-sets/${member.projectId}`, { quota_set: { metadata_items: 2 } });
  t.is(
    (await member.put(`${metadata}/d`, { meta: { d: '4' } }, 403)).forbidden.message,
    'Image metadata limit exceeded',
  );

  t.regex((await member.delete(`${base}/${blank}`, 403)).forbidden.message, /^You are not allowed to delete the image/);
  await stranger.delete(`${base}/${mine}`, 404);
  await member.delete(`${base}/${mine}`);
  await member.delete(`${base}/${mine}`, 404);
});

test('filters of images become those of the service that has them', (t) => {
  t.deepEqual(glanceQuery({ status: 'ACTIVE', 'changes-since': '2026-01-01', server: '/a/b', minDisk: '2', x: 'y' }), {
    status: 'active',
    updated_at: 'gte:2026-01-01',
    instance_uuid: 'b',
    min_disk: '2',
  });
  t.deepEqual(glanceQuery({ 'property-os': ['a', 'b'], 'property-': 'c' }), { os: 'b' });
});
