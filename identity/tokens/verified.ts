import { hash } from 'node:crypto';
import type { Token } from './token.ts';

/**
 * Tokens whose signature this process has verified already: a client sends the same one with each request, and Ed25519 takes
 * longer than all else that is checked. Only the signature is remembered; expiry and revocation are looked at every time.
 */
export interface VerifiedTokens {
  /** Undefined when it was not seen, was forgotten, or has expired. */
  find(text: string): Token | undefined;
  remember(text: string, token: Token): void;
}

/** Remembers the `most` latest. They are known by their digest, so that no token is kept, nor guessed at by how long a look-up takes. */
export function rememberVerified({ most = 2000 }: { most?: number } = {}): VerifiedTokens {
  const tokens = new Map<string, Token>();
  return {
    find(text) {
      const key = digestOf(text);
      const token = tokens.get(key);
      if (token === undefined || token.expiresAt.getTime() > Date.now()) return token;
      tokens.delete(key);
      return undefined;
    },
    remember(text, token) {
      tokens.set(digestOf(text), Object.freeze(token));
      if (tokens.size > most) tokens.delete(tokens.keys().next().value as string);
    },
  };
}

/** By which a token is known in memory, so that none is kept there. */
export function digestOf(text: string): string {
  return hash('sha256', text, 'base64');
}
