import { refused, type TokenDeps } from './deps.ts';
import { type Token, verifyToken } from './token.ts';

/** Verifies a token's signature, expiry and that nothing has ended it since. Throws `Unauthorized`. */
export async function checkToken(
  { keys, verified, revocations }: Pick<TokenDeps, 'keys' | 'verified' | 'revocations'>,
  text: string,
  options: { allowExpired?: boolean } = {},
): Promise<Token> {
  let token = verified.find(text);
  if (token === undefined) {
    token = await verifyToken(text, keys, options);
    verified.remember(text, token);
  }
  if (await revocations.isRevoked(token)) throw refused('revoked');
  return token;
}
