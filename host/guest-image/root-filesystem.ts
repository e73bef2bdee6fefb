/** What the guest runs from: it is unpacked into memory at each boot. */
import { readdir, readFile, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execute } from '../execute.ts';
import { type ArchiveEntry, characterDevice, directory, file, link } from './cpio.ts';
import { modulesInOrder } from './modules.ts';

/** Beside the kernel: a shell with tools, an ssh server, and the libraries of the latter. */
export const userlandPackages = [
  'busybox-static',
  'dropbear-bin',
  'libc6',
  'libcrypt1',
  'libtomcrypt1',
  'libtommath1',
  'libgmp10',
  'zlib1g',
];

const libraries = ['libc.so.6', 'libcrypt.so.1', 'libtomcrypt.so.1', 'libtommath.so.1', 'libgmp.so.10', 'libz.so.1'];
const scripts = ['rc', 'metadata', 'interface', 'dhcp', 'announce', 'user-data'];
const here = new URL('rootfs/', import.meta.url);

/** The scripts' text, for whoever has to know whether they changed. */
export async function recipe(): Promise<string> {
  const names = (await readdir(here)).sort();
  return (await Promise.all(names.map((name) => readFile(new URL(name, here), 'utf8')))).join('\0');
}

/**
 * @param root where the packages are unpacked
 * @param persistentStart first sector of the partition that survives reboots
 */
export async function rootFilesystem(root: string, release: string, persistentStart: number): Promise<ArchiveEntry[]> {
  const script = async (name: string) =>
    (await readFile(new URL(name, here), 'utf8')).replace('@PERSISTENT_START@', String(persistentStart));
  const modules = await modulesInOrder(root, release);
  const directories = ['bin', 'etc', 'etc/acpi', 'etc/acpi/PWRF', 'lib', 'lib64', 'lib/modules', 'dev', 'proc', 'sys'];
  return [
    ...[...directories, 'run', 'tmp', 'persist', 'config', 'root', 'var'].map((path) => directory(path)),
    directory('tmp', 0o1777),
    link('home', 'persist/home'),
    link('mnt', 'persist/mnt'),
    link('sbin', 'bin'),
    link('var/run', '../run'),
    link('init', 'bin/busybox'),
    characterDevice('dev/console', 5, 1), // the kernel opens it before anything is mounted
    ...(await busybox(root)),
    file('bin/dropbear', await readFile(join(root, 'usr/sbin/dropbear')), 0o755),
    file('bin/dropbearkey', await readFile(join(root, 'usr/bin/dropbearkey')), 0o755),
    ...(await Promise.all(libraries.map((name) => library(root, name)))),
    file('lib64/ld-linux-x86-64.so.2', await readFile(join(root, 'lib/x86_64-linux-gnu/ld-linux-x86-64.so.2')), 0o755),
    ...(await Promise.all(
      modules.map(async (path) =>
        file(`lib/modules/${basename(path)}`, await readFile(join(root, 'lib/modules', release, path))),
      ),
    )),
    file('etc/modules', modules.map((path) => `/lib/modules/${basename(path)}\n`).join('')),
    file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\ncirro:x:1000:1000::/home/cirro:/bin/sh\n'),
    file('etc/group', 'root:x:0:\ncirro:x:1000:\n'),
    // Who is in may become root, as in other cloud images; ssh lets in neither root nor anybody by a password.
    file('etc/shadow', 'root::1::::::\ncirro:*:1::::::\n', 0o600),
    file('bin/sudo', await script('sudo'), 0o755),
    file('etc/shells', '/bin/sh\n'),
    file('etc/hosts', '127.0.0.1 localhost\n'),
    file('etc/hostname', 'cirrostack\n'),
    file('etc/mdev.conf', '-SUBSYSTEM=net;.* 0:0 600 @/etc/interface\n'),
    file('etc/inittab', await script('inittab')),
    ...(await Promise.all(scripts.map(async (name) => file(`etc/${name}`, await script(name), 0o755)))),
    file('etc/acpi/PWRF/00000080', await script('power-button'), 0o755),
  ];
}

async function busybox(root: string): Promise<ArchiveEntry[]> {
  const program = join(root, 'bin/busybox');
  const applets = (await execute(program, ['--list'])).trim().split('\n');
  return [
    // Set-uid: each applet but ping and su gives root up first, and its shell runs them without looking at their files.
    file('bin/busybox', await readFile(program), 0o4755),
    ...applets.filter((name) => name !== 'busybox').map((name) => link(`bin/${name}`, 'busybox')),
  ];
}

async function library(root: string, name: string): Promise<ArchiveEntry> {
  for (const directoryName of ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu']) {
    const path = await realpath(join(root, directoryName, name)).catch(() => undefined);
    if (path !== undefined) return file(`lib/${name}`, await readFile(path), 0o755);
  }
  throw new Error(`${name} is in none of the packages`);
}
