import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { openFileStore } from '../stores/files/files.ts';
import type { ImageStore } from '../stores/store.ts';
import { images, makeActive, rawBare } from '../testing.ts';
import { getUsableImage, openImageData, placeImageData } from './use.ts';

const sourceOf = (cloud: TestCloud) => ({ db: cloud.db, store: openFileStore(join(cloud.config.dataDir, 'images')) });

async function makeDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'image-use-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return directory;
}

test('an active image can be used by those who see it', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await makeActive(member, { min_ram: 64, min_disk: 1, hw_disk_bus: 'virtio' });
  t.deepEqual(await getUsableImage(cloud.db, { projectId: member.projectId }, id), {
    id,
    name: 'active',
    diskFormat: 'raw',
    containerFormat: 'bare',
    sizeBytes: 10,
    virtualSizeBytes: 10,
    minDiskGib: 1,
    minRamMib: 64,
    properties: { hw_disk_bus: 'virtio' },
  });
  await t.notThrowsAsync(getUsableImage(cloud.db, 'everyone', id));
  const stranger = { projectId: cloud.as('stranger').projectId };
  await t.throwsAsync(getUsableImage(cloud.db, stranger, id), { instanceOf: NotFound });
  await t.throwsAsync(getUsableImage(cloud.db, stranger, 'no-uuid'), { instanceOf: NotFound });
});

test('an image without data cannot be used', async (t) => {
  const cloud = await startTestCloud(t);
  const { id } = await cloud.as('member').post(images, rawBare);
  for (const use of [getUsableImage(cloud.db, 'everyone', id), openImageData(sourceOf(cloud), id)])
    await t.throwsAsync(use, { instanceOf: BadRequest, message: /is not active: it is queued/ });
});

test('data placed on a host is whole, costs nothing on the same file system, and outlives the image', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await makeActive(member);
  const directory = await makeDirectory(t);
  const path = join(directory, 'deeper', 'image');
  await placeImageData(sourceOf(cloud), id, path);
  await placeImageData(sourceOf(cloud), id, path);
  t.is((await stat(path)).nlink, 2);
  await member.delete(`${images}/${id}`);
  await cloud.settle();
  t.is(await readFile(path, 'utf8'), 'some bytes');
  t.deepEqual(await readdir(join(directory, 'deeper')), ['image']);
  await t.throwsAsync(placeImageData(sourceOf(cloud), id, path), { instanceOf: NotFound });
});

test('data is copied from a store without files on this host', async (t) => {
  const cloud = await startTestCloud(t);
  const { id } = await makeActive(cloud.as('member'));
  const { db, store } = sourceOf(cloud);
  const remote: ImageStore = { ...store, localPath: async () => undefined };
  const path = join(await makeDirectory(t), 'image');
  await placeImageData({ db, store: remote }, id, path);
  t.is(await readFile(path, 'utf8'), 'some bytes');
  t.is((await stat(path)).nlink, 1);
});

test('data that cannot be read to its end is not placed', async (t) => {
  const cloud = await startTestCloud(t);
  const { id } = await makeActive(cloud.as('member'));
  const { db, store } = sourceOf(cloud);
  const broken: ImageStore = {
    ...store,
    localPath: async () => undefined,
    async open(dataId) {
      const stream = await store.open(dataId);
      stream.on('data', () => stream.destroy(new Error('the line broke')));
      return stream;
    },
  };
  const directory = await makeDirectory(t);
  await t.throwsAsync(placeImageData({ db, store: broken }, id, join(directory, 'image')), { message: /line broke/ });
  t.deepEqual(await readdir(directory), []);
});
