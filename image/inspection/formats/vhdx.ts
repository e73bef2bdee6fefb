import { crc32c } from '../crc32c.ts';
import { end, type Finding, type Format, firstRefusal, type Reading, read, u64le } from '../reader.ts';
import { type Disk, diskRefusal, readMetadata } from './vhdx-metadata.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const regionId = {
  blockTable: '6677c22d23f600429d64115e9bfd4a08',
  metadata: '06a27c8b90479a4bb8fe575f050f886e',
};

/**
 * Microsoft's VHDX, by [MS-VHDX]. A differencing disk is refused, and so is one with a log to replay: the replay would
 * rewrite what was inspected here.
 */
export const vhdx: Format = {
  name: 'vhdx',
  *read(limits) {
    const start = yield* read(0, 8);
    if (start.toString('latin1') !== 'vhdxfile') return null;
    const refused = (refusal: string): Finding => ({ format: 'vhdx', virtualSizeBytes: null, refusal });
    const unclean = yield* headersRefusal();
    if (unclean !== null) return refused(unclean);
    const regions = yield* readRegions();
    if (typeof regions === 'string') return refused(regions);
    const items = yield* readMetadata(regions.metadata.offset, regions.metadata.length);
    if (typeof items === 'string') return refused(items);
    const disk = parseDisk(items);
    if (typeof disk === 'string') return refused(disk);
    const early = diskRefusal(disk, regions.blockTable.length, limits);
    if (early !== null) return refused(early);
    const { sizeBytes } = yield* end();
    const { blockTable, metadata } = regions;
    const late = firstRefusal([
      [blockTable.offset + blockTable.length > sizeBytes, 'its VHDX block table lies beyond its end'],
      [metadata.offset + metadata.length > sizeBytes, 'its VHDX metadata lies beyond its end'],
    ]);
    return late === null ? { format: 'vhdx', virtualSizeBytes: disk.sizeBytes, refusal: null } : refused(late);
  },
};

/** Of two headers the valid one with the higher sequence number counts. */
function* headersRefusal(): Reading<string | null> {
  const headers = [yield* read(64 * KiB, 4 * KiB), yield* read(128 * KiB, 4 * KiB)]
    .filter((bytes) => bytes.length === 4 * KiB && bytes.toString('latin1', 0, 4) === 'head')
    .filter((bytes) => bytes.readUInt32LE(4) === crc32c(bytes, 4))
    .sort((one, other) => u64le(other, 8) - u64le(one, 8));
  const current = headers[0];
  if (current === undefined) return 'its VHDX header is missing or damaged';
  return firstRefusal([
    [current.readUInt16LE(66) !== 1, 'it is VHDX of an unknown version'],
    [current.subarray(48, 64).some((byte) => byte !== 0), 'it is a VHDX that was not closed cleanly'],
  ]);
}

interface Region {
  offset: number;
  length: number;
}

function* readRegions(): Reading<{ blockTable: Region; metadata: Region } | string> {
  const table = yield* read(192 * KiB, 64 * KiB);
  const copy = yield* read(256 * KiB, 64 * KiB);
  if (table.length < 64 * KiB || table.toString('latin1', 0, 4) !== 'regi') return 'its VHDX region table is missing';
  const count = table.readUInt32LE(8);
  const bad = firstRefusal([
    [table.readUInt32LE(4) !== crc32c(table, 4), 'the checksum of its VHDX region table is wrong'],
    [!table.equals(copy), 'its two VHDX region tables contradict each other'],
    [count > 2047, 'its VHDX region table is absurdly large'],
  ]);
  if (bad !== null) return bad;
  const found = new Map<string, Region>();
  for (let at = 16; at < 16 + count * 32; at += 32) {
    const id = table.toString('hex', at, at + 16);
    const region = { offset: u64le(table, at + 16), length: table.readUInt32LE(at + 24) };
    if (found.has(id)) return 'its VHDX region table names a region twice';
    if (!Object.values(regionId).includes(id)) return 'it has a VHDX region that is unknown here';
    if (region.offset < MiB || region.offset % MiB !== 0) return 'its VHDX regions are not where they can be';
    found.set(id, region);
  }
  const blockTable = found.get(regionId.blockTable);
  const metadata = found.get(regionId.metadata);
  if (!blockTable || !metadata) return 'a VHDX region is missing';
  const [first, second] = blockTable.offset < metadata.offset ? [blockTable, metadata] : [metadata, blockTable];
  return first.offset + first.length > second.offset ? 'its VHDX regions overlap' : { blockTable, metadata };
}

function parseDisk(items: Map<string, Buffer>): Disk | string {
  const parameters = items.get('fileParameters');
  const size = items.get('virtualDiskSize');
  const logical = items.get('logicalSectorSize');
  const physical = items.get('physicalSectorSize');
  if (!parameters || !size || !logical || !physical) return 'a part of its VHDX metadata is missing';
  return {
    blockBytes: parameters.readUInt32LE(0),
    hasParent: (parameters.readUInt32LE(4) & 2) !== 0 || items.has('parentLocator'),
    sizeBytes: u64le(size, 0),
    logicalSectorBytes: logical.readUInt32LE(0),
    physicalSectorBytes: physical.readUInt32LE(0),
  };
}
