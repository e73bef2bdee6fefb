import type { AskedScope } from '../access.ts';
import type { Token, TokenDelegation, TokenFederation } from '../token.ts';

/** What one method of authentication found out about somebody. */
export interface Proof {
  /** As in `auth.identity.methods`. */
  method: string;
  userId: string;
  /** What a password was compared with: it must still be the user's when the token is made. */
  passwordHash?: string | null;
  /** The token that was shown: what is made of it lives no longer, and ends with it. */
  parent?: Token;
  /** What the method gives is less than what the user may do. */
  grant?: Grant;
  federation?: TokenFederation;
}

/** Rights somebody handed on: a token for one scope, with some of one user's roles. */
export interface Grant {
  delegation: TokenDelegation | null;
  /** The token's user. */
  userId: string;
  /** Whose roles they are. */
  holderId: string;
  scope: AskedScope;
  /** Of the holder's roles only these and what they imply; undefined: all of them. */
  roleIds?: readonly string[];
  expiresAt: Date | null;
  /** How many revocations had happened when it was read: a later one ends what is made of it. Absent where it is read with the token. */
  epoch?: number;
}
