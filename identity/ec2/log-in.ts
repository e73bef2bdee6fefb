import { createHmac } from 'node:crypto';
import { Unauthorized } from '../../common/errors.ts';
import { secretsEqual } from '../../common/secret.ts';
import { findForLogIn } from '../application-credentials/store.ts';
import { type Credential, idOfAccessKey, type KeyPair, parseKeyPair } from '../credentials/credential.ts';
import { findCredential } from '../credentials/store.ts';
import { keyPairMethod } from '../tokens/delegated.ts';
import { refused, type TokenDeps } from '../tokens/deps.ts';
import { type CredentialNames, grantOf } from '../tokens/methods/application-credential.ts';
import type { Grant } from '../tokens/methods/proof.ts';
import { type IssuedToken, issueToken } from '../tokens/operations.ts';
import { issueFromTrust } from '../trusts/log-in.ts';
import { type SignedRequest, signatureOf, signedAt, signString } from './signature.ts';

/** A signed request is good for this long, before and after: clocks differ (CVE-2020-12692; keystone's `auth_ttl`). */
const signatureMs = 15 * 60 * 1000;
/** A URL signed for S3 says itself how long it is good, and the service that got it looks: for seven days at most. */
const presignedMs = 7 * 24 * 3600 * 1000;

export interface IssuedForKeyPair {
  issued: IssuedToken;
  names: CredentialNames | null;
}

/** A token for whoever signed a request with their key pair. Throws `Unauthorized` and says no more. */
export async function logInWithRequest(
  deps: TokenDeps,
  { access, signature, request }: { access: string; signature: string; request: SignedRequest },
): Promise<IssuedForKeyPair> {
  return logIn(deps, access, async (secret, nowMs) => {
    if (Math.abs(nowMs - signedAt(request)) > signatureMs) throw new Unauthorized('Credential is expired.');
    if (secretsEqual(signature, signatureOf(request, secret))) return true;
    // Some clients sign the host without its port.
    const host = request.host.replace(/:\d+$/, '');
    return host !== request.host && secretsEqual(signature, signatureOf({ ...request, host }, secret));
  });
}

/** The same for a string to sign, which a service that speaks S3 has made from a request. */
export async function logInWithString(
  deps: TokenDeps,
  { access, signature, stringToSign }: { access: string; signature: string; stringToSign: string },
): Promise<IssuedForKeyPair> {
  return logIn(deps, access, async (secret, nowMs) => {
    if (!stringToSign.startsWith('AWS4'))
      return secretsEqual(signature, createHmac('sha1', secret).update(stringToSign).digest('base64'));
    const [, date = '', scope = ''] = stringToSign.split('\n');
    if (!['s3', 'iam', 'sts'].includes(scope.split('/')[2] ?? '')) return false;
    const at = signedAt({ ...nothing, params: {}, headers: { authorization: 'AWS4-HMAC-SHA256', 'x-amz-date': date } });
    if (nowMs - at > presignedMs || at - nowMs > signatureMs) throw new Unauthorized('Credential is expired.');
    return secretsEqual(signature, signString(stringToSign, secret));
  });
}

const nothing = { verb: '', host: '', path: '', bodyHash: '' };

/** An access key that is not known is refused as a wrong signature is. */
async function logIn(
  deps: TokenDeps,
  access: string,
  isSigned: (secret: string, nowMs: number) => Promise<boolean>,
): Promise<IssuedForKeyPair> {
  const { rows } = await deps.db.raw(
    `select epoch, extract(epoch from clock_timestamp())::float8 * 1000 as now_ms from token_epoch`,
  );
  const { epoch, now_ms: nowMs } = rows[0] as { epoch: number; now_ms: number };
  const credential = await findCredential(deps, idOfAccessKey(access));
  const pair = credential?.type === 'ec2' ? parseKeyPair(credential.blob) : null;
  if (!credential || !pair || !secretsEqual(pair.access, access) || !(await isSigned(pair.secret, nowMs)))
    throw refused('EC2 signature');
  return issue(deps, credential, pair, epoch);
}

/** With exactly the rights of what the key pair was made with: the user on its project, an application credential, or a trust. */
async function issue(
  deps: TokenDeps,
  { userId, projectId }: Credential,
  { trust_id, app_cred_id, access_token_id }: KeyPair,
  epoch: number,
): Promise<IssuedForKeyPair> {
  if (projectId === null || access_token_id != null) throw refused('the key pair is good for nothing here');
  const proofs = [{ method: keyPairMethod, userId }];
  const scope = { type: 'project', id: projectId } as const;
  if (trust_id != null) {
    const issued = await issueFromTrust(deps, proofs, trust_id, { userId, epoch });
    if (!('id' in issued.token.scope) || issued.token.scope.id !== projectId)
      throw refused('a trust on another project');
    return { issued, names: null };
  }
  if (app_cred_id == null) {
    const grant: Grant = { delegation: null, userId, holderId: userId, scope, expiresAt: null, epoch };
    return { issued: await issueToken(deps, { proofs, scope, grant }), names: null };
  }
  const found = await findForLogIn(deps.db, { id: app_cred_id });
  if (!found || found.isExpired || found.userId !== userId || found.projectId !== projectId)
    throw refused('the application credential is gone, or not the user’s on the project');
  const grant = { ...grantOf(found), epoch: Math.min(epoch, found.epoch) };
  const names = { name: found.name, accessRules: found.accessRules };
  return { issued: await issueToken(deps, { proofs, scope, grant }), names };
}
