import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { PermanentFailure } from '../../../common/errors.ts';
import { ensureRescueDisk } from './disks.ts';
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
