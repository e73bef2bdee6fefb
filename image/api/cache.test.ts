import { randomUUID } from 'node:crypto';
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { prepareContainers } from '../../compute/containers/testing.ts';
import { prepareCompute } from '../../compute/testing.ts';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { images, makeActive, rawBare } from '../testing.ts';

const cache = '/image/v2/cache';

function clear(cloud: TestCloud, target: string) {
  const headers = { 'x-image-cache-clear-target': target };
  return cloud.as('admin').request({ method: 'DELETE', path: cache, headers });
}

const idsOf = ({ cached_images }: { cached_images: { image_id: string }[] }) =>
  cached_images.map(({ image_id }) => image_id);

test('an image that an administrator queues comes to the host, and goes when it is told to', async (t) => {
  const cloud = await startTestCloud(t);
  await cloud.settle(); // the host reports
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { id } = await makeActive(member);
  const file = join(cloud.config.dataDir, 'compute', 'images', id);
  t.deepEqual(await admin.get(cache), { cached_images: [], queued_images: [] });

  await member.get(cache, 403);
  await member.put(`${cache}/${id}`, undefined, 403);
  await member.delete(`${cache}/${id}`, 403);
  await member.delete(cache, 403);
  const { id: empty } = await member.post(images, rawBare);
  await admin.put(`${cache}/${empty}`, undefined, 400);
  for (const absent of [randomUUID(), 'no-uuid']) {
    await admin.put(`${cache}/${absent}`, undefined, 404);
    await admin.delete(`${cache}/${absent}`, 404);
  }

  await admin.put(`${cache}/${id}`, undefined, 202);
  await admin.put(`${cache}/${id}`, undefined, 202); // again: no error
  t.deepEqual(await admin.get(cache), { cached_images: [], queued_images: [id] });
  await cloud.settle();
  const { cached_images: cached, queued_images: queued } = await admin.get(cache);
  t.deepEqual(queued, []);
  t.like(cached, { length: 1, 0: { image_id: id, hits: 0, size: 10 } });
  t.true(Math.abs(cached[0].last_accessed - Date.now() / 1000) < 60);
  t.is(cached[0].last_modified, cached[0].last_accessed);
  await access(file);
  await admin.put(`${cache}/${id}`, undefined, 202); // the host has it
  t.deepEqual((await admin.get(cache)).queued_images, []);

  await admin.delete(`${cache}/${id}`);
  t.deepEqual(await admin.get(cache), { cached_images: [], queued_images: [] });
  await admin.put(`${cache}/${id}`, undefined, 202); // changed their mind
  await cloud.settle();
  t.deepEqual(idsOf(await admin.get(cache)), [id]);
  await admin.delete(`${cache}/${id}`);
  await cloud.settle();
  await t.throwsAsync(access(file), { code: 'ENOENT' });
  await admin.delete(`${cache}/${id}`); // an image that is nowhere: no error
});

test('what is cleared is what was asked for', async (t) => {
  const cloud = await startTestCloud(t);
  await cloud.settle();
  const admin = cloud.as('admin');
  const [here, queued] = [await makeActive(admin), await makeActive(admin)].map(({ id }) => id as string);
  await admin.put(`${cache}/${here}`, undefined, 202);
  await cloud.settle();
  await admin.put(`${cache}/${queued}`, undefined, 202);

  const refused = await clear(cloud, 'both');
  t.is(refused.status, 400);
  t.regex(refused.text, /must be 'cache', 'queue' or empty string/);
  t.is((await clear(cloud, 'queue')).status, 204);
  t.like(await admin.get(cache), { queued_images: [] });
  t.deepEqual(idsOf(await admin.get(cache)), [here]);
  await admin.put(`${cache}/${queued}`, undefined, 202);
  t.is((await clear(cloud, 'Cache')).status, 204);
  t.deepEqual(await admin.get(cache), { cached_images: [], queued_images: [queued] });
  await admin.put(`${cache}/${here}`, undefined, 202);
  await admin.delete(cache);
  t.deepEqual(await admin.get(cache), { cached_images: [], queued_images: [] });
  await cloud.settle();
  t.deepEqual(await readdir(join(cloud.config.dataDir, 'compute', 'images')), []);
});

