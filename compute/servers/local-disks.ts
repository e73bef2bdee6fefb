/** Disks beside the root disk, on the server's host: what was asked for, within what its flavor has. Pure. */
import { BadRequest } from '../../common/errors.ts';
import type { LocalDisk } from '../drivers/driver.ts';
import type { Flavor } from '../flavors/flavor.ts';

/** What a request says of them. */
export interface AskedDisks {
  /** What the guest is told that the root disk is for. */
  rootTag: string | null;
  ephemeral: { sizeGib: number | null; format: LocalDisk['format']; tag: string | null }[];
  swap: { sizeMib: number | null; tag: string | null }[];
}

type Room = Pick<Flavor, 'ephemeralGib' | 'swapMib'>;

/** How much of a host the flavor's servers take beside their root disk. */
export function extraDiskGib({ ephemeralGib, swapMib }: Room): number {
  return ephemeralGib + Math.ceil(swapMib / 1024);
}

/**
 * The disks of a new server. Where nothing was asked for it gets all that the flavor has, as one disk of each kind. Throws
 * `BadRequest` in Nova's words (nova/exception.py, `InvalidBDM…`).
 */
export function disksOf(flavor: Room, asked: AskedDisks): LocalDisk[] {
  return [...ephemeralOf(flavor, asked.ephemeral), ...swapOf(flavor, asked.swap)];
}

/** Those of a resized server: what it has is kept, and swap is as the new flavor has it. Throws `BadRequest`. */
export function resizedDisks(disks: readonly LocalDisk[], flavor: Room): LocalDisk[] {
  const ephemeral = disks.filter(({ kind }) => kind === 'ephemeral');
  const taken = ephemeral.reduce((sum, { sizeMib }) => sum + sizeMib, 0);
  if (taken > flavor.ephemeralGib * 1024) throw new BadRequest('Unable to resize disk down.');
  const kept = ephemeral.length > 0 ? ephemeral : ephemeralOf(flavor, []);
  const tag = disks.find(({ kind }) => kind === 'swap')?.tag ?? null;
  return [...kept, ...swapOf(flavor, flavor.swapMib > 0 ? [{ sizeMib: null, tag }] : [])];
}

function ephemeralOf({ ephemeralGib }: Room, asked: AskedDisks['ephemeral']): LocalDisk[] {
  if (asked.length === 0) {
    if (ephemeralGib === 0) return [];
    return [{ kind: 'ephemeral', sizeMib: ephemeralGib * 1024, format: 'ext4', tag: null }];
  }
  const disks = asked.map(({ sizeGib, format, tag }) => {
    return { kind: 'ephemeral' as const, sizeMib: (sizeGib ?? ephemeralGib) * 1024, format, tag };
  });
  const total = disks.reduce((sum, { sizeMib }) => sum + sizeMib, 0);
  if (total > ephemeralGib * 1024 || total === 0)
    throw new BadRequest(
      'Ephemeral disks requested are larger than the instance type allows. If no size is given in one block device mapping, flavor ephemeral size will be used.',
    );
  return disks;
}

function swapOf({ swapMib }: Room, asked: AskedDisks['swap']): LocalDisk[] {
  const [first, ...others] = asked;
  if (others.length > 0) throw new BadRequest('Block Device Mapping is Invalid: More than one swap drive requested.');
  const sizeMib = first?.sizeMib ?? swapMib;
  if (sizeMib > swapMib || (first !== undefined && sizeMib === 0))
    throw new BadRequest('Swap drive requested is larger than instance type allows.');
  return sizeMib === 0 ? [] : [{ kind: 'swap', sizeMib, format: null, tag: first?.tag ?? null }];
}
