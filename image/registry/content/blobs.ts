/** Blobs of a repository: layers, configurations, whatever else is pushed. Only who brings one, or may pull it, has it. */
import type { Knex } from '../../../common/database/database.ts';
import { violatedConstraint } from '../../../common/database/database.ts';
import type { RegistryDeps } from '../deps.ts';
import { OciError } from '../errors.ts';
import { lockContent, removeUnowned } from './bytes.ts';
import { keepRepository, type Repository } from './repositories.ts';
import { withUpstream } from './transactions.ts';
import { checkRoom } from './usage.ts';

export interface Blob {
  digest: string;
  sizeBytes: number;
}

export async function findBlob(db: Knex, repositoryId: string, digest: string): Promise<Blob | undefined> {
  return await db('registry_blobs')
    .where({ repository_id: repositoryId, digest })
    .first({ digest: 'digest', sizeBytes: 'size_bytes' });
}

/** Says that somebody is about to refer to it. Does not wait where it is being removed or pushed at this moment. */
export async function touchBlob(db: Knex, repositoryId: string, digest: string): Promise<void> {
  const key = { repository_id: repositoryId, digest };
  await db('registry_blobs')
    .where(key)
    .whereIn('digest', db('registry_blobs').where(key).forNoKeyUpdate().skipLocked().select('digest'))
    .update({ seen_at: db.fn.now(3) });
}

export async function putBlob(trx: Knex, repositoryId: string, { digest, sizeBytes }: Blob): Promise<void> {
  await trx('registry_blobs')
    .insert({ repository_id: repositoryId, digest, size_bytes: sizeBytes })
    .onConflict(['repository_id', 'digest'])
    .merge({ seen_at: trx.fn.now(3) });
}

/** Whether the project has it already, so that it takes no more room. */
export async function projectHas(db: Knex, projectId: string, digest: string): Promise<boolean> {
  const row = await db('registry_blobs as b')
    .join('registry_repositories as r', 'r.id', 'b.repository_id')
    .where({ 'r.project_id': projectId, 'b.digest': digest })
    .first('b.digest');
  return row !== undefined;
}

/**
 * Gives the repository a blob of another one, which the caller may pull from. False when that has no such blob. Throws
 * `OciError` DENIED when there is no room for it.
 */
export async function mountBlob(
  { db, upstream, region }: RegistryDeps,
  repository: Repository,
  digest: string,
  from: Repository,
): Promise<boolean> {
  return withUpstream(db, async (trx) => {
    await keepRepository(trx, repository.id);
    const blob = await findBlob(trx, from.id, digest);
    if (blob === undefined) return false;
    const more = (await projectHas(trx, repository.projectId, digest)) ? 0 : blob.sizeBytes;
    await checkRoom({ db: trx, region }, repository.projectId, more);
    await lockContent(trx, digest);
    if ((await findBlob(trx, from.id, digest)) === undefined) return false;
    if (!(await upstream.mount(repository.id, digest, from.id))) return false;
    await putBlob(trx, repository.id, blob);
    return true;
  });
}

/** Throws `OciError` when it is not there, or a manifest refers to it. */
export async function deleteBlob(
  { db, upstream, storageDirectory }: RegistryDeps,
  repositoryId: string,
  digest: string,
): Promise<void> {
  try {
    await withUpstream(db, async (trx) => {
      await lockContent(trx, digest);
      const count = await trx('registry_blobs').where({ repository_id: repositoryId, digest }).delete();
      if (count === 0) throw new OciError('BLOB_UNKNOWN', `There is no blob ${digest} in this repository.`);
      await upstream.unlinkBlob(repositoryId, digest);
      await removeUnowned(trx, storageDirectory, digest);
    });
  } catch (error) {
    if (violatedConstraint(error) === undefined) throw error;
    throw new OciError('DENIED', `A manifest refers to blob ${digest}; delete that first.`, { cause: error });
  }
}
