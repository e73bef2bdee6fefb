import type { Secret } from '../../common/secret.ts';
import type { IdentityDeps } from '../deps.ts';
import { getDomain } from '../domains/store.ts';
import { lenient } from '../security-compliance/compliance.ts';
import { revoke } from '../tokens/revocations.ts';
import { forgiveUser } from './login.ts';
import { hashNewPassword, storePassword } from './password-change.ts';
import { getUser, insertUser, removeUser, type UserChanges, updateUser } from './store.ts';
import type { User } from './user.ts';

export type AskedUser = UserChanges & { password?: Secret | null };

/** Throws `Conflict` when the name is taken in the domain, `NotFound` for the domain. */
export async function createUser(
  { db, compliance = lenient }: Pick<IdentityDeps, 'db'> & Partial<Pick<IdentityDeps, 'compliance'>>,
  domainId: string,
  asked: AskedUser & { name: string },
): Promise<User> {
  const { password, ...user } = asked;
  await getDomain(db, domainId);
  const hash = password ? await hashNewPassword(compliance, password) : null;
  return db.transaction(async (trx) => {
    const { id } = await insertUser(trx, domainId, user);
    if (hash !== null) await storePassword(trx, compliance, { id, options: {} }, { hash, isOwn: false });
    return getUser(trx, id);
  });
}

/** A new password, or being disabled, ends every token of the user. */
export async function changeUser(
  { db, compliance, revocations, tokenSeconds }: IdentityDeps,
  id: string,
  asked: AskedUser,
): Promise<User> {
  const { password, ...changes } = asked;
  const hash = password ? await hashNewPassword(compliance, password) : password;
  const user = await db.transaction(async (trx) => {
    const { options = {} } = (await trx('users').where({ id }).forUpdate().first('options')) ?? {};
    if (hash !== undefined) await storePassword(trx, compliance, { id, options }, { hash, isOwn: false });
    const changed = await updateUser(trx, id, changes);
    if (asked.enabled === true) await forgiveUser(trx, id);
    if (asked.enabled === false || hash !== undefined) await revoke(trx, `user:${id}`, tokenSeconds);
    return changed;
  });
  await revocations.refresh();
  return user;
}

export async function deleteUser({ db, revocations, tokenSeconds }: IdentityDeps, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    await removeUser(trx, id);
    await revoke(trx, `user:${id}`, tokenSeconds);
  });
  await revocations.refresh();
}
