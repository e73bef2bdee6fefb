import { end, type Format, firstRefusal, read } from '../reader.ts';

const sector = 2048;
const systemArea = 16 * sector;
const primary = 1;
/** What tools leave off at the end of an image: the run-out of a recorded track, 150 sectors. */
const paddingBytes = 150 * sector;

/** ISO 9660 (ECMA-119), or a bare UDF (ECMA-167): recognised by the first volume descriptor behind the system area. */
export const iso9660: Format = {
  name: 'iso',
  *read(limits) {
    const descriptor = yield* read(systemArea, sector);
    const identifier = descriptor.toString('latin1', 1, 6);
    if (!['CD001', 'BEA01', 'NSR02', 'NSR03'].includes(identifier)) return null;
    const { sizeBytes } = yield* end();
    const isPrimary = identifier === 'CD001' && descriptor[0] === primary && descriptor.length === sector;
    const volumeBytes = isPrimary ? descriptor.readUInt32LE(80) * descriptor.readUInt16LE(128) : 0;
    const refusal = firstRefusal([
      [descriptor.length < sector, 'its ISO 9660 volume descriptor is cut off'],
      [volumeBytes > sizeBytes + paddingBytes, 'it is shorter than its ISO 9660 volume, as when an upload was cut off'],
      [sizeBytes > limits.virtualSizeBytes, 'its virtual size is beyond the limit'],
    ]);
    // A guest sees the whole file as its disc, whatever the volume says.
    return { format: 'iso', virtualSizeBytes: refusal === null ? sizeBytes : null, refusal };
  },
};
