/** The bytes that the registry server keeps, which are there once for all who have them. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Knex } from '../../../common/database/database.ts';
import { freeSpaceIn, type HasRoom } from '../../stores/files/free-space.ts';
import { OciError } from '../errors.ts';

/** Where the registry server keeps content: https://distribution.github.io/distribution/storage-drivers/filesystem/ */
export const blobsIn = (storage: string) => join(storage, 'docker', 'registry', 'v2', 'blobs', 'sha256');

/**
 * Until the transaction ends, nobody else adds or removes what has this digest: the removal of what nobody has cannot fall
 * between the registry server's finding that it has the bytes already and the row that says whose they are.
 */
export async function lockContent(trx: Knex, digest: string): Promise<void> {
  await trx.raw(`select pg_advisory_xact_lock(hashtextextended('registry content ' || ?, 0))`, [digest]);
}

/** Those that some repository has. */
export async function ownedAmong(db: Knex, digests: string[]): Promise<Set<string>> {
  const [blobs, manifests] = await Promise.all(
    ['registry_blobs', 'registry_manifests'].map((table) =>
      db(table).whereIn('digest', digests).distinct().pluck('digest'),
    ),
  );
  return new Set([...blobs!, ...manifests!]);
}

/**
 * Removes the bytes if no row names them (any more), in the transaction that holds them (`lockContent`): what is deleted and
 * pushed in turns takes no more room than it counts for. False when somebody has them.
 */
export async function removeUnowned(trx: Knex, storageDirectory: string, digest: string): Promise<boolean> {
  if ((await ownedAmong(trx, [digest])).size > 0) return false;
  const name = digest.slice('sha256:'.length);
  await rm(join(blobsIn(storageDirectory), name.slice(0, 2), name), { recursive: true, force: true });
  return true;
}

/** Room where the registry server keeps its bytes; one on another host, of which nothing is here, has to see to that itself. */
export function roomIn(storageDirectory: string): HasRoom {
  const hasRoom = freeSpaceIn(storageDirectory);
  return async (bytes) =>
    await hasRoom(bytes).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return true;
      throw error;
    });
}

/** Throws `OciError` UNAVAILABLE when so many bytes more would take what is left to others. */
export async function checkSpace({ hasRoom }: { hasRoom: HasRoom }, bytes: number): Promise<void> {
  if (!(await hasRoom(bytes))) throw new OciError('UNAVAILABLE', 'There is no space left for what is pushed.');
}
