import { end, type Finding, type Format, firstRefusal, type Limits, type Reading, read, u64be } from '../reader.ts';

const sector = 512;
const cookie = 'conectix';
const kind = { fixed: 2, dynamic: 3 };

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
          ]);
    return late === null ? { format: 'vhd', virtualSizeBytes: u64be(footer, 48), refusal: null } : refused(late);
  },
};

const refused = (refusal: string): Finding => ({ format: 'vhd', virtualSizeBytes: null, refusal });
const isFooter = (bytes: Buffer) => bytes.length === sector && bytes.toString('latin1', 0, 8) === cookie;

/** The one's complement of the sum of all bytes but the checksum's own. */
function checksum(bytes: Buffer, at: number): number {
  const sum = bytes.reduce((total, byte, index) => (index >= at && index < at + 4 ? total : total + byte), 0);
  return ~sum >>> 0;
}

function footerRefusal(footer: Buffer, limits: Limits): string | null {
  return firstRefusal([
    [footer.readUInt32BE(64) !== checksum(footer, 64), 'the checksum of its VHD footer is wrong'],
    [footer.readUInt32BE(12) >>> 16 !== 1, 'it is VHD of an unknown version'],
    [u64be(footer, 48) > limits.virtualSizeBytes, 'its virtual size is beyond the limit'],
  ]);
}

function fixedRefusal(footer: Buffer, sizeBytes: number, limits: Limits): string | null {
  return (
    footerRefusal(footer, limits) ??
    firstRefusal([
      [footer.readUInt32BE(60) !== kind.fixed, 'its VHD footer belongs to a disk that is not all here'],
      [u64be(footer, 48) > sizeBytes - sector, 'its VHD footer promises more data than there is'],
    ])
  );
}

function* readDynamicHeader(
  footer: Buffer,
  limits: Limits,
): Reading<{ refusal: string | null; tableEndBytes: number }> {
  const headerOffset = u64be(footer, 16);
  const early =
    footerRefusal(footer, limits) ??
    firstRefusal([
      [footer.readUInt32BE(60) !== kind.dynamic, 'it is a VHD that depends on another disk'],
      [headerOffset < sector || headerOffset > 1024 * 1024, 'its VHD header is not where one can be'],
    ]);
  if (early !== null) return { refusal: early, tableEndBytes: 0 };
  const header = yield* read(headerOffset, 1024);
  if (header.length < 1024 || header.toString('latin1', 0, 8) !== 'cxsparse') {
    return { refusal: 'its VHD header is missing', tableEndBytes: 0 };
  }
  const entries = header.readUInt32BE(28);
  const blockBytes = header.readUInt32BE(32);
  const refusal = firstRefusal([
    [header.readUInt32BE(36) !== checksum(header, 36), 'the checksum of its VHD header is wrong'],
    // Parent's id, time, name, and eight locators.
    [header.subarray(40, 768).some((byte) => byte !== 0), 'its VHD header names a parent'],
    [blockBytes < sector || (blockBytes & (blockBytes - 1)) !== 0, 'its VHD block size is absurd'],
    [entries * blockBytes < u64be(footer, 48), 'its VHD block table is too small for its virtual size'],
    [entries * 4 > 256 * 1024 * 1024, 'its VHD block table is absurdly large'],
  ]);
  return { refusal, tableEndBytes: u64be(header, 16) + entries * 4 };
}
