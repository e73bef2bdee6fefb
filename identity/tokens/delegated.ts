import { Forbidden } from '../../common/errors.ts';
import { checkToken } from './check.ts';
import type { TokenDeps } from './deps.ts';

/** What outlives a token and lets somebody in: whoever may make one may hand on all that it is good for. */
export type Handed = 'application credentials' | 'trusts' | 'credentials' | 'passwords';

/** Of a context, or of a token, what tells whether somebody acts for another. */
export interface Acting {
  delegation: { type: 'trust' | 'oauth1' } | { type: 'application_credential'; restricted: boolean } | null;
  token: { methods: readonly string[] };
}

/**
 * Refuses to whom rights were handed on what would give them more, or for longer: the one place that says what a delegated
 * token may not manage. Of these, only an `unrestricted` application credential may make others, and credentials, like
 * itself. Trusts and passwords it may not touch either, as keystone since its 2026 releases has it: a trust would be free of its
 * access rules, and a password is good for everything. A trustee hands on a trust by redelegation alone, which is for
 * `trusts/operations.ts` to check. Throws `Forbidden`.
 */
export function refuseDelegated(ctx: Acting, what: Handed): void {
  const by = delegatedBy(ctx);
  if (by === null) return;
  if (by === 'a trust' && what === 'trusts') return;
  if (by === 'an unrestricted application credential' && (what === 'application credentials' || what === 'credentials'))
    return;
  throw new Forbidden(`A token of ${by} may not be used to manage ${what}.`);
}

/** Whether the token was made with rights that somebody handed on; null: with the user's own proof. */
function delegatedBy({ delegation, token }: Acting): string | null {
  if (delegation?.type === 'trust') return 'a trust';
  if (delegation?.type === 'oauth1') return 'an OAuth1 access token';
  if (delegation?.type === 'application_credential')
    return `${delegation.restricted ? 'a restricted' : 'an unrestricted'} application credential`;
  return isOfKeyPair(token.methods) ? 'an EC2 credential' : null;
}

/** The method of tokens that were bought with a signature: keystone's word. */
export const keyPairMethod = 'ec2credential';

/** An EC2 credential is for one project: its tokens are for that one too, and make no others. */
export function isOfKeyPair(methods: readonly string[]): boolean {
  return methods.includes(keyPairMethod);
}

/** Whether all of it is the user's own doing, with nothing handed on in between. */
export function isDelegated(ctx: Acting): boolean {
  return delegatedBy(ctx) !== null;
}

/** What a user keeps for themselves is not for a trustee or a consumer to see, not even one who impersonates. Throws `Forbidden`. */
export function refuseTrustee({ delegation }: Pick<Acting, 'delegation'>, what: string): void {
  if (delegation?.type === 'trust' || delegation?.type === 'oauth1')
    throw new Forbidden(`What was handed on to you may not be used to see ${what}.`);
}

/**
 * For what needs no token: one that is sent all the same, and is delegated, is refused. Another that is none, or none any
 * more, is as good as not sent. Throws `Forbidden`.
 */
export async function refuseDelegatedToken(
  deps: Pick<TokenDeps, 'keys' | 'verified' | 'revocations'>,
  text: unknown,
  what: Handed,
): Promise<void> {
  if (typeof text !== 'string' || text === '') return;
  const token = await checkToken(deps, text).catch(() => null);
  if (token) refuseDelegated({ delegation: token.delegation, token }, what);
}
