/** Brings the data of one image to this host: whole, compared with its checksum and on the disk, or not at all. */
import { createReadStream } from 'node:fs';
import { type FileHandle, link, rm } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { CloudError, Unavailable } from '../../common/errors.ts';
import type { ImageData } from '../../image/images/use.ts';
import { DamagedImage, DiskFull } from '../drivers/driver.ts';
import { linkedPath, putInPlace } from './copies.ts';
import { isIntact, startFileHash } from './file-hash.ts';
import { gatherWrites } from './gathered-writes.ts';
import { lackingBytes } from './room.ts';

export interface FetchDeps {
  directory: string;
  /** Asked when so many bytes are lacking; what it cannot help with is found out afterwards. */
  makeRoom: (bytes: number) => Promise<void>;
  /** The process ends: what has come stays for the next one. */
  signal: AbortSignal;
}

/** A store that says nothing for so long will not go on. */
const silenceMs = 60_000;
const lookForRoomEveryBytes = 64 * 2 ** 20;

/**
 * A second name of the store's own file, where that is possible: nothing is copied then. Otherwise fills `partial`, a file that
 * the caller holds locked, from where an earlier attempt came to; what has come stays there unless the disk is full.
 * @throws DamagedImage, DiskFull, Unavailable
 */
export async function fetchImage(
  deps: FetchDeps,
  imageId: string,
  image: ImageData,
  partial: { file: FileHandle; path: string },
): Promise<'linked' | 'copied'> {
  const { directory } = deps;
  const local = await image.localPath();
  const linked = linkedPath(directory, imageId);
  await rm(linked, { force: true });
  if (local !== undefined && (await isLinked(local, linked))) {
    try {
      if (!(await isIntact(linked, image))) throw damaged(imageId);
      await putInPlace(directory, imageId, linked, image.sha512);
      return 'linked';
    } finally {
      await Promise.all([rm(linked, { force: true }), rm(partial.path)]);
    }
  }
  const had = (await partial.file.stat()).size;
  const isRight = (await fill(deps, image, partial, had)) || (had > 0 && (await fill(deps, image, partial, 0)));
  if (!isRight) {
    await rm(partial.path);
    throw damaged(imageId);
  }
  await partial.file.chmod(0o444); // QEMU may run as a user of its own
  await partial.file.sync();
  await putInPlace(directory, imageId, partial.path, image.sha512);
  return 'copied';
}

/** Gets the rest of the data from `had` on. False when what the file holds then is not the image. */
async function fill(
  deps: FetchDeps,
  image: ImageData,
  { file, path }: { file: FileHandle; path: string },
  had: number,
): Promise<boolean> {
  const from = had > image.sizeBytes ? 0 : had;
  await file.truncate(from);
  const hash = startFileHash(path, image.sizeBytes);
  try {
    hash.writtenTo(from);
    if (from < image.sizeBytes) await download(deps, image, file, from, hash.writtenTo);
    return (await hash.finish()) === image.sha512;
  } catch (error) {
    const isFull = error instanceof DiskFull || (error as NodeJS.ErrnoException).code === 'ENOSPC';
    if (!isFull) throw error;
    await rm(path, { force: true }); // others need the room, and this may not fit for long
    throw noRoom(image.sizeBytes, error);
  } finally {
    hash.abandon();
  }
}

async function download(
  deps: FetchDeps,
  image: ImageData,
  file: FileHandle,
  from: number,
  writtenTo: (bytes: number) => void,
): Promise<void> {
  const silent = new AbortController();
  const give = () => silent.abort(new Unavailable('The store of images said nothing for a minute.'));
  const silence = setTimeout(give, silenceMs);
  const signal = AbortSignal.any([deps.signal, silent.signal]);
  const writes = gatherWrites(file, from, writtenTo);
  let [came, roomUntil] = [from, from];
  try {
    const stream = addAbortSignal(signal, await openFrom(image, from));
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      came += chunk.length;
      if (came > image.sizeBytes) throw new Unavailable('More data came than the image has.');
      if (came > roomUntil) {
        await ensureRoom(deps, image.sizeBytes - came + chunk.length);
        roomUntil = came + lookForRoomEveryBytes;
      }
      await writes.add(chunk);
      silence.refresh(); // not while it is us who are slow
    }
  } catch (error) {
    await writes.finish(); // what came is kept
    if (signal.aborted) throw signal.reason;
    const isOurs = error instanceof CloudError || (error as NodeJS.ErrnoException).code === 'ENOSPC';
    throw isOurs ? error : new Unavailable('The image could not be fetched to its end.', { cause: error });
  } finally {
    clearTimeout(silence);
  }
  await writes.finish();
  if (came < image.sizeBytes)
    throw new Unavailable(`The image ended at ${came} of ${image.sizeBytes} bytes; the rest is fetched later.`);
}

async function openFrom(image: ImageData, from: number): Promise<Readable> {
  const local = await image.localPath(); // on another file system, or there would be a second name by now
  if (local !== undefined) return createReadStream(local, { start: from, highWaterMark: 2 ** 20 });
  return await image.open(from === 0 ? undefined : { first: from, last: image.sizeBytes - 1 });
}

async function ensureRoom({ directory, makeRoom }: FetchDeps, bytes: number): Promise<void> {
  const lacking = await lackingBytes(directory, bytes);
  if (lacking === 0) return;
  await makeRoom(lacking);
  if ((await lackingBytes(directory, bytes)) > 0) throw noRoom(bytes);
}

function noRoom(bytes: number, cause?: unknown): DiskFull {
  const mib = Math.ceil(bytes / 2 ** 20);
  return new DiskFull(`The host has no disk space left for the image, which needs ${mib} MiB.`, { cause });
}

function damaged(imageId: string): DamagedImage {
  return new DamagedImage(
    `The data of image ${imageId} is damaged: it is not what its checksum says. It is tried again, and the operator of the cloud has to bring it back.`,
  );
}

/** False where a second name is not possible: another file system, or one without links, or the data is just being removed. */
async function isLinked(from: string, to: string): Promise<boolean> {
  return await link(from, to).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'ENOENT'].includes(error.code ?? '')) return false;
      throw error;
    },
  );
}
