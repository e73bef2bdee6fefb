/** By what a guest finds its disks. Pure. */
import type { LocalDisk, Machine } from './driver.ts';

export type DiskBus = NonNullable<Machine['diskBus']>;

export interface NamedDisk {
  kind: 'root' | LocalDisk['kind'];
  /** What the disk says of itself: Linux has it as `/dev/disk/by-id/virtio-SERIAL`. At most 20 characters. */
  serial: string;
  /** As Linux counts them. */
  path: string;
}

/** The beginning of the names of disks on a bus; those of the same beginning are counted through. */
export function prefixOf(bus: DiskBus): 'vd' | 'sd' {
  return bus === 'virtio' ? 'vd' : 'sd';
}

/** The root disk, which comes second while the server is rescued, and then those beside it, in their order. */
export function namedDisks(
  localDisks: readonly LocalDisk[],
  { diskBus = 'virtio', isRescued = false }: { diskBus?: DiskBus; isRescued?: boolean } = {},
): NamedDisk[] {
  const kinds = ['root' as const, ...localDisks.map(({ kind }) => kind)];
  return kinds.map((kind, i) => ({
    kind,
    serial: kind === 'ephemeral' ? `ephemeral${i - 1}` : kind,
    path: `/dev/${prefixOf(diskBus)}${String.fromCharCode('a'.charCodeAt(0) + i + (isRescued ? 1 : 0))}`,
  }));
}
