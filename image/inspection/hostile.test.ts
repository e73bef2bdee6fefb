import test from 'ava';
import { dockerEntries, makeCorpus, makeTar, type TarEntry } from './corpus.ts';
import { crc32c } from './crc32c.ts';
import { createInspector, type DeclaredFormat } from './inspector.ts';

const corpus = await makeCorpus();

function refusalOf(
  bytes: Buffer,
  diskFormat: DeclaredFormat['diskFormat'],
  containerFormat: 'bare' | 'docker' = 'bare',
) {
  const inspector = createInspector({ diskFormat, containerFormat });
  for (let at = 0; at < bytes.length; at += 65536) inspector.write(bytes.subarray(at, at + 65536));
  return inspector.finish().refusal ?? 'accepted';
}

interface Mutation {
  why: string;
  of: string;
  as: DeclaredFormat['diskFormat'];
  change: (bytes: Buffer) => unknown;
  says: RegExp;
}

/** A header field written over; a text field found and replaced by one of the same length. */
const u32be = (at: number, value: number) => (bytes: Buffer) => bytes.writeUInt32BE(value, at);
const u64be = (at: number, value: bigint) => (bytes: Buffer) => bytes.writeBigUInt64BE(value, at);
const u32le = (at: number, value: number) => (bytes: Buffer) => bytes.writeUInt32LE(value, at);
const u64le = (at: number, value: bigint) => (bytes: Buffer) => bytes.writeBigUInt64LE(value, at);
const replace = (from: string, to: string) => (bytes: Buffer) => {
  const at = bytes.indexOf(from);
  if (at === -1 || to.length > from.length) throw new Error(`cannot replace ${from}`);
  return bytes.write(to.padEnd(from.length), at, 'latin1');
};
const all =
  (...changes: ((bytes: Buffer) => unknown)[]) =>
  (bytes: Buffer) =>
    changes.map((change) => change(bytes));
const eightExbibytes = 2n ** 63n;

const qcow2 = { of: 'qcow2 v3', as: 'qcow2' } as const;
const sparse = { of: 'vmdk sparse', as: 'vmdk' } as const;
const dynamicVhd = { of: 'vhd dynamic', as: 'vhd' } as const;
const fixedVhd = { of: 'vhd fixed', as: 'vhd' } as const;
const vhdx = { of: 'vhdx dynamic', as: 'vhdx' } as const;
const vdi = { of: 'vdi dynamic', as: 'vdi' } as const;

