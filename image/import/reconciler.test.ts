import { randomUUID } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { pino } from 'pino';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { defaultLimits } from '../inspection/inspector.ts';
import { openFileStore } from '../stores/files/files.ts';
import type { ImageStore } from '../stores/store.ts';
import { singleStore } from '../stores/stores.ts';
import { findTask } from '../tasks/store.ts';
import { filesOf, images, rawBare } from '../testing.ts';
import { type ImportDeps, importReconciler } from './reconciler.ts';
import { importSettings } from './settings.ts';
import { claimImport, failImport, finishImport, type Imported } from './store.ts';
import { direct, download, stage, stagedFiles, startSite, taskOf } from './testing.ts';

const storeOf = (cloud: TestCloud) => openFileStore(join(cloud.config.dataDir, 'images'));

const depsOf = (cloud: TestCloud, over: Partial<ImportDeps> = {}): ImportDeps => ({
  db: cloud.db,
  region: cloud.config.region,
  log: pino({ level: 'silent' }),
  stores: singleStore(storeOf(cloud)),
  staging: openFileStore(join(cloud.config.dataDir, 'staging')),
  imports: importSettings(cloud.config),
  conversionDirectory: join(cloud.config.dataDir, 'conversions'),
  inspection: defaultLimits,
  imageSizeCap: cloud.config.imageSizeCap,
  ...over,
});

/** An image with staged data and an import that nobody has begun. */
async function prepare(cloud: TestCloud) {
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  await stage(member, id, 'some bytes');
  await member.post(`${images}/${id}/import`, direct, 202);
  return { id: id as string, task: (await taskOf(member, id)).id as string };
}

const killed = async (): Promise<never> => {
  throw new Error('killed');
};

test('an import that was interrupted at any point is carried out by whoever comes next', async (t) => {
  const cloud = await startTestCloud(t);
  const { staging } = depsOf(cloud);
  const store = storeOf(cloud);
  const points: Record<string, Partial<ImportDeps>> = {
    'before it read anything': { staging: { ...staging, open: killed } },
    'before it stored anything': { stores: singleStore({ ...store, put: killed }) },
    'after it had stored everything': {
      stores: singleStore({
        ...store,
        put: async (...given: Parameters<ImageStore['put']>) => {
          await store.put(...given);
          return await killed();
        },
      }),
    },
  };
  for (const [point, over] of Object.entries(points)) {
    const { id, task } = await prepare(cloud);
    const died = importReconciler(depsOf(cloud, over)).reconcile(task);
    await t.throwsAsync(died, { message: 'killed' }, point);
    t.like(await cloud.as('member').get(`${images}/${id}`), { status: 'importing' }, point);
    await cloud.settle();
    t.like(await cloud.as('member').get(`${images}/${id}`), { status: 'active', size: 10 }, point);
    t.is((await taskOf(cloud.as('member'), id)).status, 'success', point);
  }
  await cloud.sweep();
  t.is((await filesOf(cloud)).length, Object.keys(points).length);
  t.deepEqual(await stagedFiles(cloud), []);
});

test('killed after the image became active, the staged data is swept and the image stays', async (t) => {
  const cloud = await startTestCloud(t);
  const { staging } = depsOf(cloud);
  const { id, task } = await prepare(cloud);
  await importReconciler(depsOf(cloud, { staging: { ...staging, remove: killed } }))
    .reconcile(task)
    .catch(() => {});
  t.like(await cloud.as('member').get(`${images}/${id}`), { status: 'active' });
  t.is((await stagedFiles(cloud)).length, 1);
  await cloud.settle();
  await cloud.sweep();
  t.deepEqual(await stagedFiles(cloud), []);
  t.is((await cloud.as('member').request({ method: 'GET', path: `${images}/${id}/file` })).text, 'some bytes');
});

test('an attempt that another took over from can neither finish nor fail', async (t) => {
  const cloud = await startTestCloud(t);
  const { id, task } = await prepare(cloud);
  const asked = (await findTask(cloud.db, task))!;
  const [first, second] = [randomUUID(), randomUUID()];
  await claimImport(cloud.db, asked, first);
  await claimImport(cloud.db, asked, second);
  const data = { sizeBytes: 1, md5: '', sha512: '', virtualSizeBytes: 1 };
  const imported: Imported = { data, diskFormat: 'raw', stores: ['default'] };
  t.false(await finishImport(depsOf(cloud), asked, first, imported));
  t.false(await failImport(cloud.db, asked, first, 'late'));
  t.like(await cloud.as('member').get(`${images}/${id}`), { status: 'importing', size: null });
  t.true(await finishImport(depsOf(cloud), asked, second, imported));
  t.false(await finishImport(depsOf(cloud), asked, second, imported));
  t.like(await cloud.as('member').get(`${images}/${id}`), { status: 'active', size: 1 });
});

test('a process that ends breaks its import off, and the next one begins it anew', async (t) => {
  const isAsked = Promise.withResolvers<void>();
  let asked = 0;
  const site = await startSite(t, (_, answer) => {
    asked += 1;
    if (asked > 1) return answer.end('all of it');
    answer.write('the beginning');
    isAsked.resolve();
    return answer;
  });
  const cloud = await startTestCloud(t, site.settings);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  await member.post(`${images}/${id}/import`, download(site.url), 202);
  const reconciler = importReconciler(depsOf(cloud));
  const step = reconciler.reconcile((await taskOf(member, id)).id);
  await isAsked.promise;
  reconciler.stop?.();
  await step;
  t.is((await taskOf(member, id)).status, 'processing');
  await cloud.settle();
  t.like(await member.get(`${images}/${id}`), { status: 'active', size: 9 });
});

test('staged data goes with its image; what is nobody’s goes too; a task is forgotten when its time is over', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await prepare(cloud);
  const kept = await member.post(images, rawBare);
  await stage(member, kept.id, 'kept');
  await depsOf(cloud).staging.put(randomUUID(), (async function* () {})());
  t.is((await stagedFiles(cloud)).length, 3);
  const conversions = join(cloud.config.dataDir, 'conversions');
  await mkdir(conversions);
  await writeFile(join(conversions, randomUUID()), 'half of it');
  await member.delete(`${images}/${id}`);
  await cloud.settle();
  await cloud.sweep();
  t.is((await stagedFiles(cloud)).length, 1);
  t.deepEqual(await readdir(conversions), []);
  t.like(await member.get(`${images}/${kept.id}`), { status: 'uploading' });
  await cloud.db('image_tasks').update({ expires_at: cloud.db.raw(`now() - interval '1 second'`) });
  await cloud.sweep();
  t.deepEqual((await cloud.as('admin').get('/image/v2/tasks')).tasks, []);
});

test('an import that nobody survives is given up', async (t) => {
  const cloud = await startTestCloud(t);
  const { id, task } = await prepare(cloud);
  await cloud.db('image_tasks').where({ id: task }).update({ attempts: 5 });
  await cloud.settle();
  t.like(await cloud.as('member').get(`${images}/${id}`), { status: 'queued', os_glance_failed_import: 'default' });
  t.is((await taskOf(cloud.as('member'), id)).status, 'failure');
});
