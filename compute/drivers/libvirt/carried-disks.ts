/** Root disks on their way between hosts, as the files that they are: what differs from the image, which the other host has too. */
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PermanentFailure } from '../../../common/errors.ts';
import { DiskFull, type ServerSpec } from '../driver.ts';
import { refuseDataFile } from './disk-header.ts';
import { exists } from './disks.ts';
import type { GuestDirectory, QemuUser } from './guest-directory.ts';
import { runTool } from './tools.ts';

/** @throws PermanentFailure when it is not there. */
export async function openDisk(
  directory: GuestDirectory,
  rootDisk: number,
): Promise<{ data: Readable; sizeBytes: number }> {
  const path = directory.diskPath(rootDisk);
  if (!(await exists(path))) throw new PermanentFailure('The disk of the server is gone from its host.');
  return { data: createReadStream(path), sizeBytes: (await stat(path)).size };
}

/** Puts it on this host's copy of the image. What is in its header was written by another host, and is looked at first. */
export async function receiveDisk(
  directory: GuestDirectory,
  { rootDisk, image }: Pick<ServerSpec, 'rootDisk' | 'image'>,
  qemu: QemuUser,
  data: AsyncIterable<Buffer>,
): Promise<void> {
  await directory.prepare(qemu);
  await directory.replace(directory.diskPath(rootDisk), qemu, async (temporary) => {
    await pipeline(Readable.from(data), createWriteStream(temporary, { flags: 'wx', mode: 0o600 })).catch(full);
    await refuseDataFile(temporary);
    // -u: only the name in the header is changed, and nothing that it named before is opened.
    const onto = ['-F', image.format, '-b', image.path];
    await runTool('put the disk on its image', 'qemu-img', ['rebase', '-q', '-u', '-f', 'qcow2', ...onto, temporary]);
  });
}

function full(error: Error & { code?: string }): never {
  if (error.code !== 'ENOSPC') throw error;
  throw new DiskFull('The host has no room for the disk of the server.', { cause: error });
}
