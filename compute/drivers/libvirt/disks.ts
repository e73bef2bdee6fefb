/** A server's root disk: a qcow2 that holds what differs from the image. Its format is always said, never looked for. */
import { access, stat } from 'node:fs/promises';
import { PermanentFailure, Unavailable } from '../../../common/errors.ts';
import type { LocalImage, ServerSpec } from '../driver.ts';
import { refuseReferences, virtualSize } from './disk-header.ts';
import type { GuestDirectory, QemuUser } from './guest-directory.ts';
import { runTool } from './tools.ts';

const gib = 1024 ** 3;
const copySeconds = 3600;

/**
 * Makes the root disk if it is missing, of the image or as a copy of the disk before, and grows it if it is too small; what a
 * guest wrote is never thrown away. `rootDiskGib` 0: as large as the image. @throws PermanentFailure when the image does not
 * fit or is empty, or the disk to copy is gone.
 */
export async function ensureRootDisk(
  directory: GuestDirectory,
  spec: Pick<ServerSpec, 'image' | 'rootDisk' | 'rootDiskCopiedFrom' | 'rootDiskGib'>,
  qemu: QemuUser,
  signal?: AbortSignal,
): Promise<void> {
  const { image, rootDisk, rootDiskCopiedFrom, rootDiskGib } = spec;
  const path = directory.diskPath(rootDisk);
  const size = await wantedSize(image, rootDiskGib);
  if (await exists(path)) return grow(path, size);
  if (rootDiskCopiedFrom === null) return makeOverlay(directory, path, image, size, qemu);
  const before = directory.diskPath(rootDiskCopiedFrom);
  if (!(await exists(before))) throw new PermanentFailure('The disk of the server is gone from its host.');
  await directory.replace(path, qemu, (temporary) => copyDisk(before, temporary, signal));
  await grow(path, size);
}

/**
 * The disk that a server is rescued from, fresh for each rescue; as large as its image, which may be as large as the root
 * disk. @throws PermanentFailure when it is larger.
 */
export async function ensureRescueDisk(
  directory: GuestDirectory,
  { rescueImage, rootDiskGib }: Pick<ServerSpec, 'rescueImage' | 'rootDiskGib'>,
  qemu: QemuUser,
): Promise<void> {
  if (rescueImage === null || (await exists(directory.rescueDiskPath))) return;
  await wantedSize(rescueImage, rootDiskGib); // refuses what does not fit
  await makeOverlay(directory, directory.rescueDiskPath, rescueImage, await wantedSize(rescueImage, 0), qemu);
}

async function makeOverlay(
  directory: GuestDirectory,
  path: string,
  image: LocalImage,
  size: number,
  qemu: QemuUser,
): Promise<void> {
  // -u: the size is known, so qemu-img need not open the image at all.
  const backing = ['-u', '-F', image.format, '-b', image.path];
  await directory.replace(path, qemu, async (temporary) => {
    await runTool('make the disk', 'qemu-img', ['create', '-q', '-f', 'qcow2', ...backing, temporary, String(size)]);
  });
}

async function grow(path: string, size: number): Promise<void> {
  if ((await virtualSize(path, 'qcow2')) >= size) return;
  await runTool('grow the root disk', 'qemu-img', ['resize', '-q', '-f', 'qcow2', path, String(size)]);
}

/** Shares the blocks where the file system can. */
export async function copyDisk(from: string, to: string, signal?: AbortSignal): Promise<void> {
  const how = ['--reflink=auto', '--sparse=always', '--'];
  await runTool('copy the disk', 'cp', [...how, from, to], copySeconds, signal);
}

async function wantedSize(image: LocalImage, rootDiskGib: number): Promise<number> {
  if (!(await exists(image.path))) throw new Unavailable('The image of the server is not on this host yet.');
  const imageSize = await virtualSize(image.path, image.format);
  await refuseReferences(image.path, image.format);
  if (rootDiskGib === 0) return imageSize;
  if (rootDiskGib * gib >= imageSize) return rootDiskGib * gib;
  const needed = Math.ceil(imageSize / gib);
  throw new PermanentFailure(
    `The flavor's disk of ${rootDiskGib} GiB is too small for the image, which needs ${needed} GiB.`,
  );
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Whether all of these parts of a guest are there. */
export async function areWhole(paths: readonly string[]): Promise<boolean> {
  const sizes = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.every((size) => size > 0);
}
