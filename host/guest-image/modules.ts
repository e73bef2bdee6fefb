/** Which kernel modules the guest loads, and in which order. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execute } from '../execute.ts';

/** What a server of any of our drivers may have plugged in; the way of its agent; file systems of config drives; the power button. */
const wanted = [
  'virtio_pci',
  'virtio_blk',
  'virtio_net',
  'virtio-rng',
  'virtio_console',
  'virtio_balloon',
  'virtio_mem',
  'isofs',
  'sr_mod',
  'ahci',
  'ata_piix',
  'virtio_scsi',
  'sd_mod',
  'vfat',
  'nls_ascii',
  'nls_cp437',
  'button',
  'evdev',
];

/** Paths below `/lib/modules/<release>`, each after those it needs. What the kernel has built in, or not at all, is left out. */
export async function modulesInOrder(root: string, release: string): Promise<string[]> {
  await execute('depmod', ['--basedir', root, release]);
  const table = await readFile(join(root, 'lib/modules', release, 'modules.dep'), 'utf8');
  const needs = new Map<string, string[]>();
  for (const line of table.trim().split('\n')) {
    const [path, rest] = line.split(':') as [string, string];
    needs.set(path, rest.trim().split(' ').filter(Boolean));
  }
  const paths = new Map([...needs.keys()].map((path) => [basename(path, '.ko'), path]));
  const ordered: string[] = [];
  const visit = (path: string): void => {
    for (const dependency of needs.get(path) ?? []) visit(dependency);
    if (!ordered.includes(path)) ordered.push(path);
  };
  for (const name of wanted) if (paths.has(name)) visit(paths.get(name)!);
  return ordered;
}
