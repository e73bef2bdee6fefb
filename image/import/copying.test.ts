import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { OverQuota, Unavailable } from '../../common/errors.ts';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { defaultLimits } from '../inspection/inspector.ts';
import { openFileStore } from '../stores/files/files.ts';
import type { ImageStore } from '../stores/store.ts';
import { makeStores, storesLike, type TestStores } from '../stores/testing.ts';
import { images, makeActive, rawBare } from '../testing.ts';
import { type ImportDeps, importReconciler } from './reconciler.ts';
import { importSettings } from './settings.ts';
import { direct, stage, taskOf } from './testing.ts';

type Over = Parameters<typeof storesLike>[1];

const copyTo = (stores: string[], more: object = {}) => ({ method: { name: 'copy-image' }, stores, ...more });
const failing = (make: () => Error) => () => ({
  put: async () => {
    throw make();
  },
});
const away = failing(() => new Unavailable('The store does not answer.'));
const full = failing(() => new OverQuota('The store is full.'));

async function makeGround(t: ExecutionContext) {
  const stores = await makeStores(t);
  const cloud = await startTestCloud(t, stores.settings);
  await cloud.sweep(); // marks the stores as the cloud's, before the test puts anything there by itself
  const depsOf = (over: Over): ImportDeps => ({
    db: cloud.db,
    region: cloud.config.region,
    log: pino({ level: 'silent' }),
    stores: storesLike(stores, over),
    staging: openFileStore(join(cloud.config.dataDir, 'staging')),
    imports: importSettings(cloud.config),
    conversionDirectory: join(cloud.config.dataDir, 'conversions'),
    inspection: defaultLimits,
    imageSizeCap: cloud.config.imageSizeCap,
  });
  return {
    ...{ stores, cloud, admin: cloud.as('admin'), member: cloud.as('member') },
    /** One attempt, by a process whose stores are as said. */
    attempt: async (over: Over, id: string) => {
      const { id: task } = await taskOf(cloud.as('admin'), id);
      await importReconciler(depsOf(over)).reconcile(task);
    },
  };
}

const show = async (cloud: TestCloud, id: string) => await cloud.as('member').get(`${images}/${id}`);

/** No store has anything that no image knows, and each has all that images say. */
async function assertClean(t: ExecutionContext, cloud: TestCloud, stores: TestStores): Promise<void> {
  await cloud.settle();
  await cloud.sweep();
  for (const store of ['default', 'second', 'third']) {
    const known: string[] = await cloud.db('image_copies').where({ store }).pluck('data_id');
    t.deepEqual(await stores.filesIn(store), known.sort(), store);
  }
}

test('copying that was interrupted at any point goes on, and keeps what it had finished', async (t) => {
  const { cloud, stores, admin, member, attempt } = await makeGround(t);
  const killed = async (): Promise<never> => {
    throw new Error('killed');
  };
  const points: Record<string, Over> = {
    'before it read anything': { default: () => ({ open: killed }) },
    'before the first was stored': { second: () => ({ put: killed }) },
    'before the second was stored': { third: () => ({ put: killed }) },
    'after the second was stored': {
      third: (real: ImageStore) => ({
        put: async (...given) => {
          await real.put(...given);
          return await killed();
        },
      }),
    },
  };
  for (const [point, over] of Object.entries(points)) {
    const { id } = await makeActive(member);
    await admin.post(`${images}/${id}/import`, copyTo(['second', 'third']), 202);
    await t.throwsAsync(attempt(over, id), undefined, point);
    const isHalf = point.includes('second was');
    t.like(await show(cloud, id), { status: 'active', stores: isHalf ? 'default,second' : 'default' }, point);
    await cloud.settle();
    t.like(await show(cloud, id), { stores: 'default,second,third', os_glance_importing_to_stores: '' }, point);
    t.is((await taskOf(admin, id)).status, 'success', point);
  }
  await assertClean(t, cloud, stores);
});

test('a store that cannot take the data undoes all of the copying, or is left out, as it was asked for', async (t) => {
  const { cloud, stores, admin, member, attempt } = await makeGround(t);
  const { id } = await makeActive(member);
  const path = `${images}/${id}/import`;
  await admin.post(path, copyTo(['second', 'third']), 202);
  await attempt({ third: full }, id);
  t.like(await show(cloud, id), { status: 'active', stores: 'default', os_glance_failed_import: 'third' });
  const undone = await taskOf(admin, id);
  t.is(undone.status, 'failure');
  t.regex(undone.message, /third: The store is full/);
  await assertClean(t, cloud, stores);

  await admin.post(path, copyTo(['second', 'third'], { all_stores_must_succeed: false }), 202);
  t.like(await show(cloud, id), { os_glance_importing_to_stores: 'second,third', os_glance_failed_import: '' });
  await attempt({ second: full }, id);
  const done = { stores: 'default,third', os_glance_importing_to_stores: '', os_glance_failed_import: 'second' };
  t.like(await show(cloud, id), done);
  t.is((await taskOf(admin, id)).status, 'success');
  await assertClean(t, cloud, stores);
});

