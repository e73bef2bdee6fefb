import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { noteChecksum } from '../compute/image-cache/copies.ts';
import { anotherId, imageId, sha512Of } from '../compute/image-cache/testing.ts';
import type { HostContext } from './engines/engine.ts';
import { imageCopies, lookAtCopies } from './image-copies.ts';

test('the doctor tells copies of images that are too many, and those that are not what was fetched', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'cirrostack-copies-'));
  t.teardown(() => rm(dataDir, { recursive: true }));
  const look = () => imageCopies({ dataDir } as HostContext);
  t.like(await look(), [{ level: 'ok', found: '0, 0.0 GiB beside the store' }]);

  const directory = join(dataDir, 'compute', 'images');
  await mkdir(directory, { recursive: true });
  const bytes = Buffer.from('an image');
  for (const id of [imageId, anotherId]) {
    await writeFile(join(directory, id), bytes);
    await noteChecksum(directory, id, sha512Of(bytes));
  }
  t.like(await look(), [{ level: 'ok', found: '2, 0.0 GiB beside the store; 2 of them read again' }]);
  await writeFile(join(directory, anotherId), 'in image');
  const [sizes, wrong, ...others] = await look();
  t.is(sizes?.level, 'ok');
  t.like(wrong, { level: 'fail', found: `${join(directory, anotherId)} is not what was fetched` });
  t.regex(wrong!.advice!, /fetched anew/);
  t.deepEqual(others, []);

  const [tooMuch] = await lookAtCopies(directory, { imageCacheMaximumGib: 2 ** -30, imageCacheUnusedHours: 24 });
  t.like(tooMuch, { level: 'warn' });
  t.regex(tooMuch!.found, /limit/);
  const limits = { imageCacheMaximumGib: 0, imageCacheUnusedHours: 24 }; // any number
  t.is((await lookAtCopies(directory, limits))[0]?.level, 'ok');
});
