import { Secret } from '../../../common/secret.ts';
import { verifyPassword } from '../../users/password.ts';
import { findUserWithPassword } from '../../users/store.ts';
import type { NamedReference } from '../access.ts';
import { refused, type TokenDeps } from '../deps.ts';
import type { Proof } from './proof.ts';

export interface UserReference extends NamedReference {
  domain?: NamedReference;
}

/** Whoever knows the password is the user. Throws `Unauthorized` and says no more. */
export async function provePassword(
  { db }: TokenDeps,
  { user, password }: { user: UserReference; password: string },
): Promise<Proof> {
  const by = user.id !== undefined ? { id: user.id } : { name: user.name ?? '', domain: user.domain ?? {} };
  const found = await findUserWithPassword(db, by);
  const matches = await verifyPassword(new Secret(password), found?.passwordHash ?? null);
  if (!found || !matches) throw refused('password');
  return { method: 'password', userId: found.user.id, passwordHash: found.passwordHash };
}
