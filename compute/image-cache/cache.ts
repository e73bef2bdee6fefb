/**
 * Images as this host's guests stand on them: one file each, under the image's id, that nobody writes to. Its format is in the
 * rows of the servers; nothing here or on the host guesses it.
 */
import { createReadStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BadRequest, NotFound, Unavailable } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import type { Logger } from '../../common/logger.ts';
import type { ImageData } from '../../image/images/use.ts';
import { DamagedImage } from '../drivers/driver.ts';
import {
  type Copy,
  checksumOfCopy,
  imageOf,
  linkedSuffix,
  listCopies,
  namesOfImages,
  noteChecksum,
  partialPath,
  partialSuffix,
} from './copies.ts';
import { fetchImage } from './fetch.ts';
import { isIntact } from './file-hash.ts';
import { lock, tryLock } from './file-lock.ts';

export interface ImageCache {
  /**
   * The path of the host's file, brought here now if it is missing, or is not what the image service says of the image. One
   * that the image service no longer knows stays good for those who stand on it. Callers' rows must name the image before
   * they ask. @throws NotFound, BadRequest (no data), DamagedImage, DiskFull, Unavailable
   */
  ensure(imageId: string): Promise<string>;
  /** Ids of the images that are here, wholly or in part. */
  list(): Promise<string[]>;
  /** Removes the file unless `isUsed` says, asked while nobody can be getting it, that some guest stands on it. */
  removeUnless(imageId: string, isUsed: () => Promise<boolean>): Promise<void>;
}

/** Images that the image service no longer has go from host to host. */
export interface TravellingImages {
  /** The copy here, for another host; undefined when there is none, or nobody knows what it was compared with. */
  copyOf(imageId: string): Promise<ImageData | undefined>;
  /** Brings here what another host has, unless there is a copy. @throws DamagedImage, DiskFull, Unavailable */
  take(imageId: string, image: ImageData): Promise<void>;
}

/** What the agent of a host does with its cache, beside what guests need of it. */
export interface HostImageCache extends ImageCache, TravellingImages {
  /** The whole ones. */
  copies(): Promise<Copy[]>;
  /** Whether somebody is getting or removing it now; such a one is left alone by who looks for room. */
  isBusy(imageId: string): boolean;
  /** Removes what fetches that were killed have left, but for what those of the `wanted` images go on with. */
  removeLeftovers(wanted: ReadonlySet<string>): Promise<void>;
  /** What is on its way breaks off, to be gone on with by the next process. */
  stop(): void;
}

export interface ImageCacheDeps {
  directory: string;
  /** Throws `NotFound` or `BadRequest` for what is not there to be had. */
  source: (imageId: string) => Promise<ImageData>;
  log: Logger;
  /** Asked for so many bytes when a fetch does not fit. */
  makeRoom?: (bytes: number) => Promise<void>;
  records?: CacheRecords;
}

/** Who is told what happens to the copies of a host. */
export interface CacheRecords {
  placed(imageId: string, sizeBytes: number): Promise<void>;
  /** By so many more guests. */
  used(imageId: string, times: number): Promise<void>;
  removed(imageId: string): Promise<void>;
}

/** Data that was damaged is not brought again before that, however many servers ask. */
const damagedForMs = 60_000;

