import { refused, type TokenDeps } from './deps.ts';
import { type Receipt, type Token, verifyReceipt, verifyToken } from './token.ts';

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

/** The same by `epoch`, for what is made of the token from a snapshot of then: this process may not have heard of all yet. */
export async function checkStill(
  { revocations }: Pick<TokenDeps, 'revocations'>,
  token: Token,
  epoch: number,
): Promise<void> {
  if (await revocations.isRevoked(token, epoch)) throw refused('revoked meanwhile');
}

/** Verifies what somebody has proven before. It ends as a token of theirs would: with their password, or when they are disabled. */
export async function checkReceipt(
  { keys, revocations }: Pick<TokenDeps, 'keys' | 'revocations'>,
  text: string,
): Promise<Receipt> {
  const receipt = await verifyReceipt(text, keys);
  if (await revocations.isRevoked(asToken(receipt))) throw refused('receipt revoked');
  return receipt;
}

/** A receipt, to be ended as a token of its user. */
export function asToken(receipt: Receipt): Token {
  return {
    ...receipt,
    userDomainId: '',
    scope: { type: 'unscoped' },
    roles: [],
    auditIds: [],
    issuedAtUs: receipt.issuedAt.getTime() * 1000,
    delegation: null,
  };
}
