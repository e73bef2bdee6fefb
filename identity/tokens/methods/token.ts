import { Forbidden, NotFound, Unauthorized } from '../../../common/errors.ts';
import { checkToken } from '../check.ts';
import { isOfKeyPair } from '../delegated.ts';
import { refused, type TokenDeps } from '../deps.ts';
import type { Proof } from './proof.ts';

/** Longest chain of exchanges that one login may become; each adds an audit id, by which revoking any of them reaches the rest. */
const longestChain = 16;

/**
 * Whoever has a token may exchange it for one of another scope. Throws `NotFound` when it is none (any more), as keystone
 * does: 401 is about the caller's own; `Forbidden` for a delegated one.
 */
export async function proveToken(deps: TokenDeps, text: string): Promise<Proof> {
  const parent = await checkToken(deps, text).catch((error: Error) => {
    throw error instanceof Unauthorized ? new NotFound('token', '(not shown)', { cause: error }) : error;
  });
  if (parent.auditIds.length >= longestChain) throw refused('exchanged too often');
  // What was handed on is for one scope; in another it would be more than was given.
  if (parent.delegation || isOfKeyPair(parent.methods))
    throw new Forbidden('A token of an application credential, a trust or an EC2 credential cannot be exchanged.');
  const { userId, federation } = parent;
  return { method: 'token', userId, parent, ...(federation && { federation }) };
}
