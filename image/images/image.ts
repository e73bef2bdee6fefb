import { BadRequest } from '../../common/errors.ts';
import type { ContainerFormat, DiskFormat } from '../inspection/inspector.ts';

export const visibilities = ['public', 'private', 'shared', 'community'] as const;
export type Visibility = (typeof visibilities)[number];

/**
 * `queued`: no data yet; `saving`: an upload is under way; `uploading`: data comes, or has come, that waits for its import;
 * `importing`: an import is under way; `active`: the data is here and never changes again;
 * `deactivated`: it is here, and only administrators can have it.
 */
export const imageStatuses = ['queued', 'saving', 'uploading', 'importing', 'active', 'deactivated'] as const;
export type ImageStatus = (typeof imageStatuses)[number];

/** What its owner may change at any time, but for the formats, which are fixed once data arrives. */
export interface EditableImage {
  /** The project it belongs to. */
  owner: string;
  name: string | null;
  diskFormat: DiskFormat | null;
  containerFormat: ContainerFormat | null;
  visibility: Visibility;
  minDiskGib: number;
  minRamMib: number;
  /** Cannot be deleted. */
  isProtected: boolean;
  /** Left out of lists, and usable as ever. */
  isHidden: boolean;
  /** Sorted, each once. */
  tags: string[];
  /** What the API shows at its top level beside its own fields. */
  properties: Record<string, string>;
}

export interface Image extends EditableImage {
  id: string;
  status: ImageStatus;
  /** The upload that brought the data; null until `active`, and so are the next five. Copies have ids of their own. */
  dataId: string | null;
  sizeBytes: number | null;
  /** Bytes of the disk that a guest sees; null as well for archives of containers. */
  virtualSizeBytes: number | null;
  md5: string | null;
  sha512: string | null;
  /** Those with a copy of the data, the oldest copy first. */
  stores: string[];
  /** The import, or the copying to further stores, under way. */
  importTaskId: string | null;
  /** Where that still has to bring the data; null before the first. */
  importingStores: string[] | null;
  /** Where the last one could not bring it. */
  failedStores: string[];
  createdAt: Date;
  updatedAt: Date;
}

/** Glance's own defaults for image_property_quota and image_tag_quota. */
export const maximumProperties = 128;
export const maximumTags = 128;

export const newImage = (owner: string): EditableImage => ({
  owner,
  name: null,
  diskFormat: null,
  containerFormat: null,
  visibility: 'shared',
  minDiskGib: 0,
  minRamMib: 0,
  isProtected: false,
  isHidden: false,
  tags: [],
  properties: {},
});

/** What the inspector holds an upload against. Throws `BadRequest` while the image does not say what it will be. */
export function declaredFormat({ diskFormat, containerFormat }: Pick<EditableImage, 'diskFormat' | 'containerFormat'>) {
  if (diskFormat === null || containerFormat === null)
    throw new BadRequest('Properties disk_format, container_format must be set prior to saving data.');
  if (containerFormat === 'docker' && diskFormat !== 'raw')
    throw new BadRequest('An image with container_format docker has disk_format raw.');
  return { diskFormat, containerFormat };
}
