/**
 * What other services may do with images. Functions on the database take `db` first, so that one transaction spans
 * services. They check who may see an image and no policy: the caller's own rule stands for the whole request.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Conflict, NotFound } from '../../common/errors.ts';
import type { ContainerFormat, DiskFormat } from '../inspection/inspector.ts';
import type { ImageStore } from '../stores/store.ts';
import { listImages, newestFirst } from './listing.ts';
import { getImage } from './store.ts';

/** An image with data. What is said here of the data was seen by the inspector and never changes. */
export interface UsableImage {
  id: string;
  name: string | null;
  diskFormat: DiskFormat;
  containerFormat: ContainerFormat;
  sizeBytes: number;
  /** Bytes of the disk that a guest sees; null for archives of containers. */
  virtualSizeBytes: number | null;
  /** The least a flavor must have. */
  minDiskGib: number;
  minRamMib: number;
  properties: Readonly<Record<string, string>>;
}

/** The image, when the caller may see it and its data is there. Throws `NotFound`, and `BadRequest` when it is not active. */
export async function getUsableImage(db: Knex, visible: Visible, id: string): Promise<UsableImage> {
  const image = await getImage(db, visible, id);
  const { diskFormat, containerFormat, sizeBytes } = image;
  if (image.status !== 'active' || sizeBytes === null || diskFormat === null || containerFormat === null)
    throw new BadRequest(`Image ${id} is not active: it is ${image.status}.`);
  return {
    id: image.id,
    name: image.name,
    diskFormat,
    containerFormat,
    sizeBytes,
    virtualSizeBytes: image.virtualSizeBytes,
    minDiskGib: image.minDiskGib,
    minRamMib: image.minRamMib,
    properties: image.properties,
  };
}

/**
 * The id of the image with data and that name among those that the caller's list shows. Throws `NotFound`, and `Conflict` when
 * there are several.
 */
export async function findImageByName(db: Knex, visible: Visible, name: string): Promise<string> {
  const filter = {
    memberStatus: 'accepted',
    isHidden: false,
    oneOf: [
      { column: 'name', values: [name] },
      { column: 'status', values: ['active'] },
    ],
    comparisons: [],
    tags: [],
    properties: {},
  } satisfies Parameters<typeof listImages>[2];
  const { images } = await listImages(db, visible, filter, { limit: 2, marker: undefined }, newestFirst);
  if (images.length > 1)
    throw new Conflict(`Multiple images exist with the name ${name}. Please use the image id instead.`);
  if (images[0] === undefined) throw new NotFound('Image', name);
  return images[0].id;
}

/** Where the data of images is, for those who have resolved an id for a caller before. */
export interface ImageDataSource {
  db: Knex;
  store: ImageStore;
}

/** Throws `NotFound` when the image is gone, `BadRequest` when it has no data. */
export async function openImageData({ db, store }: ImageDataSource, id: string): Promise<Readable> {
  return await store.open(await dataIdOf(db, id));
}

/**
 * Puts the data of an image at a path of this host, whole or not at all, where it stays when the image is deleted. Nobody may
 * write to that file: where the store is on the same file system it is the store's own, and nothing is copied. Throws as
 * `openImageData` does.
 */
export async function placeImageData({ db, store }: ImageDataSource, id: string, path: string): Promise<void> {
  const dataId = await dataIdOf(db, id);
  const unfinished = `${path}.${randomUUID()}.partial`;
  await mkdir(dirname(path), { recursive: true, mode: 0o711 }); // QEMU's user passes through, and nobody lists whose images are here
  try {
    const local = await store.localPath(dataId);
    const isLinked = local !== undefined && (await linked(local, unfinished));
    if (!isLinked) await copy(await store.open(dataId), unfinished);
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
}

async function dataIdOf(db: Knex, id: string): Promise<string> {
  const { dataId, status } = await getImage(db, 'everyone', id);
  if (dataId === null) throw new BadRequest(`Image ${id} is not active: it is ${status}.`);
  return dataId;
}

/** False where a second name is not possible: another file system, or one without links, or the data is just being removed. */
async function linked(from: string, to: string): Promise<boolean> {
  return await link(from, to).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'ENOENT'].includes(error.code ?? '')) return false;
      throw error;
    },
  );
}

async function copy(data: Readable, path: string): Promise<void> {
  const file = await open(path, 'wx', 0o444);
  await pipeline(data, file.createWriteStream({ flush: true }));
}
