/** Test data: one small honest image of each kind, from the tools that people use where there is one. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DeclaredFormat } from './inspector.ts';

const run = promisify(execFile);
const MiB = 2 ** 20;
/** The disk in every image: a size that no format has to round. */
export const diskBytes = 4 * MiB;

/** As qemu-img calls the format, with options. */
const byQemu: Record<string, { format: string; options?: string }> = {
  'qcow2 v2': { format: 'qcow2', options: 'compat=0.10' },
  'qcow2 v3': { format: 'qcow2' },
  'qcow2 v3 with extended L2 entries': { format: 'qcow2', options: 'extended_l2=on,cluster_size=65536' },
  'qcow2 v3 with the smallest clusters': { format: 'qcow2', options: 'cluster_size=512' },
  'qcow2 v3 with the largest clusters': { format: 'qcow2', options: 'cluster_size=2M' },
  'qcow2 v3 compressed by zstd': { format: 'qcow2', options: 'compression_type=zstd' },
  'vmdk sparse': { format: 'vmdk', options: 'subformat=monolithicSparse' },
  'vmdk stream': { format: 'vmdk', options: 'subformat=streamOptimized' },
  'vhd dynamic': { format: 'vpc', options: 'subformat=dynamic,force_size=on' },
  'vhd fixed': { format: 'vpc', options: 'subformat=fixed,force_size=on' },
  'vhd by geometry': { format: 'vpc', options: 'subformat=dynamic' },
  'vhdx dynamic': { format: 'vhdx', options: 'subformat=dynamic' },
  'vhdx fixed': { format: 'vhdx', options: 'subformat=fixed' },
  'vdi dynamic': { format: 'vdi' },
  'vdi fixed': { format: 'vdi', options: 'static=on' },
  qed: { format: 'qed' },
  qcow: { format: 'qcow' },
  parallels: { format: 'parallels' },
  luks: { format: 'luks' },
};

