import type { Context } from '../../common/context.ts';
import { violatedConstraint } from '../../common/database/database.ts';
import { BadRequest, Forbidden, NotFound } from '../../common/errors.ts';
import { newHexId } from '../../common/ids.ts';
import type { IdentityDeps } from '../deps.ts';
import { parseExpiry, refuseExpired } from '../expiry.ts';
import { readAccess } from '../tokens/access.ts';
import { refuseDelegated } from '../tokens/delegated.ts';
import { revoke, type Subject } from '../tokens/revocations.ts';
import { holdKeepers, refuseAbove } from '../user-limits.ts';
import { getUser } from '../users/store.ts';
import { findHolder, findTrust, insertTrust, removeTrust } from './store.ts';
import { mostRedelegations, type Trust } from './trust.ts';

export interface AskedTrust {
  trustorId: string;
  trusteeId: string;
  projectId: string | null;
  impersonation: boolean;
  roles: ({ id: string } | { name: string })[];
  expiresAt: string | null;
  remainingUses: number | null;
  allowRedelegation: boolean;
  redelegationCount: number | null;
}

type Db = IdentityDeps['db'];

/**
 * Hands rights of the caller to another user; with a token of a trust it hands that trust on. Throws `NotFound` for a trustee
 * or project that is not there and a role that the trustor has not on the project, `Forbidden` for what is not the caller's
 * to give, `BadRequest` for a combination that means nothing.
 */
export async function createTrust(
  { db, userLimits }: Pick<IdentityDeps, 'db' | 'userLimits'>,
  ctx: Context,
  asked: AskedTrust,
): Promise<Trust> {
  refuseDelegated(ctx, 'trusts');
  if (asked.trustorId !== ctx.userId) throw new Forbidden('The authenticated user should match the trustor.');
  if (asked.projectId !== null && asked.roles.length === 0)
    throw new Forbidden('At least one role should be specified.');
  const id = newHexId();
  return db.transaction(async (trx) => {
    await holdKeepers(trx, [asked.trustorId]);
    const parent = await parentOf(trx, ctx);
    await getUser(trx, asked.trusteeId);
    await holdDomains(trx, asked);
    const latest = parent?.expiresAt == null ? null : `${parent.expiresAt}Z`;
    const expiresAt = asked.expiresAt === null ? latest : parseExpiry(asked.expiresAt);
    const roleIds = await heldRoles(trx, parent, asked);
    if (parent) await checkRedelegation(trx, parent, { ...asked, expiresAt, roleIds });
    const made = await insertTrust(trx, {
      ...asked,
      id,
      expiresAt,
      roleIds,
      redelegationCount: depthOf(asked, parent),
      redelegatedTrustId: parent?.id ?? null,
    }).catch((error) => {
      if (violatedConstraint(error) === undefined) throw error;
      throw new NotFound('trust', parent?.id ?? id, { cause: error }); // or one of those in it, a moment ago
    });
    refuseExpired(made.isExpired);
    await refuseAbove(userLimits.trusts, trx('trusts').where({ trustor_user_id: asked.trustorId }), 'trusts');
    return (await findTrust(trx, id)) as Trust;
  });
}

/** Who disables or deletes one of them sees all trusts of its users, and ends what was got with them. */
async function holdDomains(trx: Db, { trustorId, trusteeId }: AskedTrust): Promise<void> {
  const theirs = trx('users').whereIn('id', [trustorId, trusteeId]).select('domain_id');
  await trx('domains').whereIn('id', theirs).orderBy('id').forShare().select('id');
}

async function parentOf(trx: Db, { delegation }: Context): Promise<Trust | null> {
  if (delegation?.type !== 'trust') return null;
  const parent = await findTrust(trx, delegation.id);
  if (parent === undefined) throw new NotFound('trust', delegation.id);
  return parent;
}

