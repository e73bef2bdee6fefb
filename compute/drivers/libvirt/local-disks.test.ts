import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import type { LocalDisk } from '../driver.ts';
import { GuestDirectory } from './guest-directory.ts';
import { ensureLocalDisks } from './local-disks.ts';

const run = promisify(execFile);
const nobody = { uid: 0, gid: 0 };

const disks: LocalDisk[] = [
  { kind: 'ephemeral', sizeMib: 1024, format: 'ext4', tag: null },
  { kind: 'ephemeral', sizeMib: 64, format: 'vfat', tag: null },
  { kind: 'swap', sizeMib: 512, format: null, tag: null },
];

test('disks are made with what was asked for, take no room, keep what is on them, and are copied with the root disk', async (t) => {
  const files = await mkdtemp(join(tmpdir(), 'cirrostack-disks-'));
  t.teardown(() => rm(files, { recursive: true }));
  const directory = new GuestDirectory(files, '00000000-0000-4000-8000-000000000000');
  await mkdir(directory.path);
  const first = { localDisks: disks, rootDisk: 1, rootDiskCopiedFrom: null };
  await ensureLocalDisks(directory, first, nobody);
  const [ext4 = '', vfat = '', swap = ''] = directory.localDiskPaths(disks, 1);
  const typeOf = async (path: string) =>
    (await run('/usr/sbin/blkid', ['-p', '-o', 'value', '-s', 'TYPE', '-s', 'LABEL', path])).stdout
      .split('\n')
      .slice(0, 2);
  t.deepEqual(
    [await typeOf(ext4), await typeOf(vfat), await typeOf(swap)],
    [
      ['ephemeral0', 'ext4'],
      ['EPHEMERAL1', 'vfat'],
      ['swap', 'swap'],
    ],
  );
  t.deepEqual([(await stat(ext4)).size, (await stat(swap)).size], [2 ** 30, 2 ** 29]);
  t.true((await stat(ext4)).blocks * 512 < 64 * 2 ** 20, 'most of it is holes');

  const written = 'written by the guest';
  const beginningOf = async (path: string) => {
    const file = await open(path);
    const { buffer } = await file.read(Buffer.alloc(written.length), 0, written.length, 0).finally(() => file.close());
    return String(buffer);
  };
  for (const path of [ext4, swap]) await writeFile(path, written, { flag: 'r+' });
  await ensureLocalDisks(directory, first, nobody);
  t.is(await beginningOf(ext4), written);
  const resized = { localDisks: [disks[0] as LocalDisk, disks[2] as LocalDisk], rootDisk: 4, rootDiskCopiedFrom: 1 };
  await ensureLocalDisks(directory, resized, nobody);
  const [copy = '', otherSwap = ''] = directory.localDiskPaths(resized.localDisks, 4);
  t.deepEqual([await beginningOf(copy), await beginningOf(otherSwap)], [written, written]);
  t.is((await stat(otherSwap)).size, 2 ** 29);
  await directory.removeOtherDisks({ ...resized, rescueImage: null });
  t.is((await readdir(directory.path)).length, 5, 'the way back is open');
  await directory.removeOtherDisks({ ...resized, rootDiskCopiedFrom: null, rescueImage: null });
  t.deepEqual((await readdir(directory.path)).sort(), ['ephemeral-4-0.raw', 'swap-4.raw']);

  const smaller: LocalDisk = { kind: 'swap', sizeMib: 64, format: null, tag: null };
  await ensureLocalDisks(directory, { localDisks: [smaller], rootDisk: 5, rootDiskCopiedFrom: 4 }, nobody);
  const [ofAnotherSize = ''] = directory.localDiskPaths([smaller], 5);
  t.deepEqual(await typeOf(ofAnotherSize), ['swap', 'swap'], 'swap of another size is made anew');
});
