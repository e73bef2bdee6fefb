import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, readConfig } from '../common/config/config.ts';
import { type Copy, checksumOfCopy, listCopies } from '../compute/image-cache/copies.ts';
import { isIntact } from '../compute/image-cache/file-hash.ts';
import { imageLimits } from '../compute/image-cache/limits.ts';
import { type Finding, fail, type HostContext, ok, warn } from './engines/engine.ts';

const name = 'image copies';
/** Read again at most, beside one copy of whatever size: a disk gives it in seconds. */
const sampleBytes = 512 * 2 ** 20;

/** For the doctor: whether this host keeps more of images than it may, and whether what it keeps is still what it got. */
export async function imageCopies({ dataDir }: HostContext): Promise<Finding[]> {
  const configFile = join(dataDir, 'cirrostack.json');
  const config = await readConfig({ ...(existsSync(configFile) && { CIRROSTACK_CONFIG: configFile }) }, []);
  return await lookAtCopies(join(dataDir, 'compute', 'images'), config);
}

export async function lookAtCopies(
  directory: string,
  config: Pick<Config, 'imageCacheMaximumGib' | 'imageCacheUnusedHours'>,
): Promise<Finding[]> {
  const copies = await listCopies(directory);
  const own = copies.reduce((sum, { ownBytes }) => sum + ownBytes, 0);
  const { maximumBytes } = imageLimits(config);
  const wrong: string[] = [];
  const sample = sampleOf(copies);
  for (const copy of sample) if (!(await isRight(directory, copy))) wrong.push(join(directory, copy.imageId));
  const checked = sample.length === 0 ? '' : `; ${sample.length} of them read again`;
  const found = `${copies.length}, ${inGib(own)} GiB beside the store${checked}`;
  return [
    maximumBytes > 0 && own > maximumBytes
      ? warn(
          name,
          `${found}, where ${config.imageCacheMaximumGib} GiB are the limit`,
          'Servers stand on what is too much, or it goes within a minute. Raise imageCacheMaximumGib, or use fewer images on this host.',
        )
      : ok(name, found),
    ...wrong.map((path) =>
      fail(
        name,
        `${path} is not what was fetched`,
        'Look after the disk. Move the file away: it is fetched anew, while there is such an image, when its servers are rebooted hard.',
      ),
    ),
  ];
}

/** One at random, and others as long as they are not too much to read. */
function sampleOf(copies: Copy[]): Copy[] {
  const shuffled = copies
    .map((copy) => ({ copy, order: Math.random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ copy }) => copy);
  let left = sampleBytes;
  return shuffled.filter(({ sizeBytes }, index) => {
    left -= sizeBytes;
    if (index === 0 || left >= 0) return true;
    left += sizeBytes;
    return false;
  });
}

/** One that nobody has compared yet is compared before it is used; there is nothing to say of it. */
async function isRight(directory: string, { imageId, sizeBytes }: Copy): Promise<boolean> {
  const sha512 = await checksumOfCopy(directory, imageId);
  if (sha512 === undefined || sha512 === 'unknown') return true;
  return await isIntact(join(directory, imageId), { sizeBytes, sha512 }).catch(() => true); // it has just gone
}

function inGib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}
