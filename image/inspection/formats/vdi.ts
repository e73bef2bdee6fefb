import { end, type Finding, type Format, firstRefusal, type Limits, read, u64le } from '../reader.ts';

const magic = 0xbeda107f;
const headerBytes = 512;
const kind = { dynamic: 1, fixed: 2 };

/** VirtualBox's VDI 1.1, by VDICore.h of VirtualBox. Undo and differencing images, which name a parent, are refused. */
export const vdi: Format = {
  name: 'vdi',
  *read(limits) {
    const bytes = yield* read(0, headerBytes);
    if (bytes.length < 0x44 || bytes.readUInt32LE(0x40) !== magic) return null;
    const refused = (refusal: string): Finding => ({ format: 'vdi', virtualSizeBytes: null, refusal });
    if (bytes.length < headerBytes) return refused('its VDI header is cut off');
    const header = parseHeader(bytes);
    const early = headerRefusal(header, limits);
    if (early !== null) return refused(early);
    const { sizeBytes } = yield* end();
    const dataEnd = header.dataOffset + header.allocatedBlocks * header.blockBytes;
    const late = firstRefusal([
      [header.mapOffset + header.blocks * 4 > sizeBytes, 'its VDI block map lies beyond its end'],
      [dataEnd > sizeBytes, 'its VDI blocks lie beyond its end, as when an upload was cut off'],
    ]);
    return late === null ? { format: 'vdi', virtualSizeBytes: header.sizeBytes, refusal: null } : refused(late);
  },
};

function parseHeader(bytes: Buffer) {
  return {
    version: bytes.readUInt32LE(0x44),
    kind: bytes.readUInt32LE(0x4c),
    mapOffset: bytes.readUInt32LE(0x154),
    dataOffset: bytes.readUInt32LE(0x158),
    sectorBytes: bytes.readUInt32LE(0x168),
    sizeBytes: u64le(bytes, 0x170),
    blockBytes: bytes.readUInt32LE(0x178),
    extraBytes: bytes.readUInt32LE(0x17c),
    blocks: bytes.readUInt32LE(0x180),
    allocatedBlocks: bytes.readUInt32LE(0x184),
    parents: bytes.subarray(0x1a8, 0x1c8), // the ids of the image it was linked to and of its parent
  };
}

function headerRefusal(header: ReturnType<typeof parseHeader>, limits: Limits): string | null {
  return firstRefusal([
    [header.version !== 0x00010001, 'it is VDI of an unknown version'],
    [header.kind !== kind.dynamic && header.kind !== kind.fixed, 'it is a VDI that depends on another disk'],
    [header.parents.some((byte) => byte !== 0), 'its VDI header names a parent'],
    [header.sizeBytes > limits.virtualSizeBytes, 'its virtual size is beyond the limit'],
    [header.sectorBytes !== 512, 'its VDI sector size is absurd'],
    // What QEMU accepts too: VirtualBox has never written another block size.
    [header.blockBytes !== 1024 * 1024 || header.extraBytes !== 0, 'its VDI block size is absurd'],
    [header.blocks * header.blockBytes < header.sizeBytes, 'its VDI block map is too small for its virtual size'],
    [header.allocatedBlocks > header.blocks, 'it claims more VDI blocks than it has'],
    [header.mapOffset % 512 !== 0 || header.dataOffset % 512 !== 0, 'its VDI tables are not where they can be'],
    [header.mapOffset < headerBytes || header.dataOffset < header.mapOffset, 'its VDI tables overlap its header'],
  ]);
}