const mutations: Mutation[] = [
  { ...qcow2, why: 'a backing file', change: all(u64be(8, 512n), u32be(16, 11)), says: /backing file/ },
  { ...qcow2, why: 'a backing file without length', change: u64be(8, 512n), says: /backing file/ },
  {
    of: 'qcow2 v2',
    as: 'qcow2',
    why: 'a backing file, v2',
    change: all(u64be(8, 512n), u32be(16, 11)),
    says: /backing file/,
  },
  {
    of: 'qcow2 v3',
    as: 'raw',
    why: 'a backing file, declared raw',
    change: u64be(8, 512n),
    says: /declared as raw but is qcow2/,
  },
  { ...qcow2, why: 'an external data file', change: u64be(72, 4n), says: /external data file/ },
  {
    ...qcow2,
    why: 'the name of a data file',
    change: all(u32be(112, 0x44415441), u32be(116, 8)),
    says: /external data file/,
  },
  { ...qcow2, why: 'the corrupt bit', change: u64be(72, 2n), says: /corrupt/ },
  { ...qcow2, why: 'an unknown feature', change: u64be(72, 32n), says: /unknown/ },
  { ...qcow2, why: 'the highest feature', change: u64be(72, 2n ** 63n), says: /unknown/ },
  { ...qcow2, why: 'version 4', change: u32be(4, 4), says: /unknown version 4/ },
  { ...qcow2, why: 'tiny clusters', change: u32be(20, 8), says: /cluster size/ },
  { ...qcow2, why: 'huge clusters', change: u32be(20, 31), says: /cluster size/ },
  { ...qcow2, why: 'absurd clusters', change: u32be(20, 0xffffffff), says: /cluster size/ },
  { ...qcow2, why: 'a disk of 8 EiB', change: u64be(24, eightExbibytes), says: /virtual size/ },
  { ...qcow2, why: 'a disk of 16 EiB less one', change: u64be(24, 2n ** 64n - 1n), says: /virtual size/ },
  { ...qcow2, why: 'encryption', change: u32be(32, 1), says: /encrypted/ },
  { ...qcow2, why: 'a huge L1 table', change: u32be(36, 0xffffffff), says: /L1 table is absurdly large/ },
  { ...qcow2, why: 'no L1 table', change: u32be(36, 0), says: /too small/ },
  { ...qcow2, why: 'an L1 table beyond the end', change: u64be(40, 2n ** 40n), says: /L1 table lies beyond/ },
  { ...qcow2, why: 'an unaligned L1 table', change: u64be(40, 513n), says: /L1 table is not where/ },
  {
    ...qcow2,
    why: 'a refcount table beyond the end',
    change: u64be(48, 2n ** 40n),
    says: /refcount table lies beyond/,
  },
  { ...qcow2, why: 'a huge refcount table', change: u32be(56, 0xffffffff), says: /refcount table is absurdly/ },
  { ...qcow2, why: 'no refcount table', change: u32be(56, 0), says: /refcount table is missing/ },
  { ...qcow2, why: 'a huge snapshot table', change: u32be(60, 0xffffffff), says: /internal snapshots/ },
  {
    ...qcow2,
    why: 'a snapshot beyond the end',
    change: all(u32be(60, 1), u64be(64, 2n ** 40n)),
    says: /snapshot table/,
  },
  { ...qcow2, why: 'absurd refcounts', change: u32be(96, 7), says: /refcount width/ },
  { ...qcow2, why: 'a short header', change: u32be(100, 72 + 8), says: /header length/ },
  { ...qcow2, why: 'the header of version 2', change: u32be(100, 72), says: /header length/ },
  { ...qcow2, why: 'an endless header', change: u32be(100, 0xfffffff8), says: /longer than a cluster/ },
  {
    ...qcow2,
    why: 'an unknown compression',
    change: all(u64be(72, 8n), (b) => b.writeUInt8(9, 104)),
    says: /compression/,
  },
  {
    ...qcow2,
    why: 'a compression that is not announced',
    change: (b) => b.writeUInt8(1, 104),
    says: /compression/,
  },
  { ...qcow2, why: 'half a sector', change: u64be(24, 1000n), says: /number of sectors/ },
  { ...qcow2, why: 'an unaligned snapshot table', change: u64be(64, 8n), says: /snapshot table is not where/ },
  { ...qcow2, why: 'an endless extension', change: u32be(116, 0xffffffff), says: /longer than its cluster/ },
  { ...qcow2, why: 'extensions without end', change: (b) => b.fill(1, 112, 65536), says: /./ },

  {
    ...sparse,
    why: 'a flat file',
    change: replace('createType="monolithicSparse"', 'createType="monolithicFlat"'),
    says: /only the VMDK types/,
  },
  { ...sparse, why: 'no type', change: replace('createType="monolithicSparse"', ''), says: /only the VMDK types/ },
  {
    ...sparse,
    why: 'an extent with a path',
    change: replace('SPARSE "image"', 'SPARSE "/etc/"'),
    says: /name another file/,
  },
  { ...sparse, why: 'a flat extent', change: replace('SPARSE "image"', 'FLAT "image" '), says: /name another file/ },
  {
    ...sparse,
    why: 'a second extent',
    change: replace('SPARSE "image"\n', 'SPARSE ""\nRW 1'),
    says: /exactly one extent/,
  },
  { ...sparse, why: 'a parent', change: replace('parentCID=ffffffff', 'parentCID=00000001'), says: /parent/ },
  {
    ...sparse,
    why: 'a change-tracking file',
    change: replace('parentCID=ffffffff', 'changeTrackPath=x'),
    says: /names another file/,
  },
  {
    ...sparse,
    why: 'a parent in a comment',
    change: replace('# Extent description\nRW 8192 SPARSE', '#parentFileNameHint="/etc/passwd"\n'),
    says: /names another file/,
  },
  {
    ...sparse,
    why: 'a parent behind a geometry',
    change: replace('ddb.geometry.cylinders = "8"\nddb', 'ddb.x = "parentFileNameHint="x"'),
    says: /names another file/,
  },
  {
    ...sparse,
    why: 'a setting in a comment',
    change: replace('# The Disk Data Base', '#parentCID=12345678'),
    says: /not understood/,
  },
  {
    ...sparse,
    why: 'a descriptor that goes on behind its end',
    change: (b) => b.fill('#', b.indexOf(0, 512), 512 + 20 * 512),
    says: /does not end/,
  },
  { ...sparse, why: 'no identifier', change: (b) => b.write('x', b.indexOf('CID=') + 4), says: /no identifier/ },
  { ...sparse, why: 'grains beyond its end', change: u64le(64, 2n ** 40n), says: /grains lie beyond/ },
  { ...sparse, why: 'a second directory beyond its end', change: u64le(48, 2n ** 40n), says: /second VMDK grain/ },
  { ...sparse, why: 'a descriptor far away', change: u64le(28, 9n), says: /descriptor is not where/ },
  { ...sparse, why: 'no descriptor', change: all(u64le(28, 0n), u64le(36, 0n)), says: /descriptor/ },
  { ...sparse, why: 'a huge descriptor', change: u64le(36, 2n ** 40n), says: /absurdly large/ },
  { ...sparse, why: 'no capacity', change: u64le(12, 0n), says: /no capacity/ },
  { ...sparse, why: 'a huge capacity', change: u64le(12, 2n ** 63n), says: /virtual size/ },
  { ...sparse, why: 'an absurd grain', change: u64le(20, 2n ** 40n), says: /grain size/ },
  { ...sparse, why: 'an absurd grain table', change: u32le(44, 0xffffffff), says: /grain table/ },
  { ...sparse, why: 'an unknown version', change: u32le(4, 9), says: /unknown version/ },
  { ...sparse, why: 'a directory beyond its end', change: u64le(56, 2n ** 40n), says: /grain directory/ },
  { ...sparse, why: 'a footer that is missing', change: u64le(56, 2n ** 64n - 1n), says: /footer is missing/ },
  { ...sparse, why: 'the magic of ESX', change: (b) => b.write('COWD'), says: /ESX/ },
  { of: 'vmdk descriptor', as: 'vmdk', why: 'only a descriptor', change: () => {}, says: /names other files/ },

  { ...dynamicVhd, why: 'a changed footer', change: (b) => b.writeUInt8(9, b.length - 20), says: /contradicts/ },
  {
    ...dynamicVhd,
    why: 'a differencing disk',
    change: (b) => signVhd(b, 0, 64, u32be(60, 4)),
    says: /depends on another/,
  },
  { ...dynamicVhd, why: 'a wrong checksum', change: u32be(64, 0), says: /checksum/ },
  {
    ...dynamicVhd,
    why: 'a disk of 8 EiB',
    change: (b) => signVhd(b, 0, 64, u64be(48, eightExbibytes)),
    says: /virtual size/,
  },
  {
    ...dynamicVhd,
    why: 'a header far away',
    change: (b) => signVhd(b, 0, 64, u64be(16, 2n ** 63n)),
    says: /header is not where/,
  },
  {
    ...dynamicVhd,
    why: 'a parent name',
    change: (b) => signVhd(b, 512, 36, (h) => h.write('/', 64)),
    says: /names a parent/,
  },
  { ...dynamicVhd, why: 'a parent locator', change: (b) => signVhd(b, 512, 36, u32be(576, 1)), says: /names a parent/ },
  { ...dynamicVhd, why: 'no table', change: (b) => signVhd(b, 512, 36, u32be(28, 0)), says: /table is too small/ },
  {
    ...dynamicVhd,
    why: 'a huge table',
    change: (b) => signVhd(b, 512, 36, u32be(28, 0xffffffff)),
    says: /absurdly large/,
  },
  {
    ...dynamicVhd,
    why: 'a table beyond the end',
    change: (b) => signVhd(b, 512, 36, u64be(16, 2n ** 62n)),
    says: /beyond its end/,
  },
  {
    ...dynamicVhd,
    why: 'a block beyond the end',
    change: (b) => b.writeUInt32BE(2 ** 31, 1536),
    says: /blocks lie beyond/,
  },
  {
    ...dynamicVhd,
    why: 'a geometry beyond the table',
    change: (b) =>
      signVhd(
        b,
        0,
        64,
        all((h) => h.write('vbox', 28), u32be(56, 0xfffe10ff)),
      ),
    says: /table is too small/,
  },
  {
    ...dynamicVhd,
    why: 'half a sector',
    change: (b) => signVhd(b, 0, 64, u64be(48, 1000n)),
    says: /number of sectors/,
  },
  { ...dynamicVhd, why: 'an absurd block', change: (b) => signVhd(b, 512, 36, u32be(32, 3)), says: /block size/ },
  {
    ...fixedVhd,
    why: 'more than there is',
    change: (b) => signVhd(b, b.length - 512, 64, u64be(48, 2n ** 40n)),
    says: /more data/,
  },
  {
    ...fixedVhd,
    why: 'a disk that is not here',
    change: (b) => signVhd(b, b.length - 512, 64, u32be(60, 3)),
    says: /not all here/,
  },
  { of: 'vhd fixed', as: 'raw', why: 'declared raw', change: () => {}, says: /declared as raw but is vhd/ },

  {
    ...vhdx,
    why: 'damaged headers',
    change: all(
      (b) => b.fill(0, 65536, 69632),
      (b) => b.fill(0, 131072, 135168),
    ),
    says: /header is missing/,
  },
  { ...vhdx, why: 'a damaged region table', change: u32le(196608 + 24, 1), says: /checksum/ },
  { ...vhdx, why: 'two region tables', change: u32le(262144 + 24, 1), says: /contradict/ },

  {
    ...vhdx,
    why: 'a log to replay',
    change: (b) => signVhdx(b, [65536, 131072], 4096, u32le(48, 1)),
    says: /closed cleanly/,
  },
  {
    ...vhdx,
    why: 'an unknown version',
    change: (b) => signVhdx(b, [65536, 131072], 4096, u32le(64, 0xffffffff)),
    says: /version/,
  },
  { ...vhdx, why: 'an unknown region', change: (b) => signVhdx(b, regions, 65536, u32le(16, 1)), says: /unknown here/ },
  {
    ...vhdx,
    why: 'a region in the header',
    change: (b) => signVhdx(b, regions, 65536, u64le(32, 0n)),
    says: /not where/,
  },
  {
    ...vhdx,
    why: 'regions over each other',
    change: (b) => signVhdx(b, regions, 65536, u64le(32, 3n * MiB)),
    says: /overlap/,
  },
  {
    ...vhdx,
    why: 'a region beyond the end',
    change: (b) => signVhdx(b, regions, 65536, u64le(32, 2n ** 50n)),
    says: /beyond its end/,
  },
  {
    ...vhdx,
    why: 'too many regions',
    change: (b) => signVhdx(b, regions, 65536, u32le(8, 0xffffffff)),
    says: /absurdly large/,
  },
  { ...vhdx, why: 'a parent', change: (b) => b.writeUInt8(2, vhdxItem(b, 'CAA16737') + 4), says: /depends on another/ },
  { ...vhdx, why: 'an absurd block', change: (b) => b.writeUInt32LE(3, vhdxItem(b, 'CAA16737')), says: /block size/ },
  {
    ...vhdx,
    why: 'a disk of 8 EiB',
    change: (b) => b.writeBigUInt64LE(eightExbibytes, vhdxItem(b, '2FA54224')),
    says: /virtual size/,
  },
  {
    ...vhdx,
    why: 'a disk larger than its table',
    change: (b) => b.writeBigUInt64LE(2n ** 44n, vhdxItem(b, '2FA54224')),
    says: /too small/,
  },
  { ...vhdx, why: 'absurd sectors', change: (b) => b.writeUInt32LE(7, vhdxItem(b, '8141BF1D')), says: /sector size/ },
  {
    ...vhdx,
    why: 'endless metadata',
    change: (b) => b.writeUInt16LE(0xffff, 3 * 2 ** 20 + 10),
    says: /absurdly large/,
  },
  { ...vhdx, why: 'unknown metadata', change: (b) => b.writeUInt8(9, vhdxEntry(b, '2FA54224')), says: /unknown here/ },
  {
    ...vhdx,
    why: 'metadata in its own table',
    change: (b) => b.writeUInt32LE(32, vhdxEntry(b, '2FA54224') + 16),
    says: /not where/,
  },

  { ...vdi, why: 'an unknown version', change: u32le(0x44, 1), says: /version/ },
  { ...vdi, why: 'a differencing image', change: u32le(0x4c, 4), says: /depends on another/ },
  { ...vdi, why: 'a parent', change: u32le(0x1b8, 1), says: /parent/ },
  { ...vdi, why: 'a linked image', change: u32le(0x1a8, 1), says: /parent/ },
  { ...vdi, why: 'a disk of 8 EiB', change: u64le(0x170, eightExbibytes), says: /virtual size/ },
  { ...vdi, why: 'more than its blocks', change: u64le(0x170, 2n ** 40n), says: /too small/ },
  { ...vdi, why: 'a map beyond the end', change: u32le(0x158, 0xfffffe00), says: /beyond its end/ },
  { ...vdi, why: 'absurd blocks', change: u32le(0x178, 3), says: /block size/ },
  { ...vdi, why: 'too many blocks', change: u32le(0x184, 0xffffffff), says: /claims more/ },
  { ...vdi, why: 'tables over the header', change: u32le(0x154, 0), says: /overlap/ },

  { of: 'iso', as: 'iso', why: 'a volume cut off', change: u32le(32768 + 80, 0x7fffffff), says: /shorter than/ },
  { of: 'iso', as: 'raw', why: 'declared raw', change: () => {}, says: /declared as raw but is an ISO/ },
];

