/** Files out of Debian's packages, without installing them. */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { attempt, execute } from '../execute.ts';

/** Names that a package name stands for: `linux-image-cloud-amd64` is whatever kernel it depends on today. */
export async function concretePackage(name: string): Promise<string> {
  const shown = await execute('apt-cache', ['show', '--no-all-versions', name]);
  const kernel = shown.match(/^Depends: (linux-image-[^\s(,]+)/m);
  return kernel?.[1] ?? name;
}

/** One line for each package, with its version: what the content of an image depends on. */
export async function candidateVersions(names: string[]): Promise<string[]> {
  const policy = await execute('apt-cache', ['policy', ...names]);
  const versions = [...policy.matchAll(/^(\S+):\n.*\n {2}Candidate: (\S+)/gm)].map(
    ([, name, version]) => `${name} ${version}`,
  );
  if (versions.length === names.length && versions.every((line) => !line.endsWith('(none)'))) return versions.sort();
  throw new Error(`Debian's package lists do not know all of ${names.join(', ')}`);
}

/** Downloads packages (anew: `apt-get download` does not look into apt's own cache) and unpacks them all into one directory. */
export async function unpackPackages(names: string[], scratch: string): Promise<string> {
  const downloads = join(scratch, 'packages');
  const root = join(scratch, 'root');
  await mkdir(downloads, { recursive: true });
  await mkdir(root, { recursive: true });
  await execute('apt-get', ['--quiet', '-o', 'APT::Sandbox::User=root', 'download', ...names], {
    cwd: downloads,
    timeoutSeconds: 600,
  });
  for (const archive of await readdir(downloads)) {
    await execute('dpkg-deb', ['--extract', join(downloads, archive), root], { timeoutSeconds: 120 });
  }
  return root;
}

/** Fetches the package lists when there are none. */
export async function ensurePackageLists(probe: string): Promise<void> {
  const { stdout } = await attempt('apt-cache', ['policy', probe]);
  if (/Candidate: \d/.test(stdout)) return;
  await execute('apt-get', ['-o', 'DPkg::Lock::Timeout=600', 'update'], { timeoutSeconds: 600 });
}
