import type { ProjectContext } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Forbidden } from '../../common/errors.ts';
import type { Enforcer } from '../../common/policy/enforcer.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import { diskBytesOf, diskSizeOfImage, type UsableImage } from '../../image/images/use.ts';
import type { Flavor } from '../flavors/flavor.ts';
import type { Server } from './server.ts';

export const imageFitPolicy = definePolicy({
  'os_compute_api:servers:create:zero_disk_flavor': projectAdmin(
    'Make a server of a flavor whose disk is 0: as large as its image, and counted nowhere',
  ),
});

const gib = 1024 ** 3;

/** Whether a server of this size can be made of this image. Throws `BadRequest` in Nova's words (nova/exception.py). */
export function checkImageFits(
  image: UsableImage,
  { memoryMib, diskGib }: Pick<Flavor, 'memoryMib' | 'diskGib'>,
): void {
  bootableFormat(image);
  checkMemory(image.minRamMib, { memoryMib });
  if (diskGib === 0) return; // as large as the image
  const bytes = diskBytesOf(image);
  if (bytes > diskGib * gib)
    throw new BadRequest(
      `Flavor's disk is too small for requested image. Flavor disk is ${diskGib * gib} bytes, image is ${bytes} bytes.`,
    );
  if (image.minDiskGib > diskGib)
    throw new BadRequest(
      `Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is ${diskGib * gib} bytes, minimum size is ${image.minDiskGib * gib} bytes.`,
    );
}

/** Throws `BadRequest` (nova/exception.py, `FlavorMemoryTooSmall`). */
export function checkMemory(minRamMib: number, { memoryMib }: Pick<Flavor, 'memoryMib'>): void {
  if (memoryMib < minRamMib) throw new BadRequest("Flavor's memory is too small for requested image.");
}

/**
 * A server of a flavor without a disk of its own takes as much of its host as the image has, and no scheduler knows. Throws
 * `Forbidden` in Nova's words (nova/compute/api.py, `_validate_flavor_image_nostatus`).
 */
export function checkZeroDisk(enforcer: Enforcer, ctx: ProjectContext, { diskGib }: Pick<Flavor, 'diskGib'>): void {
  if (diskGib > 0 || enforcer.allows(ctx, imageFitPolicy['os_compute_api:servers:create:zero_disk_flavor'])) return;
  throw new Forbidden('Only volume-backed servers are allowed for flavors with zero disk.');
}

/** Whether the server can be rescued from a disk of this image: one no larger than its own. Throws `BadRequest`. */
export async function checkRescueFits(trx: Knex, image: UsableImage, server: Server): Promise<void> {
  checkImageFits(image, server);
  if (server.diskGib > 0 || image.id === server.diskImageId) return;
  const ownBytes = (await diskSizeOfImage(trx, server.diskImageId)) ?? 0;
  const bytes = diskBytesOf(image);
  if (bytes > ownBytes)
    throw new BadRequest(
      `The disk of the server is too small for the rescue image. The disk is ${ownBytes} bytes, the image is ${bytes} bytes.`,
    );
}

/** GiB of a new disk of the image, as hosts count them; undefined when the image is gone. */
export async function imageDiskGib(db: Knex, imageId: string): Promise<number | undefined> {
  const bytes = await diskSizeOfImage(db, imageId);
  return bytes === undefined ? undefined : Math.ceil(bytes / gib);
}

/** The format of a disk that servers can stand on. Throws `BadRequest`. */
export function bootableFormat({ id, containerFormat, diskFormat }: UsableImage): 'raw' | 'qcow2' {
  if (containerFormat === 'bare' && (diskFormat === 'raw' || diskFormat === 'qcow2')) return diskFormat;
  throw new BadRequest(
    `Image ${id} is unacceptable: a server starts from disk_format raw or qcow2 in container_format bare, not from ${diskFormat} in ${containerFormat}.`,
  );
}
