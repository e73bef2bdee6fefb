import type { Visible } from '../../../common/context.ts';
import { notify } from '../../../common/database/notifications.ts';
import { Conflict } from '../../../common/errors.ts';
import type { RegistryDeps } from '../deps.ts';
import { OciError } from '../errors.ts';
import { withdrawImages } from '../images/withdraw.ts';
import { getRepository, isImmutable, requestDeletion } from './repositories.ts';
import { briefly } from './transactions.ts';

/** Hides a repository and its images at once; the loop removes them. Throws `NotFound`, `Conflict` where something must stay. */
export async function deleteRepository({ db }: Pick<RegistryDeps, 'db'>, visible: Visible, id: string): Promise<void> {
  await briefly(db, async (trx) => {
    const repository = await getRepository(trx, visible, id);
    const tags = await trx('registry_tags').where({ repository_id: id }).delete();
    if (tags > 0 && (await isImmutable(trx, repository)))
      throw new Conflict(`The tags of repository ${id} are immutable; say that they are not, or leave it.`);
    await withdrawImages(trx, id).catch((error) => {
      throw error instanceof OciError ? new Conflict(error.message, { cause: error }) : error;
    });
    await requestDeletion(trx, id);
    await notify(trx, 'registry-repositories', id);
  });
}
