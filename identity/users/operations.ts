import { Unauthorized } from '../../common/errors.ts';
import type { Secret } from '../../common/secret.ts';
import type { IdentityDeps } from '../deps.ts';
import { getDomain } from '../domains/store.ts';
import { revoke } from '../tokens/revocations.ts';
import { hashPassword, verifyPassword } from './password.ts';
import { findUserWithPassword, insertUser, removeUser, type UserChanges, updateUser } from './store.ts';
import type { User } from './user.ts';

export type AskedUser = Omit<UserChanges, 'passwordHash'> & { password?: Secret | null };

/** Throws `Conflict` when the name is taken in the domain, `NotFound` for the domain. */
export async function createUser(
  { db }: Pick<IdentityDeps, 'db'>,
  domainId: string,
  asked: AskedUser & { name: string },
): Promise<User> {
  const { password, ...user } = asked;
  await getDomain(db, domainId);
  return insertUser(db, domainId, { ...user, passwordHash: password ? await hashPassword(password) : null });
}

/** A new password, or being disabled, ends every token of the user. */
export async function changeUser(
  { db, revocations, tokenSeconds }: IdentityDeps,
  id: string,
  asked: AskedUser,
): Promise<User> {
  const { password, ...changes } = asked;
  const passwordHash = password ? await hashPassword(password) : password;
  const user = await db.transaction(async (trx) => {
    const changed = await updateUser(trx, id, { ...changes, ...(passwordHash !== undefined && { passwordHash }) });
    if (asked.enabled === false || passwordHash !== undefined) await revoke(trx, `user:${id}`, tokenSeconds);
    return changed;
  });
  await revocations.refresh();
  return user;
}

/** A user's own change; who knows the old password may. Throws `Unauthorized` otherwise. */
export async function changeOwnPassword(
  deps: IdentityDeps,
  id: string,
  { original, next }: { original: Secret; next: Secret },
): Promise<void> {
  const found = await findUserWithPassword(deps.db, { id });
  if (!(await verifyPassword(original, found?.passwordHash ?? null)))
    throw new Unauthorized('The request you have made requires authentication.');
  await changeUser(deps, id, { password: next });
}

export async function deleteUser({ db, revocations, tokenSeconds }: IdentityDeps, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    await removeUser(trx, id);
    await revoke(trx, `user:${id}`, tokenSeconds);
  });
  await revocations.refresh();
}
