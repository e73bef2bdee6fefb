import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { startLoop } from '../../common/reconcile/loop.ts';
import { openFileStore } from '../../image/stores/files/files.ts';
import type { ImageStore } from '../../image/stores/store.ts';
import { singleStore } from '../../image/stores/stores.ts';
import { makeActive } from '../../image/testing.ts';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { changeHost, findHostId, reportHost } from '../hosts/store.ts';
import { prepareCompute } from '../testing.ts';
import { diskImages } from './disks.ts';
import type { CacheLimits } from './limits.ts';
import { recordingLog } from './testing.ts';

const cache = '/image/v2/cache';
const anyNumber: CacheLimits = { maximumBytes: 0, unusedSeconds: 3600 };

/** Another host of the cloud, which has no file of the store. */
async function addHost(cloud: TestCloud, name: string, limits = anyNumber) {
  const { hostname: _, ...facts } = cloud.engines.host.facts;
  await reportHost(cloud.db, { name, address: '192.0.2.2', ...facts }, null);
  const files = openFileStore(join(cloud.config.dataDir, 'images'));
  const store: ImageStore = { ...files, localPath: async () => undefined };
  const directory = join(cloud.config.dataDir, name);
  const { log, lines } = recordingLog();
  const { reconciler } = diskImages({
    db: cloud.db,
    log,
    hostName: name,
    stores: singleStore(store),
    directory,
    limits,
  });
  const loop = startLoop(reconciler, { log, pollMs: 2 ** 30, sweepMs: 2 ** 30 });
  const path = (id: string) => join(directory, id);
  const has = (id: string) =>
    access(path(id)).then(
      () => true,
      () => false,
    );
  return { loop, lines, path, has };
}

test('each host that takes guests gets a queued image by itself, and tells what it has', async (t) => {
  const cloud = await startTestCloud(t);
  const { imageId } = await prepareCompute(t, cloud);
  const admin = cloud.as('admin');
  const other = await addHost(cloud, 'host-2');
  t.teardown(() => other.loop.stop());
  const disabled = await addHost(cloud, 'host-3');
  t.teardown(() => disabled.loop.stop());
  const hostId = (await findHostId(cloud.db, 'host-3')) ?? '';
  await changeHost(cloud.db, hostId, { isDisabled: true, disabledReason: 'maintenance' });
  await admin.put(`${cache}/${imageId}`, undefined, 202);
  await cloud.settle();
  // It is on one host, and still to come on another.
  t.like(await admin.get(cache), { cached_images: [{ image_id: imageId }], queued_images: [imageId] });
  await other.loop.settle();
  t.like(await admin.get(cache), { cached_images: [{ image_id: imageId, size: 1024 * 1024 }], queued_images: [] });
  t.true((await readFile(other.path(imageId))).equals(Buffer.alloc(1024 * 1024)));

  await admin.delete(`${cache}/${imageId}`);
  await other.loop.settle();
  t.false(await other.has(imageId));
  t.deepEqual(await cloud.db('host_images').pluck('image_id'), [imageId]); // the first host has not looked yet
  await cloud.settle();
  t.deepEqual(await cloud.db('host_images'), []);
  t.deepEqual(await cloud.db('host_image_wishes'), []);
});

test('a host tells what it really has, whatever its rows say, and keeps within its limits', async (t) => {
  const cloud = await startTestCloud(t);
  const { imageId } = await prepareCompute(t, cloud);
  const admin = cloud.as('admin');
  const mib = 2 ** 20;
  const second = (await makeActive(admin, {}, Buffer.alloc(mib, 2))).id;
  const { loop, lines, has, path } = await addHost(cloud, 'host-2', { maximumBytes: 1.5 * mib, unusedSeconds: 3600 });
  t.teardown(() => loop.stop());
  const hostId = (await cloud.db('compute_hosts').where({ name: 'host-2' }).first()).id;
  const rows = () => cloud.db('host_images').where({ host_id: hostId }).orderBy('image_id').pluck('image_id');

  await admin.put(`${cache}/${imageId}`, undefined, 202);
  await loop.settle();
  await cloud.db('host_images').where({ host_id: hostId }).delete();
  await loop.sweep();
  t.deepEqual(await rows(), [imageId]);
  await cloud
    .db('host_images')
    .where({ host_id: hostId })
    .update({ used_at: cloud.db.raw("now() - interval '30 minutes'") });
  await admin.put(`${cache}/${second}`, undefined, 202);
  await loop.settle(); // the new one is within the limit only without the old one
  t.deepEqual(await rows(), [second]);
  t.false(await has(imageId));
  await cloud
    .db('host_images')
    .where({ host_id: hostId })
    .update({ used_at: cloud.db.raw("now() - interval '2 hours'") });
  await loop.sweep();
  t.deepEqual(await rows(), []);
  t.false(await has(second));

  const large = (await makeActive(admin, {}, Buffer.alloc(2 * mib, 3))).id;
  await admin.put(`${cache}/${large}`, undefined, 202);
  await loop.settle();
  t.deepEqual(await rows(), []);
  t.true(lines.some((line) => line.includes('does not fit') && line.includes(large)));

  await admin.put(`${cache}/${second}`, undefined, 202);
  await cloud
    .db('images')
    .where({ id: second })
    .update({ sha512: 'f'.repeat(128) });
  await loop.settle();
  t.false(await has(second));
  t.true(lines.some((line) => line.includes('not what its checksum says') && line.includes(second)));
  t.deepEqual(await cloud.db('host_image_wishes').where({ host_id: hostId }), []); // until somebody asks again
  await writeFile(`${path(second)}.x.partial`, 'left by a killed process');
  await loop.sweep();
  t.false(await has(`${second}.x.partial`));
});

test('a server whose image is damaged tells so at once, and runs when the image is repaired', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, imageId } = await prepareCompute(t, cloud);
  const { sha512 } = await cloud.db('images').where({ id: imageId }).first('sha512');
  await cloud
    .db('images')
    .where({ id: imageId })
    .update({ sha512: 'f'.repeat(128) });
  const id = await createServer();
  await cloud.settle();
  const { status, fault } = await show(id);
  t.is(status, 'ERROR');
  t.regex(fault!.message, new RegExp(`The data of image ${imageId} is damaged`));
  t.is(cloud.engines.host.servers.size, 0);
  await t.throwsAsync(access(join(cloud.config.dataDir, 'compute', 'images', imageId)), { code: 'ENOENT' });
  await cloud.db('images').where({ id: imageId }).update({ sha512 });
  await cloud.settle();
  t.like(await show(id), { status: 'ACTIVE', fault: undefined });
});
