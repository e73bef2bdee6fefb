import { firstRefusal, type Limits, type Reading, read } from '../reader.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const tableBytes = 64 * KiB;
const entryBytes = 32;
const maximumEntries = 1023; // what [MS-VHDX] allows
const required = 4;

/** The metadata items that say what the disk is, by id as its sixteen bytes stand in the file, and how much of each is read. */
const knownItems = new Map([
  ['3767a1ca36fa434db3b633f0aa44e76b', { name: 'fileParameters', bytes: 8 }],
  ['2442a52f1bcd7648b2115dbed83bf4b8', { name: 'virtualDiskSize', bytes: 8 }],
  ['1dbf41816fa90947ba47f233a8faab5f', { name: 'logicalSectorSize', bytes: 4 }],
  ['c748a3cd5d4471449cc9e9885251c556', { name: 'physicalSectorSize', bytes: 4 }],
  ['ab12cabee6b2234593efc309e000c746', { name: 'page83Data', bytes: 16 }],
  ['2d5fd3a80bb34d45abf7d3d84834ab0c', { name: 'parentLocator', bytes: 20 }],
]);

/** Name of a metadata item to its first bytes; or why the metadata is refused. */
export function* readMetadata(regionOffset: number, regionBytes: number): Reading<Map<string, Buffer> | string> {
  const table = yield* read(regionOffset, tableBytes);
  if (table.length < tableBytes || table.toString('latin1', 0, 8) !== 'metadata') return 'its VHDX metadata is missing';
  const count = table.readUInt16LE(10);
  if (count > maximumEntries) return 'its VHDX metadata table is absurdly large';
  const entries = Array.from({ length: count }, (_, index) => {
    const at = entryBytes * (index + 1);
    return {
      item: knownItems.get(table.toString('hex', at, at + 16)),
      offset: table.readUInt32LE(at + 16),
      isRequired: (table.readUInt32LE(at + 24) & required) !== 0,
    };
  }).sort((one, other) => one.offset - other.offset); // the stream passes by once
  const found = new Map<string, Buffer>();
  let free = tableBytes;
  for (const { item, offset, isRequired } of entries) {
    if (item === undefined && isRequired) return 'it has VHDX metadata that is unknown here';
    if (item === undefined) continue;
    if (found.has(item.name)) return 'its VHDX metadata says something twice';
    if (offset < free || offset + item.bytes > regionBytes) return 'its VHDX metadata is not where it can be';
    free = offset + item.bytes;
    const bytes = yield* read(regionOffset + offset, item.bytes);
    if (bytes.length < item.bytes) return 'its VHDX metadata is cut off';
    found.set(item.name, bytes);
  }
  return found;
}

export interface Disk {
  sizeBytes: number;
  blockBytes: number;
  hasParent: boolean;
  logicalSectorBytes: number;
  physicalSectorBytes: number;
}

export function diskRefusal(disk: Disk, blockTableBytes: number, limits: Limits): string | null {
  const { blockBytes, logicalSectorBytes, sizeBytes } = disk;
  // [MS-VHDX] 2.5: after each chunk of payload blocks stands one for the sector bitmap.
  const blocks = Math.ceil(sizeBytes / blockBytes);
  const blocksPerChunk = (2 ** 23 * logicalSectorBytes) / blockBytes;
  const tableEntries = blocks + Math.floor((blocks - 1) / blocksPerChunk);
  return firstRefusal([
    [disk.hasParent, 'it is a VHDX that depends on another disk'],
    [sizeBytes > limits.virtualSizeBytes, 'its virtual size is beyond the limit'],
    [![512, 4096].includes(logicalSectorBytes), 'its VHDX sector size is absurd'],
    [![512, 4096].includes(disk.physicalSectorBytes), 'its VHDX sector size is absurd'],
    [sizeBytes === 0 || sizeBytes % logicalSectorBytes !== 0, 'its VHDX virtual size is not a number of sectors'],
    [
      blockBytes < MiB || blockBytes > 256 * MiB || (blockBytes & (blockBytes - 1)) !== 0,
      'its VHDX block size is absurd',
    ],
    [tableEntries * 8 > blockTableBytes, 'its VHDX block table is too small for its virtual size'],
  ]);
}
