import { statfs } from 'node:fs/promises';

/** Left free for others on the same file system, the database above all, which a full disk stops. */
const reserve = { bytes: 2 ** 30, share: 0.05 };
/** How much is written between two looks at what is left. */
const lookEveryBytes = 16 * 2 ** 20;

/** Whether so many bytes more leave the others enough; to be asked before each piece that is written. */
export type HasRoom = (bytes: number) => Promise<boolean>;

/** Throws what the file system says when it cannot be asked. */
export function freeSpaceIn(directory: string, look: (path: string) => Promise<Free> = statfs): HasRoom {
  let untilLook = 0;
  return async (bytes) => {
    if (untilLook <= 0) {
      const { bavail, blocks, bsize } = await look(directory);
      const kept = Math.min(reserve.bytes, blocks * bsize * reserve.share);
      if (bavail * bsize - bytes < kept) return false;
      untilLook = lookEveryBytes;
    }
    untilLook -= bytes;
    return true;
  };
}

/** Of a file system: blocks that are free for users, all of them, and their size in bytes. */
interface Free {
  bavail: number;
  blocks: number;
  bsize: number;
}
