/**
 * Disks on their way between hosts. A root disk goes as the file that it is: what differs from the image, which the other host has
 * too. Those beside it go without their holes, as pieces (sparse-data.ts).
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PermanentFailure } from '../../../common/errors.ts';
import { DiskFull, type DiskPlace, type GuestDisks, type ServerSpec } from '../driver.ts';
import { refuseDataFile } from './disk-header.ts';
import { exists } from './disks.ts';
import type { GuestDirectory, QemuUser } from './guest-directory.ts';
import { readPieces, writePieces } from './sparse-data.ts';
import { runTool } from './tools.ts';

/** @throws PermanentFailure when the guest has no such disk. */
export function pathOfDisk(
  directory: GuestDirectory,
  { rootDisk, localDisks = [] }: GuestDisks,
  place: DiskPlace,
): string {
  if (place === 'root') return directory.diskPath(rootDisk);
  const path = directory.localDiskPaths(localDisks, rootDisk)[place];
  if (path === undefined) throw new PermanentFailure('The server has no such disk.');
  return path;
}

/** @throws PermanentFailure when it is not there. */
export async function openDisk(directory: GuestDirectory, disks: GuestDisks, place: DiskPlace): Promise<Readable> {
  const path = pathOfDisk(directory, disks, place);
  if (!(await exists(path))) throw new PermanentFailure('The disk of the server is gone from its host.');
  return place === 'root' ? createReadStream(path) : Readable.from(readPieces(path), { objectMode: false });
}

/** What comes was written by another host, and is looked at before anything else opens it. */
export async function receiveDisk(
  directory: GuestDirectory,
  spec: Pick<ServerSpec, 'rootDisk' | 'localDisks' | 'image'>,
  place: DiskPlace,
  qemu: QemuUser,
  data: AsyncIterable<Buffer>,
): Promise<void> {
  const path = pathOfDisk(directory, spec, place);
  await directory.prepare(qemu);
  await directory.replace(path, qemu, (temporary) =>
    place === 'root'
      ? receiveRootDisk(temporary, spec.image, data)
      : receiveLocalDisk(temporary, spec.localDisks?.[place]?.sizeMib ?? 0, data),
  );
}

/** Puts it on this host's copy of the image. */
async function receiveRootDisk(path: string, image: ServerSpec['image'], data: AsyncIterable<Buffer>): Promise<void> {
  await pipeline(Readable.from(data), createWriteStream(path, { flags: 'wx', mode: 0o600 })).catch(full);
  await refuseDataFile(path);
  // -u: only the name in the header is changed, and nothing that it named before is opened.
  const onto = ['-F', image.format, '-b', image.path];
  await runTool('put the disk on its image', 'qemu-img', ['rebase', '-q', '-u', '-f', 'qcow2', ...onto, path]);
}

async function receiveLocalDisk(path: string, sizeMib: number, data: AsyncIterable<Buffer>): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.truncate(sizeMib * 1024 ** 2);
    await writePieces(file, sizeMib * 1024 ** 2, data).catch(full);
  } finally {
    await file.close();
  }
}

function full(error: Error & { code?: string }): never {
  if (error.code !== 'ENOSPC') throw error;
  throw new DiskFull('The host has no room for the disk of the server.', { cause: error });
}