test('a store that does not answer is asked again, and given up in the end', async (t) => {
  const { cloud, stores, admin, member, attempt } = await makeGround(t);
  const { id } = await makeActive(member);
  await admin.post(`${images}/${id}/import`, copyTo(['second', 'third'], { all_stores_must_succeed: false }), 202);
  for (let i = 0; i < 5; i++) await t.throwsAsync(attempt({ second: away }, id), { instanceOf: Unavailable });
  t.like(await show(cloud, id), { stores: 'default,third', os_glance_importing_to_stores: 'second' });
  await attempt({ second: away }, id);
  t.like(await show(cloud, id), { stores: 'default,third', os_glance_failed_import: 'second' });
  await assertClean(t, cloud, stores);
});

test('an import goes to the stores that can take it, or to none, as it was asked for', async (t) => {
  const { cloud, stores, member, attempt } = await makeGround(t);
  const asked = async (more: object) => {
    const { id } = await member.post(images, rawBare);
    await stage(member, id, 'some bytes');
    await member.post(`${images}/${id}/import`, { ...direct, stores: ['second', 'third'], ...more }, 202);
    return id as string;
  };
  const all = await asked({});
  await attempt({ third: full }, all);
  t.like(await show(cloud, all), { status: 'queued', size: null, os_glance_failed_import: 'second,third' });
  const some = await asked({ all_stores_must_succeed: false });
  await attempt({ second: full }, some);
  t.like(await show(cloud, some), { status: 'active', stores: 'third', os_glance_importing_to_stores: 'second' });
  await attempt({ second: full }, some);
  const done = { os_glance_importing_to_stores: '', os_glance_failed_import: 'second', stores: 'third' };
  t.like(await show(cloud, some), done);
  await assertClean(t, cloud, stores);
});

test('data that is not what it was is not copied, and another copy is', async (t) => {
  const { cloud, stores, admin, member } = await makeGround(t);
  const { id } = await makeActive(member);
  const path = `${images}/${id}/import`;
  await admin.post(path, copyTo(['second']), 202);
  await cloud.settle();
  const fileIn = async (store: string) => join(stores.directoryOf(store), (await stores.filesIn(store))[0]!);
  const spoil = async (store: string) => {
    const file = await fileIn(store);
    await rm(file);
    await writeFile(file, 'evil bytes');
  };
  await spoil('default');
  await admin.post(path, copyTo(['third']), 202);
  await cloud.settle();
  t.is((await show(cloud, id)).stores, 'default,second,third');
  t.is(await readFile(await fileIn('third'), 'utf8'), 'some bytes');
  await admin.delete(`/image/v2/stores/third/${id}`);
  await cloud.settle();
  await spoil('second');
  await admin.post(path, copyTo(['third']), 202);
  await cloud.settle();
  t.like(await show(cloud, id), { stores: 'default,second', os_glance_failed_import: 'third' });
  t.regex((await taskOf(admin, id)).message, /is not what was uploaded/);
  t.deepEqual(await stores.filesIn('third'), []);
});

test('an image that is deleted while it is copied goes from every store', async (t) => {
  const { cloud, stores, admin, member, attempt } = await makeGround(t);
  const { id } = await makeActive(member);
  await admin.post(`${images}/${id}/import`, copyTo(['second', 'third']), 202);
  await attempt(
    {
      third: (real) => ({
        put: async (...given) => {
          const stored = await real.put(...given);
          await member.delete(`${images}/${id}`);
          return stored;
        },
      }),
    },
    id,
  );
  await assertClean(t, cloud, stores);
  t.is((await cloud.db('images')).length, 0);
  t.deepEqual(await stores.filesIn('default'), []);
});

test('copies take room of their project’s like uploads', async (t) => {
  const { cloud, admin, member, stores } = await makeGround(t);
  const { services } = await admin.get('/identity/v3/services?type=image');
  const limit = { service_id: services[0].id, resource_name: 'image_size_total', default_limit: 2 };
  await admin.post('/identity/v3/registered_limits', { registered_limits: [limit] }, 201);
  const { id } = await makeActive(member, {}, Buffer.alloc(2 ** 20));
  const path = `${images}/${id}/import`;
  await admin.post(path, copyTo(['second', 'third']), 413);
  await admin.post(path, copyTo(['second']), 202);
  await cloud.settle();
  t.is((await member.get('/image/v2/info/usage')).usage.image_size_total.usage, 2);
  await admin.post(path, copyTo(['third']), 413);
  await admin.delete(`/image/v2/stores/second/${id}`);
  await cloud.settle();
  await assertClean(t, cloud, stores);
  t.is((await member.get('/image/v2/info/usage')).usage.image_size_total.usage, 1);
});
