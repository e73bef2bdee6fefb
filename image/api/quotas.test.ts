import test from 'ava';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { direct, stage } from '../import/testing.ts';
import { filesOf, images, makeActive, openUpload, rawBare, until, upload } from '../testing.ts';

const mib = 2 ** 20;

/** Registers limits of the image service for everybody. */
async function limitTo(cloud: TestCloud, limits: Record<string, number>): Promise<void> {
  const admin = cloud.as('admin');
  const [service] = (await admin.get('/identity/v3/services?type=image')).services;
  const registered = Object.entries(limits).map(([resource_name, default_limit]) => ({
    service_id: service.id,
    resource_name,
    default_limit,
  }));
  await admin.post('/identity/v3/registered_limits', { registered_limits: registered });
}

test('what a project has and may have is told, and nothing limits it before somebody says so', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const nothing = { limit: -1, usage: 0 };
  t.deepEqual(await member.get('/image/v2/info/usage'), {
    usage: {
      image_size_total: nothing,
      image_stage_total: nothing,
      image_count_total: nothing,
      image_count_uploading: nothing,
    },
  });
  await makeActive(member, {}, Buffer.alloc(2 * mib + 1));
  await member.post(images, { name: 'queued' });
  await limitTo(cloud, { image_size_total: 1000, image_count_total: 7 });
  t.like((await member.get('/image/v2/info/usage')).usage, {
    image_size_total: { limit: 1000, usage: 2 },
    image_count_total: { limit: 7, usage: 2 },
  });
  t.is((await cloud.as('stranger').get('/image/v2/info/usage')).usage.image_count_total.usage, 0);
});

test('no project makes more images than it may, however many ask at once', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  await limitTo(cloud, { image_count_total: 3 });
  const asked = Array.from({ length: 10 }, () =>
    member.request({ method: 'POST', path: images, body: { name: 'one' } }),
  );
  const answers = await Promise.all(asked);
  t.deepEqual(answers.map(({ status }) => status).sort(), [201, 201, 201, ...Array(7).fill(413)]);
  await cloud.as('stranger').post(images, { name: 'another project has its own' });
  await member.delete(`${images}/${answers.find(({ status }) => status === 201)?.body.id}`);
  await member.post(images, { name: 'in its place' });
});

test('no project stores more than it may, and what is being deleted counts until it is gone', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  await limitTo(cloud, { image_size_total: 2 });
  const { id } = await makeActive(member, {}, Buffer.alloc(mib));
  const { id: second } = await member.post(images, { name: 'second', ...rawBare });
  t.is((await upload(member, second, Buffer.alloc(mib + 1))).status, 413);
  t.like(await member.get(`${images}/${second}`), { status: 'queued' });
  t.is((await filesOf(cloud)).length, 1);
  await member.delete(`${images}/${id}`);
  t.is((await upload(member, second, Buffer.alloc(mib + 1))).status, 413);
  await cloud.settle();
  t.is((await upload(member, second, Buffer.alloc(2 * mib))).status, 204);
});

test('uploads that go on at once together store no more than their project may', async (t) => {
  const cloud = await startTestCloud(t, { listenPort: 0 });
  await cloud.server.start();
  const member = cloud.as('member');
  await limitTo(cloud, { image_size_total: 1 });
  const ids = await Promise.all([0, 1].map(async () => (await member.post(images, rawBare)).id as string));
  const uploads = await Promise.all(ids.map((id) => openUpload(cloud, member, id)));
  for (const one of uploads) await one.send(Buffer.alloc(mib * 0.75));
  const saving = async (id: string) => (await member.get(`${images}/${id}`)).status === 'saving';
  for (const id of ids) await until(() => saving(id));
  const ended = await Promise.all(uploads.map((one) => one.finish()));
  t.deepEqual(ended.map(({ status }) => status).sort(), [204, 413]);
  t.is((await filesOf(cloud)).length, 1);
});

test('no project uploads more images at once than it may', async (t) => {
  const cloud = await startTestCloud(t, { listenPort: 0 });
  await cloud.server.start();
  const member = cloud.as('member');
  await limitTo(cloud, { image_count_uploading: 1 });
  const { id } = await member.post(images, rawBare);
  const { id: second } = await member.post(images, rawBare);
  const first = await openUpload(cloud, member, id);
  await first.send(Buffer.from('some'));
  await until(async () => (await member.get(`${images}/${id}`)).status === 'saving');
  t.is((await upload(member, second, 'bytes')).status, 413);
  t.is((await first.finish()).status, 204);
  t.is((await upload(member, second, 'bytes')).status, 204);
});

test('data that waits for its import counts among what is uploaded', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  await limitTo(cloud, { image_count_uploading: 1 });
  const { id } = await member.post(images, rawBare);
  const { id: second } = await member.post(images, rawBare);
  t.is((await stage(member, id, 'some bytes')).status, 204);
  t.is((await stage(member, second, 'bytes')).status, 413);
  await member.post(`${images}/${id}/import`, direct, 202);
  await cloud.settle();
  t.is((await stage(member, second, 'bytes')).status, 204);
});

test('data that waits for its import has a limit of its own, and counts until it is imported', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  await limitTo(cloud, { image_stage_total: 3 });
  const { id } = await member.post(images, rawBare);
  const { id: second } = await member.post(images, rawBare);
  t.is((await stage(member, id, Buffer.alloc(2 * mib, 1))).status, 204);
  const staged = async () => (await member.get('/image/v2/info/usage')).usage.image_stage_total;
  t.deepEqual(await staged(), { limit: 3, usage: 2 });
  const refused = await stage(member, second, Buffer.alloc(2 * mib, 1));
  t.is(refused.status, 413);
  t.regex(refused.body.error.message, /image_stage_total/);
  t.deepEqual(await staged(), { limit: 3, usage: 2 });
  await member.post(`${images}/${id}/import`, direct, 202);
  await cloud.settle();
  t.deepEqual(await staged(), { limit: 3, usage: 0 });
  t.is((await stage(member, second, Buffer.alloc(2 * mib, 1))).status, 204);
  await member.delete(`${images}/${second}`);
  await cloud.settle();
  t.deepEqual(await staged(), { limit: 3, usage: 0 });
});
