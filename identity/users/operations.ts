import { BadRequest } from '../../common/errors.ts';
import type { Secret } from '../../common/secret.ts';
import type { IdentityDeps } from '../deps.ts';
import { findDomain, lockDomain } from '../domains/store.ts';
import { mergedExtra } from '../extra.ts';
import { type Federated, setFederated } from '../federation/users/attribute.ts';
import { checkMayChange, checkMayDelete, mergedOptions } from '../options.ts';
import { lenient } from '../security-compliance/compliance.ts';
import { revoke } from '../tokens/revocations.ts';
import { forgiveUser } from './login.ts';
import { hashNewPassword, storePassword } from './password-change.ts';
import { getUser, insertUser, lockUser, removeUser, type UserChanges, updateUser } from './store.ts';
import type { User } from './user.ts';

/** What is asked to be different; absent leaves alone, null clears. */
export type AskedUser = UserChanges & {
  password?: Secret | null;
  /** Who the user is at identity providers: all of it. */
  federated?: Federated | undefined;
};

/** Throws `Conflict` when the name is taken in the domain, `NotFound` for the domain, `BadRequest` for a default project that is a domain. */
export async function createUser(
  { db, compliance = lenient }: Pick<IdentityDeps, 'db'> & Partial<Pick<IdentityDeps, 'compliance'>>,
  domainId: string,
  asked: AskedUser & { name: string },
): Promise<User> {
  const { password, federated, options, extra = {}, ...user } = asked;
  await checkDefaultProject(db, user.defaultProjectId);
  const hash = password ? await hashNewPassword(compliance, password) : null;
  return db.transaction(async (trx) => {
    await lockDomain(trx, domainId, 'share'); // so that it is not being deleted meanwhile
    const created = await insertUser(trx, domainId, {
      ...user,
      options: mergedOptions({}, options),
      extra: mergedExtra({}, extra),
    });
    if (hash !== null) await storePassword(trx, compliance, created, { hash, isOwn: false });
    if (federated) await setFederated(trx, created.id, federated);
    return hash === null ? created : getUser(trx, created.id);
  });
}

/** A new password, or being disabled, ends every token of the user. Throws `Forbidden` for an immutable user. */
export async function changeUser(
  { db, compliance, revocations, tokenSeconds }: IdentityDeps,
  id: string,
  asked: AskedUser,
): Promise<User> {
  const { password, federated, options, extra, ...changes } = asked;
  await checkDefaultProject(db, changes.defaultProjectId);
  const hash = password ? await hashNewPassword(compliance, password) : password;
  const user = await db.transaction(async (trx) => {
    const before = await lockUser(trx, id);
    checkMayChange('user', before, asked);
    const after = { id, options: mergedOptions(before.options, options) };
    if (hash !== undefined) await storePassword(trx, compliance, after, { hash, isOwn: false });
    const changed = await updateUser(trx, id, {
      ...changes,
      ...(options && { options: after.options }),
      ...(extra && { extra: mergedExtra(before.extra, extra) }),
    });
    if (asked.enabled === true) await forgiveUser(trx, id);
    if (federated) await setFederated(trx, id, federated);
    const ends = (before.enabled && !changed.enabled) || hash !== undefined || federated !== undefined;
    if (ends) await revoke(trx, `user:${id}`, tokenSeconds);
    return changed;
  });
  await revocations.refresh();
  return user;
}

export async function deleteUser({ db, revocations, tokenSeconds }: IdentityDeps, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    checkMayDelete('user', await lockUser(trx, id));
    await removeUser(trx, id);
    await revoke(trx, `user:${id}`, tokenSeconds);
  });
  await revocations.refresh();
}

/** It need not exist, nor be the user's, because it gives no rights; but a domain is none (keystone says so for both). */
async function checkDefaultProject(db: IdentityDeps['db'], id: string | null | undefined): Promise<void> {
  if (id && (await findDomain(db, id))) throw new BadRequest(`User's default project ID cannot be a domain ID: ${id}`);
}
