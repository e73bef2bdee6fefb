import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createImageCache } from './cache.ts';

const image = '0b8f1a0e-0000-4000-8000-000000000001';

async function directoryFor(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-images-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return directory;
}

test('an image is placed once, however many ask for it at once', async (t) => {
  const directory = await directoryFor(t);
  let placed = 0;
  const cache = createImageCache(directory, async (_id, path) => {
    placed += 1;
    await writeFile(path, 'data');
  });
  const paths = await Promise.all([cache.ensure(image), cache.ensure(image), cache.ensure(image)]);
  t.deepEqual(new Set(paths), new Set([join(directory, image)]));
  t.is(placed, 1);
});

test('an image that failed to come is tried again', async (t) => {
  const directory = await directoryFor(t);
  let tries = 0;
  const cache = createImageCache(directory, async (_id, path) => {
    tries += 1;
    if (tries === 1) throw new Error('no space');
    await writeFile(path, 'data');
  });
  await t.throwsAsync(cache.ensure(image));
  await t.notThrowsAsync(cache.ensure(image));
});

test('what nobody uses goes, remains of a killed process included, and what is used stays', async (t) => {
  const directory = await directoryFor(t);
  const cache = createImageCache(directory, (_id, path) => writeFile(path, 'data'));
  await cache.ensure(image);
  await writeFile(join(directory, `${image}.x.partial`), 'half');
  await writeFile(join(directory, 'README'), 'not ours');
  t.deepEqual(await cache.list(), [image]);
  await cache.removeUnless(image, async () => true);
  t.is((await readdir(directory)).length, 3);
  await cache.removeUnless(image, async () => false);
  t.deepEqual(await readdir(directory), ['README']);
});

test('an image that is placed anew leaves no remains of a killed process, and those of others alone', async (t) => {
  const directory = await directoryFor(t);
  const cache = createImageCache(directory, (_id, path) => writeFile(path, 'data'));
  const another = '0b8f1a0e-0000-4000-8000-000000000002.x.partial';
  for (const name of [`${image}.x.partial`, `${image}.y.partial`, another])
    await writeFile(join(directory, name), 'half');
  await cache.ensure(image);
  t.deepEqual((await readdir(directory)).sort(), [image, another]);
});

test('a host that never had an image has none', async (t) => {
  const cache = createImageCache(join(await directoryFor(t), 'absent'), async () => undefined);
  t.deepEqual(await cache.list(), []);
});
