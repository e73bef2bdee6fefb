/**
 * The files of a cache. `ID` is the image; guests stand on it, so it is whole, was compared with the image's checksum, and is
 * never written to. `ID.sha512` says which checksum that was, as `sha512sum --check` reads it: without it a copy is compared
 * again. `ID.….partial` is on its way here and locked by who fetches it.
 */
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isUuid } from '../../common/ids.ts';

export interface Copy {
  imageId: string;
  sizeBytes: number;
  /** What its removal would free: nothing while the store of images has the same file. */
  ownBytes: number;
}

export const partialSuffix = '.partial';
export const linkedSuffix = '.linked';

/** Named by what it will be: what was left half-fetched is taken up again only for the same data. */
export function partialPath(directory: string, imageId: string, sha512: string): string {
  return join(directory, `${imageId}.${sha512.slice(0, 16)}${partialSuffix}`);
}

/** Where a second name of the store's file stands until it was compared. */
export function linkedPath(directory: string, imageId: string): string {
  return join(directory, `${imageId}${linkedSuffix}`);
}

/** The checksum that a whole copy was compared with; `unknown` when nobody knows, undefined without a copy. */
export async function checksumOfCopy(directory: string, imageId: string): Promise<string | undefined> {
  const isHere = await stat(join(directory, imageId)).then(() => true, missing(false));
  if (!isHere) return undefined;
  const line = await readFile(checksumPath(directory, imageId), 'utf8').catch(missing(''));
  return line.match(/^([0-9a-f]{128}) {2}/)?.[1] ?? 'unknown';
}

/** Puts a compared file in its place, also in the place of another. */
export async function putInPlace(directory: string, imageId: string, from: string, sha512: string): Promise<void> {
  await rm(checksumPath(directory, imageId), { force: true }); // first: never beside a file that it is not of
  await rename(from, join(directory, imageId));
  await noteChecksum(directory, imageId, sha512);
}

export async function noteChecksum(directory: string, imageId: string, sha512: string): Promise<void> {
  await writeFile(checksumPath(directory, imageId), `${sha512}  ${imageId}\n`, { mode: 0o444 });
}

/** Whole copies. */
export async function listCopies(directory: string): Promise<Copy[]> {
  const names = (await namesIn(directory)).filter(isUuid);
  const copies = await Promise.all(
    names.map((imageId) =>
      stat(join(directory, imageId)).then(
        ({ size, blocks, nlink }) => ({ imageId, sizeBytes: size, ownBytes: nlink > 1 ? 0 : blocks * 512 }),
        missing(undefined), // removed since
      ),
    ),
  );
  return copies.filter((copy) => copy !== undefined);
}

/** Names of everything here that is or was about images; what else somebody put here is not ours. */
export async function namesOfImages(directory: string): Promise<string[]> {
  return (await namesIn(directory)).filter((name) => isUuid(imageOf(name)));
}

export function imageOf(name: string): string {
  return name.slice(0, 36);
}

const checksumPath = (directory: string, imageId: string) => join(directory, `${imageId}.sha512`);

async function namesIn(directory: string): Promise<string[]> {
  return await readdir(directory).catch(missing<string[]>([]));
}

export function missing<T>(otherwise: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return otherwise;
    throw error;
  };
}
