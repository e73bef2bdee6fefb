/** Which disks of a server go with it to another host. Pure. */
import type { DiskPlace, LocalDisk } from '../../drivers/driver.ts';

/**
 * The root disk, ephemeral disks, and swap of the same size, which guests may know by what is written on it. What else the server
 * is to have there is made anew. `from` is a disk's place among those that it had, `to` among those that it is to have.
 */
export function carriedDisks(
  had: readonly LocalDisk[],
  wanted: readonly LocalDisk[],
): { from: DiskPlace; to: DiskPlace }[] {
  const local = wanted.flatMap((disk, to) => {
    const isSame = (one: LocalDisk | undefined) => one?.kind === disk.kind && one.sizeMib === disk.sizeMib;
    const from = disk.kind === 'swap' ? had.findIndex(isSame) : isSame(had[to]) ? to : -1;
    return from === -1 ? [] : [{ from, to }];
  });
  return [{ from: 'root', to: 'root' }, ...local];
}
