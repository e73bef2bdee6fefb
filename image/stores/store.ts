/**
 * Where the data of images is kept. A store knows no database and no image: it keeps bytes under an id that is made for one
 * upload and never used again, so that a late writer can never overwrite what another has finished.
 */
import type { Readable } from 'node:stream';
import { CloudError } from '../../common/errors.ts';

/** The bytes are not here, or not all of them. */
export class DataMissing extends CloudError {}

export interface StoredData {
  sizeBytes: number;
  /** Hexadecimal. */
  md5: string;
  /** Hexadecimal. */
  sha512: string;
}

/** Both ends belong to it. */
export interface ByteRange {
  first: number;
  last: number;
}

export interface ImageStore {
  /**
   * Keeps the bytes: after it returns they survive a crash of the machine, and before that nobody can see them. What it
   * throws leaves nothing behind: an error of `data` itself, `OverQuota` when the store is full, `Unavailable` when it fails.
   * A piece of `data` may be overwritten, and its memory taken back, once the next one is asked for: what is kept is copied.
   */
  put(id: string, data: AsyncIterable<Buffer>): Promise<StoredData>;
  /** Throws `DataMissing`. A range must lie within the data. */
  open(id: string, range?: ByteRange): Promise<Readable>;
  /** Absent data is a success. Readers that have it open read on to its end. */
  remove(id: string): Promise<void>;
  /** Ids of finished data. */
  list(): Promise<string[]>;
  /**
   * Removes everything that nobody owns, unfinished data included, and returns its ids. Asks who is alive only after it
   * has looked, so that an upload whose owner was recorded before it began is never taken for a leftover. What cannot be
   * removed keeps nothing else from being removed; an `AggregateError` at the end says why.
   */
  sweep(aliveAmong: (ids: string[]) => Promise<ReadonlySet<string>>): Promise<string[]>;
  /** The file on this host that holds the data and must not be changed; undefined where there is none. */
  localPath(id: string): Promise<string | undefined>;
  /** Throws, with what to do about it, when nothing can be stored. */
  check(): Promise<void>;
}
