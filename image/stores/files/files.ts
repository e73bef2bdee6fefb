import { access, constants, type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CloudError, OverQuota, Unavailable } from '../../../common/errors.ts';
import { isUuid } from '../../../common/ids.ts';
import { hashedWrite } from '../hashing/hashed-write.ts';
import { claimOf, type Owner } from '../owner.ts';
import { DataMissing, type ImageStore, type StoredData } from '../store.ts';
import { freeSpaceIn } from './free-space.ts';
import { placeInDirectory } from './place.ts';
import { FileReading } from './reading.ts';

const flushEveryBytes = 64 * 2 ** 20;
const unfinishedSuffix = '.partial';
/** QEMU and Docker may run as users of their own; the names cannot be guessed and the directory cannot be listed. */
const fileMode = 0o444;
const directoryMode = 0o711;

/**
 * Keeps each image's data as one file named by its id. A file under its final name is whole and on the disk. `owner`: whose the
 * directory is to be; none for one that nobody else can be told to use.
 */
export function openFileStore(directory: string, owner?: Owner): ImageStore {
  const pathOf = (id: string) => {
    if (!isUuid(id)) throw new Error(`not an id of stored data: ${id}`); // it becomes a file name
    return join(directory, id.toLowerCase());
  };
  const ready = async () => {
    await mkdir(directory, { recursive: true, mode: directoryMode });
  };
  const ids = async () => new Set((await names(directory)).map(withoutSuffix).filter(isUuid));
  const claim = owner && claimOf(placeInDirectory(directory, ids), owner);
  const asOwner = async (how: 'check' | 'once') => {
    if (claim === undefined) return;
    await storing(ready);
    await storing(() => claim[how]());
  };

  return {
    async put(id, data) {
      const path = pathOf(id);
      const unfinished = path + unfinishedSuffix;
      await storing(ready);
      await asOwner('once');
      const handle = await storing(() => open(unfinished, 'wx', fileMode));
      try {
        const stored = await write(handle, withinRoom(directory, data)).finally(() => handle.close());
        await storing(() => rename(unfinished, path));
        await storing(() => flushDirectory(directory));
        return stored;
      } catch (error) {
        await Promise.all([rm(unfinished, { force: true }), rm(path, { force: true })]);
        throw error;
      }
    },

    async open(id, range) {
      const handle = await open(pathOf(id), 'r').catch((error) => {
        if (error.code === 'ENOENT') throw new DataMissing(`The data ${id} is not in the store.`);
        throw error;
      });
      return new FileReading(handle, range);
    },

    async remove(id) {
      const path = pathOf(id);
      await asOwner('once');
      await rm(path + unfinishedSuffix, { force: true });
      await rm(path, { force: true });
    },

    async list() {
      return (await names(directory)).filter(isUuid);
    },

    async sweep(aliveAmong) {
      await asOwner('check');
      const found = await ids();
      const alive = await aliveAmong([...found]);
      const dead = [...found.difference(alive)];
      const failures: unknown[] = [];
      for (const id of dead) await this.remove(id).catch((error) => failures.push(error));
      if (failures.length > 0)
        throw new AggregateError(
          failures,
          `The data of ${failures.length} of ${dead.length} ids could not be removed.`,
        );
      return dead;
    },

    async localPath(id) {
      const path = pathOf(id);
      return (await stat(path).catch(() => undefined)) && path;
    },

    async check() {
      await storing(ready);
      await storing(() => access(directory, constants.W_OK));
      await asOwner('check');
    },
  };
}

async function write(file: FileHandle, data: AsyncIterable<Buffer>): Promise<StoredData> {
  const flushes = flushAlong(file);
  try {
    const stored = await hashedWrite(data, async (bytes, position) => {
      for (let written = 0; written < bytes.length; ) {
        const { bytesWritten } = await storing(() =>
          file.write(bytes, written, bytes.length - written, position + written),
        );
        written += bytesWritten;
      }
      flushes.wrote(bytes.length);
    });
    await storing(() => flushes.end());
    await storing(() => file.sync());
    return stored;
  } finally {
    await flushes.end().catch(() => {}); // the file stays open for as long
  }
}

/** Lets the disk begin while data still comes: what is left for the end takes a moment. `end` throws what any flush did. */
function flushAlong(file: FileHandle) {
  let unflushed = 0;
  let failure: { error: unknown } | undefined;
  let underWay: Promise<void> | undefined;
  return {
    wrote(bytes: number): void {
      unflushed += bytes;
      if (unflushed < flushEveryBytes || underWay !== undefined) return;
      unflushed = 0;
      underWay = file
        .datasync()
        .catch((error) => {
          failure ??= { error }; // the system tells it once, and not again to the last flush
        })
        .finally(() => {
          underWay = undefined;
        });
    },
    async end(): Promise<void> {
      await underWay;
      if (failure) throw failure.error;
    },
  };
}

/** Passes the data on while there is room for it. */
async function* withinRoom(directory: string, data: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const hasRoom = freeSpaceIn(directory);
  for await (const chunk of data) {
    if (!(await storing(() => hasRoom(chunk.length)))) throw full();
    yield chunk;
  }
}

const full = (cause?: unknown) => new OverQuota('There is no space left for the data of images.', { cause });

/** A file's new name lasts only once its directory is on the disk too. */
async function flushDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Names what the file system refuses; what goes wrong with the source of the data passes as it is. */
async function storing<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof CloudError) throw error;
    const { code = '' } = error as NodeJS.ErrnoException;
    const isFull = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(code);
    if (isFull) throw full(error);
    throw new Unavailable('The data of the image could not be stored; try again later.', { cause: error });
  }
}

async function names(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

const withoutSuffix = (name: string) =>
  name.endsWith(unfinishedSuffix) ? name.slice(0, -unfinishedSuffix.length) : name;
