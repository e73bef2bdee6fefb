import type { Context } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, NotFound, OverQuota } from '../../common/errors.ts';
import { getUser } from '../../identity/users/store.ts';
import { limitOf } from '../quotas/limits.ts';
import { ownLimits } from '../quotas/store.ts';
import { generateSshKeypair, type Keypair, readPublicKey } from './keypair.ts';
import { countKeypairs, insertKeypair } from './store.ts';

export interface NewKeypair {
  userId: string;
  name: string;
  /** Undefined: a pair is generated, and its private half is in the answer and nowhere else. */
  imported: string | undefined;
}

/**
 * Throws `BadRequest` for what is no public key or no user, `Conflict` when the user has one of that name, `OverQuota` when they
 * have as many as they may: each user so many, by the limits of the project that asks.
 */
export async function createKeypair(
  { db, region }: { db: Knex; region: string },
  { userId: asker, projectId }: Context,
  { userId, name, imported }: NewKeypair,
): Promise<{ keypair: Keypair; privateKey?: string }> {
  if (userId !== asker)
    await getUser(db, userId).catch((error) => {
      throw error instanceof NotFound ? new BadRequest(`User ${userId} could not be found.`) : error;
    });
  const generated = imported === undefined ? await generateSshKeypair('Generated-by-Nova') : undefined;
  const key = readPublicKey(imported ?? generated?.publicKey ?? '');
  const keypair = await db.transaction(async (trx) => {
    await trx.raw("select pg_advisory_xact_lock(hashtextextended('keypairs ' || ?, 0))", [userId]);
    const limit = await limitOf(trx, { projectId: projectId ?? '', region }, 'key_pairs');
    const { key_pairs: usersLimit = limit } = await ownLimits(trx, { projectId: projectId ?? '', userId });
    const used = await countKeypairs(trx, userId);
    if (usersLimit >= 0 && used + 1 > usersLimit)
      throw new OverQuota(`Quota exceeded, too many key pairs: ${used} of ${usersLimit} are in use.`);
    return insertKeypair(trx, { userId, name, ...key });
  });
  return { keypair, privateKey: generated?.privateKey };
}
