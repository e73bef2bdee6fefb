/** A host without disk space fails those who need some, with the reason, and nobody else; they heal once there is some. */
import { execFile } from 'node:child_process';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { hostState } from '../end-to-end/host-state.ts';
import { startRealCloud } from '../end-to-end/real-cloud.ts';
import { imageKinds, kinds, prepareGuests, untilNothingIsLeft } from './ground.ts';

const run = promisify(execFile);

test('on a full disk guests fail with the reason, those that run are left alone, and space heals', async (t) => {
  let small = '';
  const cloud = await startRealCloud(t, {
    // What guests are made of is on a file system of its own, as an operator might have it.
    async prepare(dataDir) {
      small = join(dataDir, 'compute');
      await mkdir(small, { mode: 0o711 });
      // Disks as large as their image: the file system has no room that a scheduler would count.
      const policy = { 'os_compute_api:servers:create:zero_disk_flavor': 'role:member' };
      await writeFile(join(dataDir, 'policy.yaml'), JSON.stringify(policy));
      await run('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=0711', 'tmpfs', small]);
    },
  });
  t.teardown(() => run('umount', ['--lazy', small]).then(() => undefined)); // before the cloud's own, which removes all
  const guests = await prepareGuests(cloud, { rootDiskGib: 0 });
  const before = await hostState(cloud.dataDir);
  const old = await guests.create('server', 'old');
  await guests.untilRunning('server', old);
  const oldProcess = (await run('cat', [`/run/libvirt/qemu/cs-${old}.pid`])).stdout;

  await fill(small);
  const late = await Promise.all(kinds.map((kind) => guests.create(kind, 'late')));
  const reasons = await Promise.all(kinds.map((kind, n) => guests.untilFailed(kind, late[n]!)));
  for (const reason of reasons) t.regex(reason, /disk/);
  t.log(reasons);
  await guests.untilRunning('server', old);
  t.is((await run('cat', [`/run/libvirt/qemu/cs-${old}.pid`])).stdout, oldProcess);

  // What failed can be deleted though the disk is full, and so can what runs.
  const doomed = await Promise.all(kinds.map((kind) => guests.create(kind, 'doomed')));
  await Promise.all(kinds.map((kind, n) => guests.untilFailed(kind, doomed[n]!)));
  await Promise.all(kinds.map((kind, n) => guests.remove(kind, doomed[n]!)));
  await Promise.all(kinds.map((kind, n) => guests.untilGone(kind, doomed[n]!)));
  await guests.remove('server', old);
  await guests.untilGone('server', old);

  await rm(join(small, 'filler'));
  await Promise.all(kinds.map((kind, n) => guests.untilRunning(kind, late[n]!)));
  await Promise.all(kinds.map((kind, n) => guests.remove(kind, late[n]!)));
  await Promise.all(kinds.map((kind, n) => guests.untilGone(kind, late[n]!)));
  await untilNothingIsLeft(t, cloud, before, imageKinds);
});

/** Until not a page is left. */
async function fill(directory: string): Promise<void> {
  const file = await open(join(directory, 'filler'), 'w');
  try {
    for (const size of [1024 * 1024, 4096]) {
      const block = Buffer.alloc(size, 1);
      while (await file.write(block).then(({ bytesWritten }) => bytesWritten === size, isFull));
    }
  } finally {
    await file.close();
  }
}

function isFull(error: NodeJS.ErrnoException): false {
  if (error.code !== 'ENOSPC') throw error;
  return false;
}
