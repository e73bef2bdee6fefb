import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { openFileStore } from '../stores/files/files.ts';
import { singleStore } from '../stores/stores.ts';
import { images, makeActive, rawBare } from '../testing.ts';
import { existingImages, getImageData, getUsableImage, openImageData } from './use.ts';

const sourceOf = (cloud: TestCloud) => ({
  db: cloud.db,
  stores: singleStore(openFileStore(join(cloud.config.dataDir, 'images'))),
});

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
  const source = sourceOf(cloud);
  for (const use of [getUsableImage(cloud.db, 'everyone', id), openImageData(source, id), getImageData(source, id)])
    await t.throwsAsync(use, { instanceOf: BadRequest, message: /is not active: it is queued/ });
});

test('the data of an image can be had from its store, with what it was when it was accepted, until it is deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id, os_hash_value: sha512 } = await makeActive(member);
  const data = await getImageData(sourceOf(cloud), id);
  t.like(data, { sizeBytes: 10, sha512 });
  t.is(await text(await data.open()), 'some bytes');
  t.is(await text(await data.open({ first: 5, last: 9 })), 'bytes');
  t.is(await readFile((await data.localPath())!, 'utf8'), 'some bytes');
  const other = randomUUID();
  t.deepEqual(await existingImages(cloud.db, [id, other]), new Set([id]));
  await member.delete(`${images}/${id}`);
  t.deepEqual(await existingImages(cloud.db, [id, other]), new Set());
  await t.throwsAsync(getImageData(sourceOf(cloud), id), { instanceOf: NotFound });
});