/** Where qemu-img puts both region tables of a VHDX. */
const regions = [192 * 1024, 256 * 1024];
const MiB = 2n ** 20n;

/** Changes copies of a header of a VHDX and makes their checksums right again. */
function signVhdx(bytes: Buffer, offsets: number[], length: number, change: (header: Buffer) => unknown) {
  for (const offset of offsets) {
    const header = bytes.subarray(offset, offset + length);
    change(header);
    header.writeUInt32LE(crc32c(header, 4), 4);
  }
}

/** Where the entry of a metadata item stands, by the first part of its id; the region is at 3 MiB. */
function vhdxEntry(bytes: Buffer, id: string): number {
  const first = Buffer.alloc(4);
  first.writeUInt32LE(Number.parseInt(id, 16));
  return bytes.indexOf(first, 3 * 2 ** 20);
}
const vhdxItem = (bytes: Buffer, id: string) => 3 * 2 ** 20 + bytes.readUInt32LE(vhdxEntry(bytes, id) + 16);

/** Changes a header of a VHD and makes its checksum right again. */
function signVhd(bytes: Buffer, offset: number, checksumAt: number, change: (header: Buffer) => unknown) {
  const header = bytes.subarray(offset, offset + (checksumAt === 64 ? 512 : 1024));
  change(header);
  header.writeUInt32BE(0, checksumAt);
  header.writeUInt32BE(~header.reduce((sum, byte) => sum + byte, 0) >>> 0, checksumAt);
}

