/** The sizes of a server in its row: the one that it has, and the one that it had before a resize or a move. */
import type { LocalDisk } from '../drivers/driver.ts';
import { extraDiskGib } from './local-disks.ts';
import type { OldFlavor, Server, ServerFlavor } from './server.ts';

/** What the server is now, for the way back. */
export function oldFlavorOf(server: Server): OldFlavor {
  const { flavorId, flavorName, vcpus, memoryMib, diskGib, ephemeralGib, swapMib, extraSpecs } = server;
  const { diskGeneration, localDisks } = server;
  const disks = { diskGib, ephemeralGib, swapMib, extraDiskGib: extraDiskGib(server) };
  return { flavorId, flavorName, vcpus, memoryMib, ...disks, extraSpecs, diskGeneration, localDisks };
}

export interface Size extends ServerFlavor {
  ephemeralGib: number;
  swapMib: number;
  localDisks: readonly LocalDisk[];
}

/** The columns of that size. What was resized before there were disks beside the root disk has none of them. */
export function sizeColumns(size: ServerFlavor & Partial<Size>) {
  return {
    flavor_id: size.flavorId,
    flavor_name: size.flavorName,
    flavor_extra_specs: JSON.stringify(size.extraSpecs),
    vcpus: size.vcpus,
    memory_mib: size.memoryMib,
    disk_gib: size.diskGib,
    ephemeral_gib: size.ephemeralGib ?? 0,
    swap_mib: size.swapMib ?? 0,
    local_disks: JSON.stringify(size.localDisks ?? []),
  };
}
