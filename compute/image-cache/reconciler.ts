import type { Knex } from '../../common/database/database.ts';
import { BadRequest, NotFound, PermanentFailure } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import type { CachedImageKind } from '../../image/cache/host-caches.ts';
import { existingImages } from '../../image/images/use.ts';
import { DamagedImage } from '../drivers/driver.ts';
import type { Copy } from './copies.ts';
import { type CacheLimits, surplusOf } from './limits.ts';
import { findWish, type HostImageRecords, listWishes, settleWish } from './store.ts';

/** Where this host keeps images of one kind: a directory of files, or a container engine. */
export interface HostImages {
  /** The whole ones. */
  copies(): Promise<Copy[]>;
  /** Throws `NotFound` or `BadRequest` when there is nothing to be had. */
  bring(imageId: string): Promise<void>;
  removeUnless(imageId: string, isUsed: () => Promise<boolean>): Promise<void>;
  /** Those that a guest of this host stands on, or is going to. */
  listUsed(): Promise<ReadonlySet<string>>;
  /** Somebody is at it: it is not removed to make room. */
  isBusy(imageId: string): boolean;
  /** Removes what was left unfinished and is not `wanted`. */
  removeLeftovers(wanted: ReadonlySet<string>): Promise<void>;
  stop(): void;
}

export interface HostImagesDeps {
  db: Knex;
  log: Logger;
  hostName: string;
  kind: CachedImageKind;
  images: HostImages;
  records: HostImageRecords;
  limits: CacheLimits;
}

/** Enough for what one host is asked at once; the rest waits its turn. */
const mostWishes = 10_000;

/** Keeps the images on this host that its guests stand on and that it was asked to have, and of all others what the limits allow. */
export function hostImagesReconciler(name: string, deps: HostImagesDeps): Reconciler {
  const { db, log, hostName, kind, images, records } = deps;
  const isUsed = async (id: string) => (await images.listUsed()).has(id);
  const bring = async (id: string) => {
    try {
      await images.bring(id);
    } catch (error) {
      if (!isForGood(error)) throw error; // the loop tries again, later each time
      log.error({ err: error, image: id }, 'an image that this host was asked to have cannot be had');
    }
    if (await settleWish(db, hostName, kind, id, 'present')) return;
    // It was taken back meanwhile: what came is not left behind, nor taken from under a guest.
    if ((await findWish(db, hostName, kind, id)) === undefined) await images.removeUnless(id, () => isUsed(id));
  };
  return {
    name,
    concurrency: 2, // guests get their images by themselves, and nobody waits for these
    pending: (limit) => listWishes(db, hostName, kind, limit),
    async reconcile(id) {
      const wanted = await findWish(db, hostName, kind, id);
      if (wanted === 'present') {
        await bring(id);
        const tooMany = await surplus(deps);
        if (tooMany.includes(id)) log.error({ image: id }, 'an image does not fit into what this host may keep');
        for (const other of tooMany) await images.removeUnless(other, () => isUsed(other));
      } else if (wanted === 'absent') {
        await images.removeUnless(id, () => isUsed(id));
        await settleWish(db, hostName, kind, id, 'absent');
      } else if ((await surplus(deps)).includes(id)) {
        await images.removeUnless(id, () => isUsed(id));
      }
    },
    async sweep() {
      const here = await images.copies(); // before the rows: a guest that comes in between is seen by the second look above
      const used = await images.listUsed();
      await records.keep(here, used);
      const wishes = await listWishes(db, hostName, kind, mostWishes);
      await images.removeLeftovers(new Set([...used, ...wishes]));
      return await surplus(deps);
    },
    stop: () => images.stop(),
  };
}

/** Nobody waits for it as for a guest: who asked for it asks again when it is repaired. */
function isForGood(error: unknown): boolean {
  return [NotFound, BadRequest, PermanentFailure, DamagedImage].some((kind) => error instanceof kind);
}

/** Removes what nobody uses, longest unused first, until `bytes` are free; it may not be enough. */
export async function makeRoom(deps: HostImagesDeps, bytes: number): Promise<void> {
  const { images, log } = deps;
  const ids = (await surplus(deps, bytes)).filter((id) => !images.isBusy(id));
  if (ids.length > 0) log.warn({ images: ids, bytes }, 'the disk of this host is nearly full: unused images go');
  for (const id of ids) await images.removeUnless(id, async () => (await images.listUsed()).has(id));
}

async function surplus({ db, images, records, limits }: HostImagesDeps, lackingBytes = 0): Promise<string[]> {
  const copies = await images.copies();
  if (copies.length === 0) return [];
  const [used, idle, existing] = await Promise.all([
    images.listUsed(),
    records.idleSeconds(),
    existingImages(
      db,
      copies.map(({ imageId }) => imageId),
    ),
  ]);
  const kept = copies.map(({ imageId, ownBytes }) => ({
    imageId,
    bytes: ownBytes,
    isUsed: used.has(imageId),
    isOrphan: !existing.has(imageId),
    idleSeconds: idle.get(imageId) ?? 0,
  }));
  return surplusOf(kept, limits, lackingBytes);
}
