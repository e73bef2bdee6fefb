/** Which of a host's images go. Pure: what is here and how it is used in, ids out. */
import type { Config } from '../../common/config/config.ts';

export interface CacheLimits {
  /** Of all copies together; 0: any number. */
  maximumBytes: number;
  /** How long a copy stays on which no guest stands. */
  unusedSeconds: number;
}

type LimitSettings = Pick<Config, 'imageCacheMaximumGib' | 'imageCacheUnusedHours'>;

export function imageLimits({ imageCacheMaximumGib, imageCacheUnusedHours }: LimitSettings): CacheLimits {
  return { maximumBytes: imageCacheMaximumGib * 2 ** 30, unusedSeconds: imageCacheUnusedHours * 3600 };
}

export interface KeptImage {
  imageId: string;
  /** What its removal would free. */
  bytes: number;
  isUsed: boolean;
  /** The image service no longer knows it: nobody can ask for it again. */
  isOrphan: boolean;
  /** Since it was last used. */
  idleSeconds: number;
}

/**
 * Images to remove: those nobody can use any more, those nobody used for too long, and of the rest those longest unused until
 * they are within the limit and `lackingBytes` more are free. Never one that is used, so that it may not be enough.
 */
export function surplusOf(kept: readonly KeptImage[], limits: CacheLimits, lackingBytes = 0): string[] {
  const unused = kept.filter(({ isUsed }) => !isUsed);
  const goes = ({ isOrphan, idleSeconds }: KeptImage) => isOrphan || idleSeconds >= limits.unusedSeconds;
  const gone = unused.filter(goes);
  const total = sum(kept) - sum(gone);
  const above = limits.maximumBytes === 0 ? 0 : total - limits.maximumBytes;
  let toFree = Math.max(above, lackingBytes - sum(gone));
  for (const image of unused.filter((one) => !goes(one)).toSorted((a, b) => b.idleSeconds - a.idleSeconds)) {
    if (toFree <= 0) break;
    if (image.bytes === 0) continue; // the store of images has the same file
    gone.push(image);
    toFree -= image.bytes;
  }
  return gone.map(({ imageId }) => imageId);
}

const sum = (images: readonly KeptImage[]) => images.reduce((bytes, image) => bytes + image.bytes, 0);