test('an image that servers stand on stays, whoever deletes it from the cache or from the cloud', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, imageId } = await prepareCompute(t, cloud);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const file = join(cloud.config.dataDir, 'compute', 'images', imageId);
  const [first, second] = [await createServer(), await createServer()];
  await cloud.settle();
  t.like(await admin.get(cache), { cached_images: [{ image_id: imageId, hits: 1 }] }); // the second found it there
  await admin.delete(`${cache}/${imageId}`);
  await cloud.settle();
  t.deepEqual(idsOf(await admin.get(cache)), [imageId]);

  await admin.delete(`${images}/${imageId}`);
  await cloud.settle();
  await cloud.sweep();
  await access(file);
  await admin.put(`${cache}/${imageId}`, undefined, 404);
  const { id: _, ...again } = { id: imageId, name: 'another', ...rawBare };
  await member.post(images, { id: imageId, ...again }, 409); // nobody gets other data under its id
  await member.post(`/compute/v2.1/servers/${first}/action`, { reboot: { type: 'HARD' } }, 202);
  await cloud.settle();
  t.is((await show(first)).status, 'ACTIVE');

  await member.delete(`/compute/v2.1/servers/${first}`);
  await cloud.settle();
  await cloud.sweep();
  await access(file);
  await member.delete(`/compute/v2.1/servers/${second}`);
  await cloud.settle();
  await cloud.sweep(); // at once: it cannot be asked for any more
  await t.throwsAsync(access(file), { code: 'ENOENT' });
  t.deepEqual(await admin.get(cache), { cached_images: [], queued_images: [] });
});

test("that a host has a project's image helps nobody else to it", async (t) => {
  const cloud = await startTestCloud(t);
  const { flavorId } = await prepareCompute(t, cloud);
  const { id } = await makeActive(cloud.as('member'), { visibility: 'private' }, Buffer.alloc(1024));
  await cloud.as('admin').put(`${cache}/${id}`, undefined, 202);
  await cloud.settle();
  const asked = async (imageRef: string) => {
    const body = { server: { name: 'x', imageRef, flavorRef: flavorId } };
    const { status, text } = await cloud
      .as('stranger')
      .request({ method: 'POST', path: '/compute/v2.1/servers', body });
    return { status, text: text.replaceAll(imageRef, 'ID') };
  };
  const refused = await asked(id);
  t.is(refused.status, 400);
  t.deepEqual(refused, await asked(randomUUID()));
});

test('images of containers are brought to their engine in the same way', async (t) => {
  const cloud = await startTestCloud(t);
  const { run, ask, host, imageId } = await prepareContainers(t, cloud);
  const admin = cloud.as('admin');
  await admin.put(`${cache}/${imageId}`, undefined, 202);
  await cloud.settle();
  t.true(host.images.has(imageId));
  t.deepEqual(await readdir(join(cloud.config.dataDir, 'compute', 'container-images')), []);
  const id = await run();
  await cloud.settle();
  t.like(await admin.get(cache), { cached_images: [{ image_id: imageId, hits: 1 }] });
  await admin.delete(cache);
  await cloud.settle();
  t.true(host.images.has(imageId));
  await ask('DELETE', `/${id}?stop=true`, 204);
  await cloud.settle();
  await cloud.sweep();
  t.true(host.images.has(imageId)); // the next container may want it
  await admin.delete(cache);
  await cloud.settle();
  t.false(host.images.has(imageId));

  await Promise.all([run(), run(), run()]); // each brings it
  await cloud.settle();
  t.deepEqual(idsOf(await admin.get(cache)), [imageId]);
  t.deepEqual(
    cloud.logLines.filter((line) => line.includes('reconcile failed')),
    [],
  );
});
