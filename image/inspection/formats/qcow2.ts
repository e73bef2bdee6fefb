import { end, type Format, firstRefusal, type Limits, type Reading, read, u64be } from '../reader.ts';

const magic = 'QFI\xfb';
const dataFileExtension = 0x44415441;
/** QEMU refuses larger ones too (QCOW_MAX_L1_SIZE, QCOW_MAX_REFTABLE_SIZE). */
const maximumL1Bytes = 32 * 1024 * 1024;
const maximumRefcountTableBytes = 8 * 1024 * 1024;
const maximumSnapshots = 256;
const smallestClusterBytes = 512;
const sectorBytes = 512;
/** Real header extensions are some hundred bytes; QEMU writes about 400. */
const maximumExtensionBytes = 64 * 1024;

const feature = { dirty: 1n, corrupt: 2n, externalData: 4n, compressionType: 8n, extendedL2: 16n };
const knownFeatures = Object.values(feature).reduce((all, bit) => all | bit, 0n);

/** QEMU's qcow2, versions 2 and 3, by docs/interop/qcow2.txt of QEMU. A file that stands alone, or it is refused. */
export const qcow2: Format = {
  name: 'qcow2',
  *read(limits) {
    const start = yield* read(0, smallestClusterBytes);
    if (start.length < 8 || start.toString('latin1', 0, 4) !== magic) return null;
    const version = start.readUInt32BE(4);
    if (version === 1) return null; // `qcow`, another format with the same magic
    const refused = (refusal: string | null) => ({ format: 'qcow2', virtualSizeBytes: null, refusal }) as const;
    if (version !== 2 && version !== 3) return refused(`it is qcow2 of the unknown version ${version}`);
    if (start.length < smallestClusterBytes) return refused('its qcow2 header is cut off');
    const header = parseHeader(start, version);
    const early = headerRefusal(header, limits) ?? (yield* extensionRefusal(header, start));
    if (early !== null) return refused(early);
    const { sizeBytes } = yield* end();
    const late = tableRefusal(header, sizeBytes);
    return late === null ? { format: 'qcow2', virtualSizeBytes: header.sizeBytes, refusal: null } : refused(late);
  },
};

function parseHeader(bytes: Buffer, version: 2 | 3) {
  const v3 = version === 3;
  return {
    backingFileOffset: u64be(bytes, 8),
    backingFileNameBytes: bytes.readUInt32BE(16),
    clusterBits: bytes.readUInt32BE(20),
    sizeBytes: u64be(bytes, 24),
    encryption: bytes.readUInt32BE(32),
    l1Entries: bytes.readUInt32BE(36),
    l1Offset: u64be(bytes, 40),
    refcountTableOffset: u64be(bytes, 48),
    refcountTableClusters: bytes.readUInt32BE(56),
    snapshots: bytes.readUInt32BE(60),
    snapshotsOffset: u64be(bytes, 64),
    features: v3 ? bytes.readBigUInt64BE(72) : 0n,
    refcountOrder: v3 ? bytes.readUInt32BE(96) : 4,
    headerBytes: v3 ? bytes.readUInt32BE(100) : 72,
    leastBytes: v3 ? 104 : 72,
    compression: v3 && bytes.readUInt32BE(100) > 104 ? bytes.readUInt8(104) : 0,
  };
}
type Header = ReturnType<typeof parseHeader>;

const has = (header: Header, bit: bigint) => (header.features & bit) !== 0n;

function headerRefusal(header: Header, limits: Limits): string | null {
  const { clusterBits, headerBytes } = header;
  return firstRefusal([
    [header.backingFileOffset !== 0 || header.backingFileNameBytes !== 0, 'its qcow2 header names a backing file'],
    [has(header, feature.externalData), 'its qcow2 header names an external data file'],
    [has(header, feature.corrupt), 'it is a qcow2 image that is marked as corrupt'],
    [(header.features & ~knownFeatures) !== 0n, 'its qcow2 header asks for features that are unknown here'],
    [header.encryption !== 0, 'it is an encrypted qcow2 image'],
    [clusterBits < 9 || clusterBits > 21, `its qcow2 cluster size of 2^${clusterBits} bytes is out of range`],
    [header.refcountOrder > 6, 'its qcow2 refcount width is out of range'],
    [header.headerBytes < header.leastBytes || header.headerBytes % 8 !== 0, 'its qcow2 header length is not valid'],
    [headerBytes > 2 ** clusterBits, 'its qcow2 header is longer than a cluster'],
    [
      header.compression > 1 || has(header, feature.compressionType) !== (header.compression !== 0),
      'its qcow2 compression type is unknown here',
    ],
    [header.sizeBytes > limits.virtualSizeBytes, 'its virtual size is beyond the limit'],
    [header.sizeBytes % sectorBytes !== 0, 'its qcow2 virtual size is not a number of sectors'],
  ]);
}

/** A data file's name alone is not opened by QEMU without the feature bit, and has no honest reason to be there. */
function* extensionRefusal(header: Header, start: Buffer): Reading<string | null> {
  const areaBytes = Math.min(2 ** header.clusterBits, maximumExtensionBytes);
  const more = areaBytes - start.length;
  const area = more > 0 ? Buffer.concat([start, yield* read(start.length, more)]) : start;
  for (let at = header.headerBytes; at + 8 <= area.length; ) {
    const type = area.readUInt32BE(at);
    const bytes = area.readUInt32BE(at + 4);
    if (type === dataFileExtension) return 'its qcow2 header names an external data file';
    if (at + 8 + bytes > 2 ** header.clusterBits) return 'a qcow2 header extension is longer than its cluster';
    if (type === 0) return null;
    at += 8 + Math.ceil(bytes / 8) * 8;
  }
  return areaBytes < 2 ** header.clusterBits ? 'its qcow2 header extensions do not end' : null;
}

function tableRefusal(header: Header, sizeBytes: number): string | null {
  const clusterBytes = 2 ** header.clusterBits;
  const l2Entries = clusterBytes / (has(header, feature.extendedL2) ? 16 : 8);
  const neededL1Entries = Math.ceil(header.sizeBytes / (clusterBytes * l2Entries));
  const refcountTableBytes = header.refcountTableClusters * clusterBytes;
  return firstRefusal([
    [header.l1Entries * 8 > maximumL1Bytes, 'its qcow2 L1 table is absurdly large'],
    [header.l1Entries < neededL1Entries, 'its qcow2 L1 table is too small for its virtual size'],
    [header.l1Offset % clusterBytes !== 0, 'its qcow2 L1 table is not where one can be'],
    [header.l1Offset + header.l1Entries * 8 > sizeBytes, 'its qcow2 L1 table lies beyond the end of the data'],
    [header.refcountTableClusters === 0, 'its qcow2 refcount table is missing'],
    [refcountTableBytes > maximumRefcountTableBytes, 'its qcow2 refcount table is absurdly large'],
    [header.refcountTableOffset % clusterBytes !== 0, 'its qcow2 refcount table is not where one can be'],
    [
      header.refcountTableOffset + refcountTableBytes > sizeBytes,
      'its qcow2 refcount table lies beyond the end of the data',
    ],
    [header.snapshots > maximumSnapshots, `it holds more than ${maximumSnapshots} internal snapshots`],
    [header.snapshotsOffset % clusterBytes !== 0, 'its qcow2 snapshot table is not where one can be'],
    [header.snapshotsOffset > 0 && header.snapshotsOffset >= sizeBytes, 'its qcow2 snapshot table lies beyond the end'],
  ]);
}
