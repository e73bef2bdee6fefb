import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import test from 'ava';
import { pino } from 'pino';
import type { Knex } from '../../common/database/database.ts';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { openFileStore } from '../stores/files/files.ts';
import type { ImageStore } from '../stores/store.ts';
import { singleStore } from '../stores/stores.ts';
import { filesOf, images, makeActive, rawBare, until, upload } from '../testing.ts';
import { imageReconciler } from './reconciler.ts';
import { finishUpload, keepUploadAlive, requestDeletion, startUpload } from './store.ts';

async function* bytesOf(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

const storeOf = (cloud: TestCloud) => openFileStore(join(cloud.config.dataDir, 'images'));
const log = pino({ level: 'silent' });
const loopOf = ({ db }: TestCloud, store: ImageStore) => imageReconciler({ db, stores: singleStore(store), log });

/** An upload as a process leaves it that is killed after it has stored everything, seen last so many seconds ago. */
async function leaveUpload(cloud: TestCloud, id: string, secondsAgo: number): Promise<string> {
  const uploadId = randomUUID();
  await startUpload(cloud.db, id, uploadId, 'default');
  await storeOf(cloud).put(uploadId, bytesOf('left behind'));
  await cloud.db.raw('update images set upload_seen_at = now() - make_interval(secs => ?) where id = ?', [
    secondsAgo,
    id,
  ]);
  return uploadId;
}

test('an upload whose process died is given up, and its data removed', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  await leaveUpload(cloud, id, 60);
  t.is((await member.get(`${images}/${id}`)).status, 'saving');
  await cloud.settle();
  t.like(await member.get(`${images}/${id}`), { status: 'queued', size: null });
  t.deepEqual(await filesOf(cloud), []);
  t.is((await upload(member, id, 'better bytes')).status, 204);
});

test('an upload that was heard of lately is left alone', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  const uploadId = await leaveUpload(cloud, id, 5);
  await cloud.settle();
  await cloud.sweep();
  t.is((await member.get(`${images}/${id}`)).status, 'saving');
  t.deepEqual(await filesOf(cloud), [uploadId]);
});

test('an upload that was given up cannot finish any more', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  const uploadId = await leaveUpload(cloud, id, 60);
  await cloud.settle();
  const data = { sizeBytes: 1, md5: '', sha512: '', virtualSizeBytes: 1 };
  t.false(await finishUpload(cloud.db, id, uploadId, data, ['default']));
  t.is((await member.get(`${images}/${id}`)).status, 'queued');
});

/** Lets the loop see a lost upload, then commits what the upload itself did meanwhile. */
async function comeBackUnderTheLoop(cloud: TestCloud, id: string, comeBack: (trx: Knex) => Promise<unknown>) {
  const trx = await cloud.db.transaction();
  try {
    await comeBack(trx);
    const reconciled = loopOf(cloud, storeOf(cloud)).reconcile(id);
    await until(async () => {
      const { rows } = await cloud.db.raw(
        `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rows.length > 0;
    });
    await trx.commit();
    await reconciled;
  } finally {
    if (!trx.isCompleted()) await trx.rollback();
  }
}

test('an upload that finishes while it is being given up keeps its data', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  const uploadId = await leaveUpload(cloud, id, 60);
  const data = { sizeBytes: 11, md5: '', sha512: '', virtualSizeBytes: 11 };
  await comeBackUnderTheLoop(cloud, id, (trx) => finishUpload(trx, id, uploadId, data, ['default']));
  t.is((await member.get(`${images}/${id}`)).status, 'active');
  t.deepEqual(await filesOf(cloud), [uploadId]);
});

test('an upload that is heard of while it is being given up goes on', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  const uploadId = await leaveUpload(cloud, id, 60);
  await comeBackUnderTheLoop(cloud, id, (trx) => keepUploadAlive(trx, id, uploadId));
  t.is((await member.get(`${images}/${id}`)).status, 'saving');
  t.deepEqual(await filesOf(cloud), [uploadId]);
});

test('a deleted image loses its data and its row', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const kept = await makeActive(member);
  const { id } = await makeActive(member);
  t.is((await filesOf(cloud)).length, 2);
  await member.delete(`${images}/${id}`);
  await cloud.settle();
  t.is((await filesOf(cloud)).length, 1);
  t.deepEqual(await cloud.db('images').pluck('id'), [kept.id]);
  t.is((await member.get(`${images}/${kept.id}/file`)) ?? '', '', 'and the other image has its data still');
});

test('a deletion that was interrupted at any point goes on', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const real = storeOf(cloud);
  for (const dieAt of ['before', 'after'] as const) {
    const { id } = await makeActive(member);
    await requestDeletion(cloud.db, id);
    const dying = {
      ...real,
      async remove(dataId: string) {
        if (dieAt === 'after') await real.remove(dataId);
        throw new Error('killed');
      },
    };
    await t.throwsAsync(loopOf(cloud, dying).reconcile(id), { message: 'killed' });
    t.is((await cloud.db('images').where({ id })).length, 1);
    await cloud.settle();
    t.is((await cloud.db('images').where({ id })).length, 0);
    t.deepEqual(await filesOf(cloud), []);
  }
});

test('an upload that was given up but not yet removed is found by the sweep', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  await leaveUpload(cloud, id, 60);
  const real = storeOf(cloud);
  const dying = {
    ...real,
    async remove() {
      throw new Error('killed');
    },
  };
  await t.throwsAsync(loopOf(cloud, dying).reconcile(id), { message: 'killed' });
  t.is((await member.get(`${images}/${id}`)).status, 'queued');
  const active = await makeActive(member);
  t.is((await filesOf(cloud)).length, 2);
  await cloud.sweep();
  t.is((await filesOf(cloud)).length, 1);
  t.is((await member.request({ method: 'GET', path: `${images}/${active.id}/file` })).text, 'some bytes');
});

test('data without a row is swept, whoever left it', async (t) => {
  const cloud = await startTestCloud(t);
  await storeOf(cloud).put(randomUUID(), bytesOf('nobody’s'));
  await cloud.sweep();
  t.deepEqual(await filesOf(cloud), []);
});

test('working twice on the same image changes nothing more', async (t) => {
  const cloud = await startTestCloud(t);
  const { id } = await makeActive(cloud.as('member'));
  const reconciler = loopOf(cloud, storeOf(cloud));
  const before = await cloud.db('images').where({ id }).first();
  for (const _ of [1, 2]) await reconciler.reconcile(id);
  await reconciler.reconcile(randomUUID());
  t.deepEqual(await cloud.db('images').where({ id }).first(), before);
  t.deepEqual(await reconciler.pending(10), []);
});

test('a store that fails keeps the image until it works again', async (t) => {
  const cloud = await startTestCloud(t);
  const { id } = await makeActive(cloud.as('member'));
  await requestDeletion(cloud.db, id);
  const broken = {
    ...storeOf(cloud),
    async remove() {
      throw new Error('the disk is away');
    },
  };
  const reconciler = loopOf(cloud, broken);
  await t.throwsAsync(reconciler.reconcile(id));
  t.deepEqual(await reconciler.pending(10), [id]);
  await cloud.settle();
  t.deepEqual(await reconciler.pending(10), []);
});
