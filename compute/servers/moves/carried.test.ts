import test from 'ava';
import type { LocalDisk } from '../../drivers/driver.ts';
import { carriedDisks } from './carried.ts';

const ephemeral: LocalDisk = { kind: 'ephemeral', sizeMib: 1024, format: 'ext4', tag: null };
const swap = (sizeMib: number): LocalDisk => ({ kind: 'swap', sizeMib, format: null, tag: null });

test('a server goes with its root disk, its ephemeral disks, and its swap unless that has another size', (t) => {
  const root = { from: 'root', to: 'root' } as const;
  t.deepEqual(carriedDisks([], []), [root]);
  t.deepEqual(carriedDisks([ephemeral, ephemeral, swap(64)], [ephemeral, ephemeral, swap(64)]), [
    root,
    { from: 0, to: 0 },
    { from: 1, to: 1 },
    { from: 2, to: 2 },
  ]);
  t.deepEqual(carriedDisks([ephemeral, swap(64)], [ephemeral, swap(128)]), [root, { from: 0, to: 0 }]);
  t.deepEqual(carriedDisks([swap(64)], [ephemeral, swap(64)]), [root, { from: 0, to: 1 }]);
  t.deepEqual(carriedDisks([ephemeral, swap(64)], [ephemeral]), [root, { from: 0, to: 0 }]);
});
