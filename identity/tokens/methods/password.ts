import { Secret } from '../../../common/secret.ts';
import { checkPassword, type UserReference } from '../../users/login.ts';
import { hashPassword, isOutdated } from '../../users/password.ts';
import type { TokenDeps } from '../deps.ts';
import type { Proof } from './proof.ts';

export type { UserReference };

/** Whoever knows the password is the user. Throws `Unauthorized` and says no more, or `TooManyRequests`. */
export async function provePassword(
  deps: TokenDeps,
  { user, password }: { user: UserReference; password: string },
  address: string,
): Promise<Proof> {
  const { userId, passwordHash } = await checkPassword(deps, { user, password, address });
  const kept = isOutdated(passwordHash) ? await hashAnew(deps, { userId, passwordHash, password }) : passwordHash;
  return { method: 'password', userId, passwordHash: kept };
}

/** The password is known now, and only now: when more work is thought to be needed, this is when it can be done. */
async function hashAnew(
  { db }: TokenDeps,
  { userId, passwordHash, password }: { userId: string; passwordHash: string; password: string },
): Promise<string> {
  const anew = await hashPassword(new Secret(password));
  const replaced = await db('users').where({ id: userId, password_hash: passwordHash }).update({ password_hash: anew });
  return replaced === 1 ? anew : passwordHash;
}
