/** A disk that a BIOS boots from: a partition table, a FAT partition with kernel and boot loader, and room. */
import { open, readFile, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execute } from '../execute.ts';

const sectorSize = 512;
const bootStart = 2048;
const bootSectors = 44 * 2048;
const diskSectors = 64 * 2048;

/** First sector of the space after the boot partition. */
export const persistentStart = bootStart + bootSectors;

/** Makes a qcow2 of 64 MiB. Equal input gives an equal file. */
export async function makeDisk(target: string, scratch: string, kernel: Buffer, initramfs: Buffer): Promise<void> {
  const raw = join(scratch, 'disk.raw');
  await writeFile(raw, '');
  await truncate(raw, diskSectors * sectorSize);
  const offset = bootStart * sectorSize;
  const partition = `${raw}@@${offset}`;
  const env = { ...process.env, SOURCE_DATE_EPOCH: '0', TZ: 'UTC', MTOOLS_SKIP_CHECK: '1' };
  const geometry = [
    '--offset',
    String(bootStart),
    '-F',
    '16',
    '-h',
    String(bootStart),
    '-i',
    'c1440057',
    '--invariant',
  ];
  await execute('mkfs.vfat', [...geometry, raw, String((bootSectors * sectorSize) / 1024)], { env });
  await execute('syslinux', ['--offset', String(offset), '--install', raw], { env });
  const files = { vmlinuz: kernel, initramfs, 'syslinux.cfg': configuration };
  for (const [name, content] of Object.entries(files)) {
    const path = join(scratch, name);
    await writeFile(path, content);
    await utimes(path, 0, 0);
    await execute('mcopy', ['-m', '-i', partition, path, `::${name}`], { env });
  }
  await writePartitionTable(raw);
  await execute('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', '-c', '-o', 'compat=1.1', raw, target], {
    timeoutSeconds: 120,
  });
}

// The console first: nobody waits for a prompt that cannot be seen. The last console= is the one that init writes to.
const configuration = `DEFAULT guest
PROMPT 0
TIMEOUT 0
LABEL guest
  KERNEL vmlinuz
  INITRD initramfs
  APPEND console=tty0 console=ttyS0,115200 quiet loglevel=4 random.trust_cpu=on mitigations=off tsc=reliable no_timer_check panic=5
`;

async function writePartitionTable(raw: string): Promise<void> {
  const record = Buffer.alloc(sectorSize);
  (await readFile('/usr/lib/SYSLINUX/mbr.bin')).copy(record, 0, 0, 440);
  record.writeUInt32LE(0xc1440057, 440); // disk signature
  const entry = 446;
  record[entry] = 0x80; // bootable
  record.set([0xfe, 0xff, 0xff], entry + 1); // CHS addresses: see LBA
  record[entry + 4] = 0x0e; // FAT16, LBA
  record.set([0xfe, 0xff, 0xff], entry + 5);
  record.writeUInt32LE(bootStart, entry + 8);
  record.writeUInt32LE(bootSectors, entry + 12);
  record.writeUInt16LE(0xaa55, 510);
  const disk = await open(raw, 'r+');
  await disk.write(record, 0, record.length, 0);
  await disk.close();
}