test('each thing that a header must not say is refused with its reason', (t) => {
  for (const { why, of, as, change, says } of mutations) {
    const bytes = Buffer.from(corpus.get(of)!);
    change(bytes);
    t.regex(refusalOf(bytes, as), says, `${of} with ${why}`);
  }
});

const manifest = (json: unknown): TarEntry => ({ name: 'manifest.json', content: JSON.stringify(json) });
const others = dockerEntries.filter(({ name }) => name !== 'manifest.json');
const good = dockerEntries.find(({ name }) => name === 'manifest.json')!;

const archives: { why: string; bytes: Buffer; says: RegExp }[] = [
  { why: 'no manifest', bytes: makeTar(others), says: /without the manifest.json/ },
  { why: 'a damaged manifest', bytes: makeTar([...others, { ...good, content: '{' }]), says: /not JSON/ },
  { why: 'two manifests', bytes: makeTar([...dockerEntries, good]), says: /twice/ },
  { why: 'a manifest of null', bytes: makeTar([...others, manifest([null])]), says: /no configuration/ },
  { why: 'a manifest of nothing', bytes: makeTar([...others, manifest([])]), says: /exactly one/ },
  { why: 'a manifest of two images', bytes: makeTar([...others, manifest([{}, {}])]), says: /exactly one/ },
  {
    why: 'a huge manifest',
    bytes: makeTar([...others, { ...good, content: ' '.repeat(2 ** 20) }]),
    says: /absurdly large/,
  },
  {
    why: 'a layer that is not there',
    bytes: makeTar([...others, manifest([{ Config: '0123.json', Layers: ['../../etc/shadow'] }])]),
    says: /not in the archive/,
  },
  {
    why: 'a traversal',
    bytes: makeTar([{ name: '../../etc/cron.d/x', content: 'x' }, ...dockerEntries]),
    says: /leads out/,
  },
  { why: 'a later traversal', bytes: makeTar([...dockerEntries, { name: 'a/../../x' }]), says: /leads out/ },
  { why: 'an absolute name', bytes: makeTar([...dockerEntries, { name: '/etc/passwd' }]), says: /leads out/ },
  {
    why: 'a link out',
    bytes: makeTar([...dockerEntries, { name: 'x', type: '2', linkName: '../x' }]),
    says: /link that leads/,
  },
  {
    why: 'an absolute link',
    bytes: makeTar([...dockerEntries, { name: 'x', type: '2', linkName: '/x' }]),
    says: /link that/,
  },
  {
    why: 'a hard link out',
    bytes: makeTar([...dockerEntries, { name: 'a/x', type: '1', linkName: '../x' }]),
    says: /link that/,
  },
  { why: 'a device', bytes: makeTar([...dockerEntries, { name: 'x', type: '3' }]), says: /neither file/ },
  {
    why: 'a second archive behind',
    bytes: Buffer.concat([makeTar(dockerEntries), makeTar(dockerEntries)]),
    says: /behind the end/,
  },
  { why: 'no end', bytes: makeTar(dockerEntries).subarray(0, -1024), says: /cut off/ },
  {
    why: 'too many entries',
    bytes: makeTar(Array.from({ length: 3000 }, (_, index) => ({ name: `f${index}` }))),
    says: /more than 2048/,
  },
  {
    why: 'a name in an extended header that leads out',
    bytes: makeTar([{ name: 'pax', type: 'x', content: '21 path=../../etc/xx\n' }, { name: 'ok' }, ...dockerEntries]),
    says: /leads out/,
  },
  {
    why: 'a long name that leads out',
    bytes: makeTar([{ name: '././@LongLink', type: 'L', content: '../x\0' }, { name: 'ok' }, ...dockerEntries]),
    says: /leads out/,
  },
  {
    why: 'a damaged extended header',
    bytes: makeTar([{ name: 'pax', type: 'x', content: '99 path=x\n' }]),
    says: /damaged/,
  },
  { why: 'a huge long name', bytes: makeTar([{ name: 'l', type: 'L', content: 'x'.repeat(70_000) }]), says: /absurd/ },
];

test('an archive for containers that Docker should not unpack is refused with its reason', (t) => {
  for (const { why, bytes, says } of archives) t.regex(refusalOf(bytes, 'raw', 'docker'), says, why);
  t.regex(refusalOf(makeTar(dockerEntries), 'raw'), /container_format docker/, 'declared as a disk');
});

test('names that an extended header gives are followed', (t) => {
  const record = (key: string, value: string) => {
    const length = key.length + value.length + 3;
    return `${length + String(length + 2).length} ${key}=${value}\n`;
  };
  const entries = dockerEntries.flatMap((entry): TarEntry[] =>
    entry.type === undefined
      ? [
          { name: 'pax', type: 'x', content: record('path', entry.name) },
          { ...entry, name: 'cut off' },
        ]
      : [entry],
  );
  t.is(refusalOf(makeTar(entries), 'raw', 'docker'), 'accepted');
});
