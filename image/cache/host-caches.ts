/**
 * The caches of images that the image service's cache API is about: those of the hosts, which guests stand on. The service
 * itself has none, as what it would keep near is in its store. Compute implements this; functions take `db` first.
 */
import type { Knex } from '../../common/database/database.ts';

/** A disk that servers stand on, or an archive that containers are made of. */
export type CachedImageKind = 'disk' | 'container';

/** One image, on all hosts that have it. */
export interface CachedImage {
  imageId: string;
  /** How often guests found it on their host. */
  hits: number;
  lastAccessedAt: Date;
  /** When the last host got it. */
  lastModifiedAt: Date;
  /** Of one copy. */
  sizeBytes: number;
}

export interface HostCaches {
  /** Images that at least one host has and is not asked to give up, and ids of those that at least one still has to get; sorted by id. */
  list(db: Knex): Promise<{ cached: CachedImage[]; queued: string[] }>;
  /** Asks every host that takes guests, and lacks it, to get the image. */
  queue(db: Knex, imageId: string, kind: CachedImageKind): Promise<void>;
  /** Asks no host to get the image any more, and those that have it to give it up once no guest stands on it. False when there was nothing to ask. */
  remove(db: Knex, imageId: string): Promise<boolean>;
  /** Does that for all images: `queue`, those asked for; `cache`, those hosts have. */
  clear(db: Knex, target: 'queue' | 'cache'): Promise<void>;
}
