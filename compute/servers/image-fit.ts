import { BadRequest } from '../../common/errors.ts';
import type { UsableImage } from '../../image/images/use.ts';
import type { Flavor } from '../flavors/flavor.ts';

const gib = 1024 ** 3;

/** Whether a server of this size can be made of this image. Throws `BadRequest` in Nova's words (nova/exception.py). */
export function checkImageFits(
  image: UsableImage,
  { memoryMib, diskGib }: Pick<Flavor, 'memoryMib' | 'diskGib'>,
): void {
  bootableFormat(image);
  if (memoryMib < image.minRamMib) throw new BadRequest("Flavor's memory is too small for requested image.");
  if (diskGib === 0) return; // as large as the image
  const bytes = image.virtualSizeBytes ?? image.sizeBytes;
  if (bytes > diskGib * gib)
    throw new BadRequest(
      `Flavor's disk is too small for requested image. Flavor disk is ${diskGib * gib} bytes, image is ${bytes} bytes.`,
    );
  if (image.minDiskGib > diskGib)
    throw new BadRequest(
      `Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is ${diskGib * gib} bytes, minimum size is ${image.minDiskGib * gib} bytes.`,
    );
}

/** The format of a disk that servers can stand on. Throws `BadRequest`. */
export function bootableFormat({ id, containerFormat, diskFormat }: UsableImage): 'raw' | 'qcow2' {
  if (containerFormat === 'bare' && (diskFormat === 'raw' || diskFormat === 'qcow2')) return diskFormat;
  throw new BadRequest(
    `Image ${id} is unacceptable: a server starts from disk_format raw or qcow2 in container_format bare, not from ${diskFormat} in ${containerFormat}.`,
  );
}
