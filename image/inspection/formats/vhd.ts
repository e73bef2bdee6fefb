import { end, type Finding, type Format, firstRefusal, type Limits, type Reading, read, u64be } from '../reader.ts';

const sector = 512;
const cookie = 'conectix';
const kind = { fixed: 2, dynamic: 3 };
const tableReadBytes = 64 * 1024;
/** In the table, of a block that has no data. */
const unused = 0xffffffff;

/**
 * Microsoft's VHD, by "Virtual Hard Disk Image Format Specification" 1.0: a fixed disk is raw data with a footer, and only
 * that footer tells; a dynamic one has a copy of the footer in front. One that differs from another disk is refused.
 */
export const vhd: Format = {
  name: 'vhd',
  *read(limits) {
    const start = yield* read(0, sector);
    const hasCopy = isFooter(start);
    const dynamic = hasCopy ? yield* readDynamicHeader(start, limits) : null;
    if (dynamic !== null && dynamic.refusal !== null) return refused(dynamic.refusal);
    const { tail, sizeBytes } = yield* end();
    const footer = tail.subarray(-sector);
    if (!isFooter(footer)) return hasCopy ? refused('its VHD footer is missing, as when an upload was cut off') : null;
    const late =
      dynamic === null
        ? fixedRefusal(footer, sizeBytes, limits)
        : firstRefusal([
            [!footer.equals(start), 'its VHD footer contradicts the copy in front'],
            [dynamic.tableEndBytes > sizeBytes, 'its VHD block table lies beyond its end'],
            [dynamic.blocksEndBytes > sizeBytes, 'its VHD blocks lie beyond its end'],
          ]);
    return late === null ? { format: 'vhd', virtualSizeBytes: diskBytes(footer), refusal: null } : refused(late);
  },
};

const refused = (refusal: string): Finding => ({ format: 'vhd', virtualSizeBytes: null, refusal });
const isFooter = (bytes: Buffer) => bytes.length === sector && bytes.toString('latin1', 0, 8) === cookie;

/** The one's complement of the sum of all bytes but the checksum's own. */
function checksum(bytes: Buffer, at: number): number {
  const sum = bytes.reduce((total, byte, index) => (index >= at && index < at + 4 ? total : total + byte), 0);
  return ~sum >>> 0;
}

/** Programs that write the size of the disk and mean it; the disks of others are as large as their geometry. */
const sizeWriters = ['win ', 'qem2', 'd2v ', 'tap\0', 'CTXS'];
const mostCylinders = 65535;
const mostTrackSectors = 16 * 255;

/** As QEMU takes it (vpc_open in block/vpc.c): a geometry at its limit says nothing of the size. */
function diskBytes(footer: Buffer): number {
  const [cylinders, heads, sectors] = [footer.readUInt16BE(56), footer.readUInt8(58), footer.readUInt8(59)];
  const isAtLimit = cylinders * heads * sectors === mostCylinders * mostTrackSectors;
  const isSizeMeant = isAtLimit || sizeWriters.includes(footer.toString('latin1', 28, 32));
  return isSizeMeant ? u64be(footer, 48) : cylinders * heads * sectors * sector;
}

function footerRefusal(footer: Buffer, limits: Limits): string | null {
  return firstRefusal([
    [footer.readUInt32BE(64) !== checksum(footer, 64), 'the checksum of its VHD footer is wrong'],
    [footer.readUInt32BE(12) >>> 16 !== 1, 'it is VHD of an unknown version'],
    [Math.max(u64be(footer, 48), diskBytes(footer)) > limits.virtualSizeBytes, 'its virtual size is beyond the limit'],
    [diskBytes(footer) % sector !== 0, 'its VHD virtual size is not a number of sectors'],
  ]);
}

function fixedRefusal(footer: Buffer, sizeBytes: number, limits: Limits): string | null {
  return (
    footerRefusal(footer, limits) ??
    firstRefusal([
      [footer.readUInt32BE(60) !== kind.fixed, 'its VHD footer belongs to a disk that is not all here'],
      [diskBytes(footer) > sizeBytes - sector, 'its VHD footer promises more data than there is'],
    ])
  );
}

interface Dynamic {
  refusal: string | null;
  tableEndBytes: number;
  blocksEndBytes: number;
}

function* readDynamicHeader(footer: Buffer, limits: Limits): Reading<Dynamic> {
  const headerOffset = u64be(footer, 16);
  const early =
    footerRefusal(footer, limits) ??
    firstRefusal([
      [footer.readUInt32BE(60) !== kind.dynamic, 'it is a VHD that depends on another disk'],
      [headerOffset < sector || headerOffset > 1024 * 1024, 'its VHD header is not where one can be'],
    ]);
  const bad = (refusal: string) => ({ refusal, tableEndBytes: 0, blocksEndBytes: 0 });
  if (early !== null) return bad(early);
  const header = yield* read(headerOffset, 1024);
  if (header.length < 1024 || header.toString('latin1', 0, 8) !== 'cxsparse') return bad('its VHD header is missing');
  const tableOffset = u64be(header, 16);
  const entries = header.readUInt32BE(28);
  const blockBytes = header.readUInt32BE(32);
  const refusal = firstRefusal([
    [header.readUInt32BE(36) !== checksum(header, 36), 'the checksum of its VHD header is wrong'],
    // Parent's id, time, name, and eight locators.
    [header.subarray(40, 768).some((byte) => byte !== 0), 'its VHD header names a parent'],
    [blockBytes < sector || (blockBytes & (blockBytes - 1)) !== 0, 'its VHD block size is absurd'],
    [entries * blockBytes < diskBytes(footer), 'its VHD block table is too small for its virtual size'],
    [entries * 4 > 256 * 1024 * 1024, 'its VHD block table is absurdly large'],
    [tableOffset < headerOffset + 1024, 'its VHD block table is not where one can be'],
  ]);
  if (refusal !== null) return bad(refusal);
  return {
    refusal: null,
    tableEndBytes: tableOffset + entries * 4,
    blocksEndBytes: yield* blocksEnd(tableOffset, entries, blockBytes),
  };
}

/** Where the last block ends, with the bitmap of its sectors in front. */
function* blocksEnd(tableOffset: number, entries: number, blockBytes: number): Reading<number> {
  const bitmapBytes = Math.ceil(blockBytes / sector / 8 / sector) * sector;
  const tableEnd = tableOffset + entries * 4;
  let last = -1;
  for (let at = tableOffset; at < tableEnd; at += tableReadBytes) {
    const bytes = yield* read(at, Math.min(tableReadBytes, tableEnd - at));
    for (let entry = 0; entry + 4 <= bytes.length; entry += 4) {
      const first = bytes.readUInt32BE(entry);
      if (first !== unused && first > last) last = first;
    }
  }
  return last < 0 ? 0 : last * sector + bitmapBytes + blockBytes;
}
