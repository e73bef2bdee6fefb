/**
 * What other services may do with images. Functions on the database take `db` first, so that one transaction spans
 * services. They check who may see an image and no policy: the caller's own rule stands for the whole request.
 */
import type { Readable } from 'node:stream';
import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Conflict, NotFound } from '../../common/errors.ts';
import type { ContainerFormat, DiskFormat } from '../inspection/inspector.ts';
import type { ByteRange } from '../stores/store.ts';
import { type ImageStores, openCopy, readable } from '../stores/stores.ts';
import { listCopies } from './copies.ts';
import { listImages, newestFirst } from './listing.ts';
import { findImage, getImage, liveImages } from './store.ts';

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

/** Bytes of a new disk of the image. */
export function diskBytesOf({ virtualSizeBytes, sizeBytes }: Pick<UsableImage, 'virtualSizeBytes' | 'sizeBytes'>) {
  return virtualSizeBytes ?? sizeBytes;
}

/** The same of an image that somebody uses already, whoever may see it; undefined when it is gone or has no data. */
export async function diskSizeOfImage(db: Knex, id: string): Promise<number | undefined> {
  const image = await findImage(db, 'everyone', id);
  return image?.virtualSizeBytes ?? image?.sizeBytes ?? undefined;
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
  stores: ImageStores;
}

/**
 * The data, from the best store that has it and answers. Throws `NotFound` when the image is gone, `BadRequest` when it has no data,
 * and `Unavailable` when none of its stores can be asked.
 */
export async function openImageData(source: ImageDataSource, id: string): Promise<Readable> {
  return await (await getImageData(source, id)).open();
}

/** The data of an image, for a host that keeps a copy of its own. */
export interface ImageData {
  sizeBytes: number;
  /** Hexadecimal, of the data as it was accepted: whoever brings it elsewhere compares. */
  sha512: string;
  /** A file on this host that holds the data and must not be changed; undefined where there is none. */
  localPath(): Promise<string | undefined>;
  /** Throws `DataMissing`. A range must lie within the data. */
  open(range?: ByteRange): Promise<Readable>;
}

/** Throws as `openImageData` does. */
export async function getImageData({ db, stores }: ImageDataSource, id: string): Promise<ImageData> {
  const { sizeBytes, sha512, status } = await getImage(db, 'everyone', id);
  if (sizeBytes === null || sha512 === null) throw new BadRequest(`Image ${id} is not active: it is ${status}.`);
  const copies = await listCopies(db, id);
  return {
    sizeBytes,
    sha512,
    async localPath() {
      for (const { store, dataId } of readable(stores, copies)) {
        const path = await store.data.localPath(dataId);
        if (path !== undefined) return path;
      }
      return undefined;
    },
    open: (range) => openCopy(stores, copies, range),
  };
}

/** Those of the ids that are images'; data of the others will never be asked for again, as no id is used twice. */
export async function existingImages(db: Knex, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  return new Set(
    await liveImages(db)
      .whereRaw('id = any(?::uuid[])', [[...ids]])
      .pluck('id'),
  );
}