export function createImageCache(deps: ImageCacheDeps): HostImageCache {
  const { directory, source, log, makeRoom = async () => undefined, records } = deps;
  const turns = new Map<string, Promise<unknown>>();
  const damages = new Map<string, { sha512: string; error: DamagedImage; until: number }>();
  const stopping = new AbortController();

  /** One at a time for each image, in this process; the lock on the partial file is for other ones. */
  const inTurn = <T>(imageId: string, step: () => Promise<T>): Promise<T> => {
    const turn = (turns.get(imageId) ?? Promise.resolve()).then(step, step);
    turns.set(imageId, turn);
    const done = () => {
      if (turns.get(imageId) === turn) turns.delete(imageId);
    };
    turn.then(done, done);
    return turn;
  };

  const bring = async (imageId: string, image: ImageData) => {
    const damage = damages.get(imageId);
    if (damage?.sha512 === image.sha512 && performance.now() < damage.until) throw damage.error;
    // QEMU's user passes through, and nobody lists whose images are here
    await mkdir(directory, { recursive: true, mode: 0o711 });
    const path = partialPath(directory, imageId, image.sha512);
    const file = await lock(path, stopping.signal);
    const begun = performance.now();
    try {
      // Another process may have brought it while this one waited for the lock.
      if ((await checksumOfCopy(directory, imageId)) === image.sha512) return await rm(path);
      const how = await fetchImage({ directory, makeRoom, signal: stopping.signal }, imageId, image, { file, path });
      log.info(
        { image: imageId, bytes: image.sizeBytes, ms: Math.round(performance.now() - begun), how },
        'image here',
      );
    } catch (error) {
      if (error instanceof DamagedImage) {
        damages.set(imageId, { sha512: image.sha512, error, until: performance.now() + damagedForMs });
        log.error({ image: imageId, expected: image.sha512 }, 'the data of an image is not what its checksum says');
      }
      throw error;
    } finally {
      await file.close();
    }
    damages.delete(imageId);
    await records?.placed(imageId, image.sizeBytes);
  };

  const look = async (imageId: string, times: number) => {
    const known = await checksumOfCopy(directory, imageId);
    const image = await source(imageId).catch((error) => {
      if (known !== undefined && (error instanceof NotFound || error instanceof BadRequest)) return undefined;
      throw error;
    });
    const isHere = image === undefined || (await isCopyOf(image, imageId, known));
    if (!isHere) await bring(imageId, image);
    const used = isHere ? times : times - 1; // not by the one for whom it was brought
    if (used > 0) await records?.used(imageId, used);
    return join(directory, imageId);
  };
  const toLook = new Map<string, { times: number; path: Promise<string> }>();

  return {
    /** All who ask before their turn has begun share it: fifty servers of one image are two looks and not fifty. */
    ensure(imageId) {
      const shared = toLook.get(imageId);
      if (shared !== undefined) {
        shared.times += 1;
        return shared.path;
      }
      const path = inTurn(imageId, () => {
        const times = toLook.get(imageId)?.times ?? 1;
        toLook.delete(imageId);
        return look(imageId, times);
      });
      toLook.set(imageId, { times: 1, path });
      return path;
    },
    async copyOf(imageId) {
      const sha512 = await checksumOfCopy(directory, imageId);
      if (sha512 === undefined || sha512 === 'unknown') return undefined;
      const path = join(directory, imageId);
      const { size } = await stat(path);
      return {
        sizeBytes: size,
        sha512,
        localPath: async () => path,
        open: async ({ first, last } = { first: 0, last: size - 1 }) =>
          createReadStream(path, { start: first, end: last, highWaterMark: 2 ** 20 }),
      };
    },
    take: (imageId, image) =>
      inTurn(imageId, async () => {
        if ((await checksumOfCopy(directory, imageId)) === undefined) await bring(imageId, image);
      }),
    async list() {
      return [...new Set((await namesOfImages(directory)).map(imageOf))];
    },
    copies: () => listCopies(directory),
    isBusy: (imageId) => turns.has(imageId),
    removeUnless: (imageId, isUsed) =>
      inTurn(imageId, async () => {
        if (await isUsed()) return;
        // The copy first: its checksum without it is nothing, and it without its checksum is compared again.
        const names = (await namesOfImages(directory)).filter((name) => imageOf(name) === imageId);
        for (const name of names.toSorted((a, b) => a.length - b.length)) await removeUnlocked(join(directory, name));
        if (names.some(isUuid)) await records?.removed(imageId);
      }),
    async removeLeftovers(wanted) {
      const names = await namesOfImages(directory);
      for (const name of names) {
        const imageId = imageOf(name);
        const isWhole = names.includes(imageId);
        if (name === imageId || turns.has(imageId)) continue;
        if (name.endsWith(partialSuffix) ? isWhole || !wanted.has(imageId) : !isWhole || name.endsWith(linkedSuffix))
          await inTurn(imageId, () => removeUnlocked(join(directory, name)));
      }
    },
    stop: () =>
      stopping.abort(new Unavailable('The host stopped while it fetched the image; it goes on when it is back.')),
  };

  async function isCopyOf(image: ImageData, imageId: string, known: string | undefined): Promise<boolean> {
    if (known === undefined || known === image.sha512) return known !== undefined;
    const path = join(directory, imageId);
    if (known === 'unknown' && (await isIntact(path, image))) {
      await noteChecksum(directory, imageId, image.sha512);
      return true;
    }
    log.warn({ image: imageId }, 'the copy of an image is not what its checksum says: it is fetched anew');
    return false;
  }
}

/** What another process is filling now is not ours to remove. */
async function removeUnlocked(path: string): Promise<void> {
  if (!path.endsWith(partialSuffix)) return await rm(path, { force: true });
  const file = await tryLock(path);
  if (file === undefined) return;
  await rm(path, { force: true }).finally(() => file.close());
}
