import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { PermanentFailure, Unavailable } from '../../../common/errors.ts';
import { ensureRescueDisk, ensureRootDisk } from './disks.ts';
import { GuestDirectory } from './guest-directory.ts';

test('a server is not rescued from a disk larger than its own', async (t) => {
  const files = await mkdtemp(join(tmpdir(), 'cirrostack-disks-'));
  t.teardown(() => rm(files, { recursive: true }));
  const path = join(files, 'image.raw');
  await writeFile(path, '');
  await truncate(path, 2 * 2 ** 30);
  const directory = new GuestDirectory(files, '00000000-0000-4000-8000-000000000000');
  const spec = { rescueImage: { path, format: 'raw' as const }, rootDiskGib: 1 };
  await t.throwsAsync(ensureRescueDisk(directory, spec, { uid: 0, gid: 0 }), {
    instanceOf: PermanentFailure,
    message: /^The flavor's disk of 1 GiB is too small for the image/,
  });
});

test('the copy of a disk ends when it is wanted no more', async (t) => {
  const files = await mkdtemp(join(tmpdir(), 'cirrostack-disks-'));
  t.teardown(() => rm(files, { recursive: true }));
  const image = { path: join(files, 'image.raw'), format: 'raw' as const };
  await writeFile(image.path, 'some bytes');
  const directory = new GuestDirectory(files, '00000000-0000-4000-8000-000000000000');
  await mkdir(directory.path);
  await writeFile(directory.diskPath(1), 'the disk before');
  const spec = { image, rootDisk: 2, rootDiskCopiedFrom: 1, rootDiskGib: 1 };
  const copied = ensureRootDisk(directory, spec, { uid: 0, gid: 0 }, AbortSignal.abort());
  await t.throwsAsync(copied, { instanceOf: Unavailable, message: 'The host could not copy the disk.' });
  t.deepEqual(await readdir(directory.path), ['disk.qcow2']);
});
