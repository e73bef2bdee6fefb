/** A server's root disk: a qcow2 that holds what differs from the image. Its format is always said, never looked for. */
import { access, stat } from 'node:fs/promises';
import { PermanentFailure, Unavailable } from '../../../common/errors.ts';
import type { LocalImage } from '../driver.ts';
import { refuseReferences, virtualSize } from './disk-header.ts';
import type { GuestDirectory, QemuUser } from './guest-directory.ts';
import { runTool } from './tools.ts';

const gib = 1024 ** 3;

/**
 * Makes the disk if it is missing and grows it if it is too small; what a guest wrote is never thrown away.
 * `rootDiskGib` 0: as large as the image. @throws PermanentFailure when the image does not fit or is empty.
 */
export async function ensureRootDisk(
  directory: GuestDirectory,
  { image, rootDiskGib }: { image: LocalImage; rootDiskGib: number },
  qemu: QemuUser,
): Promise<void> {
  const wanted = await wantedSize(image, rootDiskGib);
  if (await exists(directory.diskPath)) {
    if ((await virtualSize(directory.diskPath, 'qcow2')) >= wanted) return;
    await runTool('grow the root disk', 'qemu-img', [
      'resize',
      '-q',
      '-f',
      'qcow2',
      directory.diskPath,
      String(wanted),
    ]);
    return;
  }
  await directory.replace(directory.diskPath, qemu, async (temporary) => {
    // -u: the size is known, so qemu-img need not open the image at all.
    const backing = ['-u', '-F', image.format, '-b', image.path];
    await runTool('make the root disk', 'qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      ...backing,
      temporary,
      String(wanted),
    ]);
  });
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

/** Whether all parts of a whole guest are there. */
export async function isWhole(directory: GuestDirectory, hasConfigDrive: boolean): Promise<boolean> {
  const needed = [directory.diskPath, ...(hasConfigDrive ? [directory.configDrivePath] : [])];
  const sizes = await Promise.all(
    needed.map((path) =>
      stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.every((size) => size > 0);
}
