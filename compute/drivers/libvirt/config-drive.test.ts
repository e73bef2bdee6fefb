import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { PermanentFailure } from '../../../common/errors.ts';
import { writeConfigDrive } from './config-drive.ts';
import { GuestDirectory } from './guest-directory.ts';

const ourselves = { uid: process.getuid!(), gid: process.getgid!() };

test('a path that leads out of the drive, or that no guest could read, is refused and leaves nothing', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'cirrostack-drive-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const directory = new GuestDirectory(root, crypto.randomUUID());
  await mkdir(directory.path);
  const bad = [
    '',
    '/etc/passwd',
    '../x',
    'a/../b',
    'a//b',
    'a/',
    '.',
    '-o',
    'a\nb',
    'a\0b',
    'ü',
    `${'a/'.repeat(8)}b`,
    'x'.repeat(65),
  ];
  for (const path of bad) {
    const refused = writeConfigDrive(directory, { [path]: 'x' }, ourselves);
    await t.throwsAsync(refused, { instanceOf: PermanentFailure }, JSON.stringify(path));
  }
  await t.throwsAsync(writeConfigDrive(directory, { big: 'x'.repeat(65 * 1024 ** 2) }, ourselves), {
    instanceOf: PermanentFailure,
  });
  t.deepEqual(await readdir(directory.path), []);
});
