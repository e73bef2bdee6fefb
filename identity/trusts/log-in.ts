import { Forbidden } from '../../common/errors.ts';
import { readAccess } from '../tokens/access.ts';
import { refused, type TokenDeps } from '../tokens/deps.ts';
import type { Grant, Proof } from '../tokens/methods/proof.ts';
import { type IssuedToken, issueToken, type TokenRequest } from '../tokens/operations.ts';
import { consumeUse, findForLogIn, type KnownTrust } from './store.ts';

/**
 * A token of a trust, for its trustee: first who it is must be proven as for any token, then what they were given is looked
 * up. Throws `Unauthorized` and says no more, whether there is no such trust or it is somebody else's; `Forbidden` when its trustor
 * has lost one of its roles.
 */
export async function issueTrusted(
  deps: TokenDeps,
  { proofs, receipt }: Pick<TokenRequest, 'proofs' | 'receipt'>,
  trustId: string,
): Promise<IssuedToken> {
  // What was handed on is no proof of who one is: with it nobody takes more.
  if (proofs.some((proof) => proof.grant)) throw refused('a trust is for its trustee in person');
  const scope = { type: 'unscoped' } as const;
  const { token } = await issueToken(deps, { proofs, scope, ...(receipt && { receipt }) });
  const identified = proofs.map(({ method, userId, parent }): Proof => ({ method, userId, ...(parent && { parent }) }));
  return issueFromTrust(deps, identified, trustId, { userId: token.userId, epoch: token.epoch });
}

/** The same for somebody whose identity is beyond doubt as of `epoch`. Takes one of the trust's uses. */
export async function issueFromTrust(
  deps: TokenDeps,
  proofs: Proof[],
  trustId: string,
  trustee: { userId: string; epoch: number },
): Promise<IssuedToken> {
  const trust = await findForLogIn(deps.db, trustId);
  if (!trust?.isGood || trust.trusteeId !== trustee.userId || trust.projectId === null) throw refused('trust');
  const { trustorId, trusteeId, impersonation, agentIds, roleIds, expiresAt } = trust;
  const grant: Grant = {
    delegation: { type: 'trust', id: trustId, trustorId, trusteeId, impersonation, agentIds },
    userId: impersonation ? trustorId : trusteeId,
    holderId: agentIds[0] as string,
    scope: { type: 'project', id: trust.projectId },
    roleIds,
    expiresAt,
    epoch: Math.min(trust.epoch, trustee.epoch),
  };
  const issued = await issueToken(deps, { proofs, scope: grant.scope, grant });
  await checkWhole(deps, trust, grant);
  if (!(await consumeUse(deps.db, trustId))) throw refused('no uses left');
  return issued;
}

/** Keystone's rule: a trust is good as a whole or not at all; and so one that was redelegated is as the one it came from. */
async function checkWhole({ db }: TokenDeps, { chainRoleIds, agentIds }: KnownTrust, { scope }: Grant): Promise<void> {
  const access = await readAccess(db, { userId: agentIds[0] as string, scope, onlyRoleIds: chainRoleIds });
  const held = new Set(access?.roles.map((role) => role.id));
  if (!chainRoleIds.every((id) => held.has(id))) throw new Forbidden('Trustee has no delegated roles.');
}
