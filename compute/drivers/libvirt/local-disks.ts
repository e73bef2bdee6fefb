/** Disks beside the root disk: files with holes, made with their file system, or as swap, when they are missing. */
import { open, stat } from 'node:fs/promises';
import type { GuestDisks, LocalDisk, ServerSpec } from '../driver.ts';
import { copyDisk, exists } from './disks.ts';
import type { GuestDirectory, QemuUser } from './guest-directory.ts';
import { runTool } from './tools.ts';

const makeSeconds = 300;
const mib = 1024 ** 2;

/**
 * Makes those that are missing; what a guest wrote on the others stays. Where the root disk is a copy, so are those that were there
 * before, at the same size: guests know swap, too, by what is written on it. @throws DiskFull, Unavailable
 */
export async function ensureLocalDisks(
  directory: GuestDirectory,
  { localDisks = [], rootDisk, rootDiskCopiedFrom }: Pick<ServerSpec, 'localDisks' | 'rootDisk' | 'rootDiskCopiedFrom'>,
  qemu: QemuUser,
  signal?: AbortSignal,
): Promise<void> {
  const paths = directory.localDiskPaths(localDisks, rootDisk);
  const before = rootDiskCopiedFrom === null ? [] : directory.localDiskPaths(localDisks, rootDiskCopiedFrom);
  for (const [i, disk] of localDisks.entries()) {
    const [path = '', old] = [paths[i], before[i]];
    if (await exists(path)) continue;
    const isCopy = old !== undefined && (await isOfSize(old, disk));
    await directory.replace(path, qemu, (temporary) =>
      isCopy ? copyDisk(old, temporary, signal) : make(disk, i, temporary),
    );
  }
}

async function isOfSize(path: string, { sizeMib }: LocalDisk): Promise<boolean> {
  return (await exists(path)) && (await stat(path)).size === sizeMib * mib;
}

/** Files as large as they are, and empty, into which another host's QEMU writes what is on them. @throws DiskFull, Unavailable */
export async function makeRoomForLocalDisks(
  directory: GuestDirectory,
  { localDisks = [], rootDisk }: GuestDisks,
  qemu: QemuUser,
): Promise<void> {
  const paths = directory.localDiskPaths(localDisks, rootDisk);
  for (const [i, disk] of localDisks.entries())
    await directory.replace(paths[i] ?? '', qemu, (temporary) => makeEmpty(disk, temporary));
}

async function makeEmpty({ sizeMib }: LocalDisk, path: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  await file.truncate(sizeMib * mib).finally(() => file.close());
}

/** Labelled as nova labels them, so that a guest can find its first ephemeral disk. */
async function make(disk: LocalDisk, index: number, path: string): Promise<void> {
  const { kind, format } = disk;
  await makeEmpty(disk, path);
  if (kind === 'swap') await runTool('make the swap disk', '/usr/sbin/mkswap', ['-L', 'swap', path], makeSeconds);
  else if (format === 'vfat')
    await runTool('format a disk', '/usr/sbin/mkfs.vfat', ['-n', `EPHEMERAL${index}`, path], makeSeconds);
  else {
    // Tables are written by the guest, when it has nothing else to do: here they would fill the holes.
    const options = ['-q', '-F', '-t', format ?? 'ext4', '-L', `ephemeral${index}`, '-E', 'lazy_itable_init=1'];
    await runTool('format a disk', '/usr/sbin/mke2fs', [...options, path], makeSeconds);
  }
}
