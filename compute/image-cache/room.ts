/** Space on the file system of a cache, which guests' disks, images and the database may share with it. */
import { statfs } from 'node:fs/promises';

/** Left free for the others; as much as the store of images leaves. */
const reserve = { bytes: 2 ** 30, share: 0.05 };

/** How many bytes the file system lacks for so many more; 0 when they fit and the reserve stays free. */
export async function lackingBytes(directory: string, moreBytes: number): Promise<number> {
  const { bavail, blocks, bsize } = await statfs(directory);
  const kept = Math.min(reserve.bytes, blocks * bsize * reserve.share);
  return Math.max(0, Math.ceil(moreBytes + kept - bavail * bsize));
}
