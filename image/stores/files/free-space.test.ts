import test from 'ava';
import { freeSpaceIn } from './free-space.ts';

const mib = 2 ** 20;

test('the last GiB of a file system, or twentieth of a small one, is left to others, and looked at every 16 MiB', async (t) => {
  const disk = { bavail: 1040, blocks: 100_000, bsize: mib };
  let looks = 0;
  const hasRoom = freeSpaceIn('somewhere', async () => {
    looks += 1;
    return disk;
  });
  for (let i = 0; i < 16; i += 1) t.true(await hasRoom(mib));
  t.is(looks, 1);
  disk.bavail -= 16;
  t.false(await hasRoom(mib));
  t.false(await hasRoom(mib), 'and each time it is asked');
  t.is(looks, 3);
  t.true(await hasRoom(0));

  const small = freeSpaceIn('somewhere', async () => ({ bavail: 51, blocks: 1000, bsize: mib }));
  t.true(await small(mib));
  t.false(await freeSpaceIn('somewhere', async () => ({ bavail: 50, blocks: 1000, bsize: mib }))(mib));
});
