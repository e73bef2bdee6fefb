/** Builds a small server image from Debian's packages alone: it boots in seconds and has an address, ssh and user data. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { cpio } from './cpio.ts';
import { candidateVersions, concretePackage, ensurePackageLists, unpackPackages } from './debian.ts';
import { makeDisk, persistentStart } from './disk.ts';
import { recipe, rootFilesystem, userlandPackages } from './root-filesystem.ts';

export interface GuestImage {
  path: string;
  diskFormat: 'qcow2';
  /** Whom to log in as, with a key. */
  loginUser: 'cirro';
  /** Changes when the packages or the recipe do. */
  version: string;
}

/** Reuses what an earlier call left in `cacheDir`, as long as Debian has nothing newer. */
export async function buildGuestImage(cacheDir: string): Promise<GuestImage> {
  await mkdir(cacheDir, { recursive: true });
  await ensurePackageLists(userlandPackages[0]!);
  const packages = [await concretePackage('linux-image-cloud-amd64'), ...userlandPackages];
  const version = await versionOf(packages);
  const path = join(cacheDir, `guest-${version}.qcow2`);
  const image: GuestImage = { path, diskFormat: 'qcow2', loginUser: 'cirro', version };
  const cached = (await readdir(cacheDir)).filter((name) => name.startsWith('guest-') && name.endsWith('.qcow2'));
  if (cached.includes(`guest-${version}.qcow2`)) return image;
  const scratch = await mkdtemp(join(cacheDir, 'building-'));
  try {
    const root = await unpackPackages(packages, scratch);
    const [release] = await readdir(join(root, 'lib/modules'));
    const kernel = await readFile(join(root, `boot/vmlinuz-${release}`));
    const archive = cpio(await rootFilesystem(root, release!, persistentStart));
    const finished = join(scratch, 'disk.qcow2');
    await makeDisk(finished, scratch, kernel, await promisify(gzip)(archive));
    await rename(finished, path);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  for (const name of cached) await rm(join(cacheDir, name), { force: true });
  return image;
}

async function versionOf(packages: string[]): Promise<string> {
  const sources = ['build.ts', 'cpio.ts', 'disk.ts', 'modules.ts', 'root-filesystem.ts'];
  const code = await Promise.all(sources.map((name) => readFile(new URL(name, import.meta.url), 'utf8')));
  const parts = [...(await candidateVersions(packages)), ...code, await recipe()];
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 16);
}
