import { createHash } from 'node:crypto';
import type { StoredData } from '../store.ts';

export interface Digest {
  add(chunk: Buffer): void;
  finish(): StoredData;
}

/** Both checksums of the Image API and the size, in one pass: md5 is what `checksum` is defined as, and proves nothing. */
export function startDigest(): Digest {
  const md5 = createHash('md5');
  const sha512 = createHash('sha512');
  let sizeBytes = 0;
  return {
    add(chunk) {
      md5.update(chunk);
      sha512.update(chunk);
      sizeBytes += chunk.length;
    },
    finish: () => ({ sizeBytes, md5: md5.digest('hex'), sha512: sha512.digest('hex') }),
  };
}
