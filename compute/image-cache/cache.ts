/**
 * Images as this host's guests stand on them: one file each, under the image's id, that nobody writes to. Its format is in the
 * rows of the servers; nothing here or on the host guesses it.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isUuid } from '../../common/ids.ts';

export interface ImageCache {
  /** The path of the host's file, made now if it is missing. Callers' rows must name the image before they ask for it. */
  ensure(imageId: string): Promise<string>;
  /** Ids of the images that are here, wholly or in part. */
  list(): Promise<string[]>;
  /** Removes the file unless `isUsed` says, asked while nobody can be getting it, that some guest stands on it. */
  removeUnless(imageId: string, isUsed: () => Promise<boolean>): Promise<void>;
}

/** `place` puts an image's data at a path, whole or not at all; what it leaves when it is killed begins with the same name. */
export function createImageCache(
  directory: string,
  place: (imageId: string, path: string) => Promise<void>,
): ImageCache {
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
  const names = () => readdir(directory).catch(missing<string[]>([]));
  const removeAll = async (imageId: string) => {
    for (const name of await names()) if (idOf(name) === imageId) await rm(join(directory, name), { force: true });
  };
  return {
    ensure: (imageId) =>
      inTurn(imageId, async () => {
        const path = join(directory, imageId);
        const isHere = await stat(path).then(() => true, missing(false));
        if (isHere) return path;
        await removeAll(imageId); // what a killed process left of it: nobody else is placing it now
        await place(imageId, path);
        return path;
      }),
    async list() {
      return [...new Set((await names()).map(idOf))].filter(isUuid);
    },
    removeUnless: (imageId, isUsed) =>
      inTurn(imageId, async () => {
        if (await isUsed()) return;
        await removeAll(imageId);
      }),
  };
}

function idOf(name: string): string {
  return name.slice(0, 36);
}

function missing<T>(otherwise: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return otherwise;
    throw error;
  };
}
