import { end, type Finding, type Format, firstRefusal, type Limits, maximumReadBytes, read, u64le } from '../reader.ts';
import { descriptorRefusal, looksLikeDescriptor } from './vmdk-descriptor.ts';

const sector = 512;
const directoryAtEnd = 2n ** 64n - 1n;
const secondDirectoryFlag = 2;
/** QEMU refuses larger ones too (vmdk_add_extent in block/vmdk.c). */
const maximumDirectoryBytes = 512 * 1024 * 1024;
const marker = { endOfStream: 0, footer: 3 };

/**
 * VMware's VMDK, by "Virtual Disk Format 5.0" (VMware, 2011): only a sparse extent that embeds its descriptor. QEMU would
 * open the files that a text descriptor names, and treats a sparse header with capacity 0 as one.
 */
export const vmdk: Format = {
  name: 'vmdk',
  *read(limits) {
    const start = yield* read(0, sector);
    const refused = (refusal: string): Finding => ({ format: 'vmdk', virtualSizeBytes: null, refusal });
    const signature = start.toString('latin1', 0, 4);
    if (signature === 'COWD') return refused('it is a VMDK of ESX, which is more than one file');
    if (signature !== 'KDMV') {
      const isText = looksLikeDescriptor(start.toString('latin1'));
      return isText ? refused('it is only a VMDK descriptor, which names other files') : null;
    }
    if (start.length < sector) return refused('its VMDK header is cut off');
    const header = parseHeader(start);
    const early = headerRefusal(header, limits);
    if (early !== null) return refused(early);
    const descriptor = yield* read(sector, header.descriptorSectors * sector);
    const bad = descriptorRefusal(descriptor);
    if (bad !== null) return refused(bad);
    const { tail, sizeBytes } = yield* end();
    const isAtEnd = header.directory === directoryAtEnd;
    const late =
      (isAtEnd ? footerRefusal(start, tail, sizeBytes) : null) ??
      tablesRefusal(isAtEnd ? parseHeader(tail.subarray(sector, 2 * sector)) : header, sizeBytes);
    if (late !== null) return refused(late);
    return { format: 'vmdk', virtualSizeBytes: header.sectors * sector, refusal: null };
  },
};

type Header = ReturnType<typeof parseHeader>;

function parseHeader(bytes: Buffer) {
  return {
    version: bytes.readUInt32LE(4),
    flags: bytes.readUInt32LE(8),
    sectors: u64le(bytes, 12),
    grainSectors: u64le(bytes, 20),
    descriptorOffset: u64le(bytes, 28),
    descriptorSectors: u64le(bytes, 36),
    entriesPerTable: bytes.readUInt32LE(44),
    secondDirectory: bytes.readBigUInt64LE(48),
    directory: bytes.readBigUInt64LE(56),
    overheadSectors: u64le(bytes, 64),
    newlines: bytes.toString('latin1', 73, 77),
    compression: bytes.readUInt16LE(77),
  };
}

function headerRefusal(header: Header, limits: Limits): string | null {
  const { grainSectors, descriptorSectors } = header;
  return firstRefusal([
    [![1, 2, 3].includes(header.version), `it is VMDK of the unknown version ${header.version}`],
    [header.newlines !== '\n \r\n', 'its VMDK header was damaged by a transfer as text'],
    [header.sectors === 0, 'its VMDK header has no capacity'],
    [header.sectors * sector > limits.virtualSizeBytes, 'its virtual size is beyond the limit'],
    [
      grainSectors < 8 || grainSectors > 65536 || !Number.isInteger(Math.log2(grainSectors)),
      'its VMDK grain size is absurd',
    ],
    [header.entriesPerTable !== 512, 'its VMDK grain table size is absurd'],
    [header.descriptorOffset !== 1, 'its VMDK descriptor is not where one can be'],
    [
      descriptorSectors < 1 || descriptorSectors * sector > maximumReadBytes,
      'its VMDK descriptor is missing or absurdly large',
    ],
    [header.compression > 1, 'its VMDK compression is unknown here'],
  ]);
}

/** The footer replaces the header for whoever opens the file: it may differ only in saying where the directories are. */
function footerRefusal(header: Buffer, tail: Buffer, sizeBytes: number): string | null {
  const missing = 'its VMDK footer is missing, as when an upload was cut off';
  if (tail.length < 3 * sector || sizeBytes < 5 * sector) return missing;
  const [footerMarker, footer, lastMarker] = [0, 1, 2].map((at) => tail.subarray(at * sector, (at + 1) * sector));
  const same = Buffer.from(footer!);
  header.copy(same, 48, 48, 73); // both directories, the overhead, whether it was closed cleanly
  return firstRefusal([
    [footerMarker!.readUInt32LE(12) !== marker.footer || footerMarker!.readUInt32LE(8) !== 0, missing],
    [lastMarker!.some((byte) => byte !== marker.endOfStream), missing],
    [!same.equals(header), 'its VMDK footer contradicts its header'],
  ]);
}

/** QEMU reads both directories when it opens the file, and expects its grains behind them. */
function tablesRefusal(header: Header, sizeBytes: number): string | null {
  const { sectors, grainSectors, entriesPerTable } = header;
  const directoryBytes = Math.ceil(sectors / (grainSectors * entriesPerTable)) * 4;
  const isBeyond = (startSector: bigint) => Number(startSector) * sector + directoryBytes > sizeBytes;
  const hasSecond = (header.flags & secondDirectoryFlag) !== 0;
  return firstRefusal([
    [directoryBytes > maximumDirectoryBytes, 'its VMDK grain directory is absurdly large'],
    [isBeyond(header.directory), 'its VMDK grain directory lies beyond its end'],
    [hasSecond && isBeyond(header.secondDirectory), 'its second VMDK grain directory lies beyond its end'],
    [header.overheadSectors * sector > sizeBytes, 'its VMDK grains lie beyond its end'],
  ]);
}
