/**
 * Images as this host's guests stand on them: one read-only copy each, under the image's id. A copy (shared blocks where the
 * file system can) and not a hard link: libvirt hands what its guests read to QEMU's user, and the image store's own file must
 * not change hands.
 */
import { constants } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isUuid } from '../../common/ids.ts';

/** Where an image comes from: a file on this machine if there is one, a stream in any case. */
export interface ImageData {
  path: string | undefined;
  open(): Promise<Readable>;
}

export interface ImageCache {
  /** The path of the host's copy, made now if it is missing. Callers' rows must name the image before they ask for it. */
  ensure(imageId: string, source: () => Promise<ImageData>): Promise<string>;
  /** Ids of the images that are here, wholly or in part. */
  list(): Promise<string[]>;
  /** Removes the copy unless `isUsed` says, asked while nobody can be getting it, that some guest stands on it. */
  removeUnless(imageId: string, isUsed: () => Promise<boolean>): Promise<void>;
}

const unfinished = '.unfinished';

export function createImageCache(directory: string): ImageCache {
  const turns = new Map<string, Promise<unknown>>();
  /** One at a time for each image, in this process, which is the only one that works on this host's guests. */
  const inTurn = <T>(imageId: string, step: () => Promise<T>): Promise<T> => {
    const turn = (turns.get(imageId) ?? Promise.resolve()).then(step, step);
    turns.set(imageId, turn);
    const done = () => {
      if (turns.get(imageId) === turn) turns.delete(imageId);
    };
    turn.then(done, done);
    return turn;
  };
  return {
    ensure: (imageId, source) =>
      inTurn(imageId, async () => {
        const path = join(directory, imageId);
        if (await exists(path)) return path;
        await mkdir(directory, { recursive: true, mode: 0o755 });
        await fetchTo(path + unfinished, await source());
        await rename(path + unfinished, path);
        return path;
      }),
    async list() {
      const names = await readdir(directory).catch(missing([]));
      return [...new Set(names.map((name) => name.replace(unfinished, '')))].filter(isUuid);
    },
    removeUnless: (imageId, isUsed) =>
      inTurn(imageId, async () => {
        if (await isUsed()) return;
        await rm(join(directory, imageId + unfinished), { force: true });
        await rm(join(directory, imageId), { force: true });
      }),
  };
}

async function fetchTo(path: string, source: ImageData): Promise<void> {
  try {
    if (source.path === undefined) {
      const file = await open(path, 'w', 0o644);
      await pipeline(await source.open(), file.createWriteStream());
    } else await copyFile(source.path, path, constants.COPYFILE_FICLONE);
    const copy = await open(path, 'r+');
    try {
      await copy.chmod(0o644);
      await copy.sync(); // or a crash of the machine could leave the finished name on missing bytes
    } finally {
      await copy.close();
    }
  } catch (error) {
    await rm(path, { force: true }); // a full disk must not stay full of half an image
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, missing(false));
}

function missing<T>(otherwise: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return otherwise;
    throw error;
  };
}
