import { Unauthorized } from '../../common/errors.ts';
import type { Secret } from '../../common/secret.ts';
import type { LoginDeps } from '../users/login.ts';
import type { SigningKeys } from './keys.ts';
import type { Revocations } from './revocations.ts';
import type { VerifiedTokens } from './verified.ts';

export interface TokenDeps extends LoginDeps {
  /** Opens what is sealed in the database (sealing.ts). */
  master: Secret;
  keys: SigningKeys;
  verified: VerifiedTokens;
  revocations: Revocations;
  tokenSeconds: number;
}

/** One answer for every way a login can fail, so that none of them tells which names exist. */
export const refused = (cause?: unknown) =>
  new Unauthorized('The request you have made requires authentication.', { cause });
