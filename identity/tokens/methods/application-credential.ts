import { Secret } from '../../../common/secret.ts';
import type { StoredAccessRule } from '../../application-credentials/application-credential.ts';
import { isQuick, type KnownSecrets } from '../../application-credentials/secret.ts';
import { findForLogIn, type KnownApplicationCredential } from '../../application-credentials/store.ts';
import { attemptOf } from '../../users/login.ts';
import { refused, type TokenDeps } from '../deps.ts';
import type { UserReference } from './password.ts';
import type { Grant, Proof } from './proof.ts';

export interface AskedApplicationCredential {
  id?: string;
  name?: string;
  user?: UserReference;
  secret: string;
}

/** What the token's view shows of the credential; it never changes, so it needs not be read again. */
export interface CredentialNames {
  name: string;
  accessRules: StoredAccessRule[] | null;
}

/**
 * Whoever knows the secret acts for the user, with the roles of the credential and on its project. Throws `Unauthorized` and
 * says no more, or `TooManyRequests`. One statement, or none for a credential that was used here lately: it never changes, and
 * whether it is still there the statement behind the token asks (access.ts).
 */
export async function proveApplicationCredential(
  { db, attempts }: Pick<TokenDeps, 'db' | 'attempts'>,
  secrets: KnownSecrets,
  { id, name = '', user = {}, secret }: AskedApplicationCredential,
  address: string,
): Promise<{ proof: Proof & { grant: Grant }; names: CredentialNames }> {
  const owner = attemptOf(user, address).account;
  const words = { account: JSON.stringify(['application credential', id ?? [name, owner]]), address };
  const mayStart = () => attempts.check(words);
  mayStart();
  const known = id === undefined ? undefined : secrets.find(id);
  const found = known ?? (await findForLogIn(db, id === undefined ? { name, user } : { id }));
  // Nobody guesses an id, but names can be guessed: that there is none takes as long as that the secret is another.
  const isTold = found !== undefined || id === undefined;
  const given = new Secret(secret);
  const matches = isTold && (await secrets.verify(given, found?.secretHash ?? null, mayStart));
  if (!matches && id === undefined && found && isQuick(found.secretHash)) await secrets.verify(given, null, mayStart);
  const attempt = { ...words, subject: found && `application credential ${found.id}` };
  if (!found || !matches || found.isExpired || attempts.isBarred(attempt)) {
    attempts.failed(attempt);
    throw refused('application credential');
  }
  attempts.succeeded(attempt);
  secrets.remember(found);
  // What was remembered knows of no revocation since; instead, the credential must be there when the token is made.
  const { epoch: _, ...grant } = grantOf(found);
  const proof = { method: 'application_credential', userId: found.userId, grant };
  return { proof, names: { name: found.name, accessRules: found.accessRules } };
}

/** What a token that is made with the credential may do. */
export function grantOf(credential: KnownApplicationCredential): Grant {
  const { id, userId, projectId, roleIds, unrestricted, accessRules, expiresAt, epoch } = credential;
  return {
    delegation: {
      type: 'application_credential',
      id,
      restricted: !unrestricted,
      hasAccessRules: accessRules !== null,
    },
    userId,
    holderId: userId,
    scope: { type: 'project', id: projectId },
    roleIds,
    expiresAt,
    epoch,
  };
}