/** The roles asked for, which whoever they are handed on from has on the project now. */
async function heldRoles(
  trx: Db,
  parent: Trust | null,
  { projectId, roles, trustorId }: AskedTrust,
): Promise<string[]> {
  const holderId = (parent && (await findHolder(trx, parent.id))) ?? trustorId;
  const access =
    projectId === null
      ? undefined
      : await readAccess(trx, { userId: holderId, scope: { type: 'project', id: projectId } });
  // One on which they have nothing is none of theirs, and as good as none.
  if (projectId !== null && !access?.roles.length) throw new NotFound('project', projectId);
  const ids = roles.map((one) => {
    const held = access?.roles.find((role) => ('id' in one ? role.id === one.id : role.name === one.name));
    if (held === undefined) throw new NotFound('role', 'id' in one ? one.id : one.name);
    return held.id;
  });
  return [...new Set(ids)];
}

/** Keystone's rules of handing on: never more, never longer, and only as often as the first trustor allowed. */
async function checkRedelegation(trx: Db, parent: Trust, asked: AskedTrust & { roleIds: string[] }): Promise<void> {
  if (parent.redelegationCount < 1) throw new Forbidden('This trust may not be redelegated.');
  if (asked.projectId !== parent.projectId) throw new Forbidden('A redelegated trust is for the project of the first.');
  if (asked.remainingUses !== null)
    throw new Forbidden('remaining_uses must not be set in order to redelegate a trust.');
  if (asked.impersonation && !parent.impersonation)
    throw new Forbidden('Impersonation is not allowed because the redelegated trust does not specify impersonation.');
  const given = new Set(parent.roles.map((role) => role.id));
  if (!asked.roleIds.every((id) => given.has(id)))
    throw new Forbidden('Some of the requested roles are not in the redelegated trust.');
  if (
    asked.redelegationCount !== null &&
    asked.allowRedelegation &&
    asked.redelegationCount !== parent.redelegationCount - 1
  )
    throw new Forbidden(
      'Modifying redelegation_count upon redelegation is forbidden. Omitting this parameter is advised.',
    );
  if (parent.expiresAt === null || asked.expiresAt === null) return;
  const { rows } = await trx.raw('select ?::timestamptz > ?::timestamptz as later', [
    asked.expiresAt,
    `${parent.expiresAt}Z`,
  ]);
  if (rows[0].later)
    throw new Forbidden('The requested expiration time is more than the redelegated trust can provide.');
}

/** How often it may be handed on. */
function depthOf(asked: AskedTrust, parent: Trust | null): number {
  if (!asked.allowRedelegation || asked.redelegationCount === 0) return 0;
  if (asked.redelegationCount !== null && asked.redelegationCount > mostRedelegations)
    throw new Forbidden(
      `The requested redelegation depth of ${asked.redelegationCount} is greater than allowed ${mostRedelegations}.`,
    );
  if (asked.remainingUses !== null) throw new BadRequest('remaining_uses must not be set if redelegation is allowed.');
  if (parent) return parent.redelegationCount - 1;
  return asked.redelegationCount ?? mostRedelegations;
}

/** Ends the trust, those it was redelegated to, and all their tokens. Who acts through a trust ends only what they handed on. */
export async function deleteTrust(
  { db, revocations, tokenSeconds }: IdentityDeps,
  ctx: Context,
  id: string,
): Promise<void> {
  refuseDelegated(ctx, 'trusts');
  const { delegation } = ctx;
  await db.transaction(async (trx) => {
    const trust = await findTrust(trx, id);
    if (delegation?.type === 'trust' && trust?.redelegatedTrustId !== delegation.id)
      throw new Forbidden('A token of a trust may end only what was redelegated from that trust.');
    const ended = await removeTrust(trx, id);
    if (ended.length === 0) throw new NotFound('trust', id);
    await trx('credentials').whereIn('trust_id', ended).delete();
    await revoke(
      trx,
      ended.map((one): Subject => `trust:${one}`),
      tokenSeconds,
    );
  });
  await revocations.refresh();
}