/** Name to bytes: what qemu-img makes of a disk that holds a boot sector and some data, and what it does not make. */
export async function makeCorpus(): Promise<Map<string, Buffer>> {
  const directory = await mkdtemp(join(tmpdir(), 'image-corpus-'));
  try {
    const corpus = new Map<string, Buffer>();
    const source = join(directory, 'source');
    await run('qemu-img', ['create', '-q', '-f', 'raw', '--', source, String(diskBytes)]);
    for (const [name, { format, options }] of Object.entries(byQemu)) {
      const path = join(directory, 'image');
      const secret = format === 'luks' ? ['--object', 'secret,id=key,data=corpus'] : [];
      const all = [options, format === 'luks' ? 'key-secret=key,iter-time=10' : undefined].filter(
        (o) => o !== undefined,
      );
      const withOptions = all.length > 0 ? ['-o', all.join(',')] : [];
      await runUntilMeasured(['convert', ...secret, '-f', 'raw', '-O', format, ...withOptions, '--', source, path]);
      corpus.set(name, await readFile(path));
      await rm(path);
    }
    corpus.set('raw', Buffer.alloc(diskBytes, 'not a disk that anything boots from '));
    corpus.set('raw with MBR', withPartitions(corpus.get('raw')!, 0x83));
    corpus.set('raw with GPT', withPartitions(corpus.get('raw')!, 0xee));
    corpus.set('iso', makeIso());
    corpus.set('iso that boots from a stick', withPartitions(makeIso(), 0x17));
    corpus.set('vmdk descriptor', Buffer.from(flatDescriptor));
    corpus.set('luks v2', Buffer.concat([Buffer.from('LUKS\xba\xbe\0\x02', 'latin1'), Buffer.alloc(MiB)]));
    corpus.set('vmdk of ESX', Buffer.concat([Buffer.from('COWD\x01\0\0\0'), Buffer.alloc(MiB)]));
    corpus.set('udf', makeIso(64, 'BEA01'));
    corpus.set('bochs', Buffer.concat([Buffer.from('Bochs Virtual HD Image\0'), Buffer.alloc(MiB)]));
    corpus.set('dmg', Buffer.concat([Buffer.alloc(MiB, 1), Buffer.from('koly'), Buffer.alloc(508)]));
    corpus.set('cloop', Buffer.from(`#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0${' '.repeat(512)}`));
    corpus.set('docker', makeDockerArchive());
    return corpus;
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** On a busy machine qemu-img at times cannot measure how many rounds of its key derivation take how long, and gives up. */
async function runUntilMeasured(args: string[]): Promise<void> {
  for (let left = 10; ; left--) {
    try {
      await run('qemu-img', args);
      return;
    } catch (error) {
      if (left === 0 || !/Unable to get accurate CPU usage/.test((error as { stderr?: string }).stderr ?? ''))
        throw error;
    }
  }
}

/** What QEMU calls the disks that are accepted. */
export const driverOf = { qcow2: 'qcow2', vmdk: 'vmdk', vhd: 'vpc', vhdx: 'vhdx', vdi: 'vdi' } as const;

/** The only declaration that each kind is accepted under; kinds that are not named here are accepted under none. */
export const honestDeclaration: Record<string, DeclaredFormat['diskFormat'] | 'docker'> = {
  ...Object.fromEntries(
    Object.keys(byQemu).flatMap((name) => {
      const kind = name.split(' ', 1)[0]!;
      return kind in driverOf ? [[name, kind as keyof typeof driverOf]] : [];
    }),
  ),
  raw: 'raw',
  'raw with MBR': 'raw',
  'raw with GPT': 'raw',
  iso: 'iso',
  udf: 'iso',
  'iso that boots from a stick': 'iso',
  docker: 'docker',
};

/** One partition of the type, in a table of 512-byte sectors. */
export function withPartitions(disk: Buffer, type: number): Buffer {
  const bytes = Buffer.from(disk);
  bytes.fill(0, 446, 512);
  bytes.set([0x80, 0, 2, 0, type, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 16, 0, 0], 446);
  bytes.set([0x55, 0xaa], 510);
  return bytes;
}

/** An empty ISO 9660 volume: the primary descriptor, the terminator, and some sectors. */
export function makeIso(sectors = 64, identifier = 'CD001'): Buffer {
  const bytes = Buffer.alloc(sectors * 2048);
  const primary = bytes.subarray(16 * 2048);
  primary.write(`\x01${identifier}\x01`, 'latin1');
  primary.writeUInt32LE(sectors, 80);
  primary.writeUInt32BE(sectors, 84);
  primary.writeUInt16LE(2048, 128);
  primary.writeUInt16BE(2048, 130);
  bytes.write('\xffCD001\x01', 17 * 2048, 'latin1');
  return bytes;
}

export const flatDescriptor = `# Disk DescriptorFile
version=1
CID=fffffffe
parentCID=ffffffff
createType="monolithicFlat"

# Extent description
RW 8192 FLAT "/etc/passwd" 0
`;

export interface TarEntry {
  name: string;
  type?: string;
  linkName?: string;
  content?: string | Buffer;
}

/** A POSIX tar of the entries, well-formed whatever they say. */
export function makeTar(entries: TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ name, type = '0', linkName = '', content = '' }) => {
    const data = Buffer.from(content);
    const header = Buffer.alloc(512);
    header.write(name, 0, 100);
    header.write('0000644\0', 100);
    header.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('        ', 148);
    header.write(type, 156);
    header.write(linkName, 157, 100);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, data, Buffer.alloc((512 - (data.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const layer = makeTar([{ name: 'hello', content: 'hello' }]);
export const dockerEntries: TarEntry[] = [
  { name: 'abc/', type: '5' },
  { name: 'abc/VERSION', content: '1.0' },
  { name: 'abc/layer.tar', content: layer },
  { name: 'def/layer.tar', type: '2', linkName: '../abc/layer.tar' },
  { name: '0123.json', content: '{}' },
  {
    name: 'manifest.json',
    content: JSON.stringify([{ Config: '0123.json', RepoTags: null, Layers: ['abc/layer.tar', 'def/layer.tar'] }]),
  },
];
export const makeDockerArchive = () => makeTar(dockerEntries);
