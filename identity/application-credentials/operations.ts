import type { AccessRule, ProjectContext } from '../../common/context.ts';
import { BadRequest, Forbidden } from '../../common/errors.ts';
import { newHexId } from '../../common/ids.ts';
import type { Secret } from '../../common/secret.ts';
import type { IdentityDeps } from '../deps.ts';
import { parseExpiry, refuseExpired } from '../expiry.ts';
import { readAccess } from '../tokens/access.ts';
import { refuseDelegated } from '../tokens/delegated.ts';
import { revoke } from '../tokens/revocations.ts';
import { holdKeepers, refuseAbove, refuseMany } from '../user-limits.ts';
import { ensureAccessRules, isSameRule } from './access-rules.ts';
import type { ApplicationCredential } from './application-credential.ts';
import { hashSecret, newSecret } from './secret.ts';
import {
  findExpiry,
  getApplicationCredential,
  insertApplicationCredential,
  removeApplicationCredential,
} from './store.ts';

export interface AskedApplicationCredential {
  name: string;
  description: string | null;
  /** Null: one is made. */
  secret: Secret | null;
  /** Null: all that they have there. */
  roles: ({ id: string } | { name: string })[] | null;
  unrestricted: boolean;
  expiresAt: string | null;
  /** Null: any request. */
  accessRules: ({ id: string } | AccessRule)[] | null;
}

/**
 * Makes an application credential of the caller, for the token's project, with no more than they have there. Gives the secret
 * too, for the only time. Throws `BadRequest` for a role that they have not, `Conflict` for a name that is taken,
 * `Forbidden` to a delegated token that may not, or that asks for more than it is, and to a user who has as many as may be.
 */
export async function createApplicationCredential(
  { db, userLimits }: Pick<IdentityDeps, 'db' | 'userLimits'>,
  ctx: ProjectContext,
  asked: AskedApplicationCredential,
): Promise<{ credential: ApplicationCredential; secret: Secret }> {
  refuseDelegated(ctx, 'application credentials');
  refuseMany(userLimits.accessRulesOfCredential, asked.accessRules?.length ?? 0, 'access rules');
  const secret = asked.secret ?? newSecret();
  const secretHash = await hashSecret(secret, { isGenerated: asked.secret === null });
  const id = newHexId();
  const credential = await db.transaction(async (trx) => {
    await holdKeepers(trx, [ctx.userId]);
    const { expiresAt, accessRules } = await withinParent(trx, ctx, asked);
    const { isExpired } = await insertApplicationCredential(trx, {
      ...{ id, userId: ctx.userId, projectId: ctx.projectId, name: asked.name, description: asked.description },
      ...{ secretHash, unrestricted: asked.unrestricted, expiresAt },
      roleIds: await chosenRoles(trx, ctx, asked.roles),
      accessRuleIds: accessRules && (await ensureAccessRules(trx, ctx.userId, accessRules)).map((rule) => rule.id),
    });
    refuseExpired(isExpired);
    const own = (table: string) => trx(table).where({ user_id: ctx.userId });
    await refuseAbove(userLimits.applicationCredentials, own('application_credentials'), 'application credentials');
    if (accessRules) await refuseAbove(userLimits.accessRules, own('access_rules'), 'access rules');
    return getApplicationCredential(trx, ctx.userId, id);
  });
  return { credential, secret };
}

/**
 * What the user holds for good, now: a role that only one login gave is not there at the next, and one that was given since
 * the login is. Through a delegation no more than it says.
 */
async function chosenRoles(
  trx: IdentityDeps['db'],
  { userId, projectId, roles, delegation }: ProjectContext,
  asked: AskedApplicationCredential['roles'],
): Promise<string[]> {
  const access = await readAccess(trx, { userId, scope: { type: 'project', id: projectId } });
  const held = (access?.roles ?? []).filter((role) => delegation === null || roles.includes(role.name));
  const chosen = asked?.map((one) => {
    const role = held.find((mine) => ('id' in one ? mine.id === one.id : mine.name === one.name));
    if (role === undefined)
      throw new BadRequest(
        'Invalid application credential: Cannot create an application credential with unassigned role.',
      );
    return role;
  });
  const ids = new Set((chosen ?? held).map((role) => role.id));
  if (ids.size === 0)
    throw new BadRequest('Invalid application credential: the user has no role of their own on the project.');
  return [...ids];
}

/** One made through another lives no longer, and does nothing that the other's access rules do not let it do. */
async function withinParent(
  trx: IdentityDeps['db'],
  { delegation, userId }: ProjectContext,
  asked: AskedApplicationCredential,
): Promise<Pick<AskedApplicationCredential, 'expiresAt' | 'accessRules'>> {
  const expiresAt = asked.expiresAt === null ? null : parseExpiry(asked.expiresAt);
  const { accessRules } = asked;
  if (delegation?.type !== 'application_credential') return { expiresAt, accessRules };
  const latest = await findExpiry(trx, delegation.id);
  if (latest !== null && expiresAt !== null) {
    const { rows } = await trx.raw('select ?::timestamptz > ?::timestamptz as later', [expiresAt, latest]);
    if (rows[0].later) throw new Forbidden(`It may not outlive the application credential it is made with: ${latest}.`);
  }
  const allowed = delegation.accessRules;
  if (allowed !== null && accessRules !== null) {
    const rules = await ensureAccessRules(trx, userId, accessRules);
    if (!rules.every((rule) => allowed.some((one) => isSameRule(one, rule))))
      throw new Forbidden('It may have no access rule that the application credential it is made with has not.');
  }
  return { expiresAt: expiresAt ?? latest, accessRules: accessRules ?? (allowed && [...allowed]) };
}

/** Ends its tokens, and takes with it the credentials that were made through it, which would be good for nothing. */
export async function deleteApplicationCredential(
  { db, revocations, tokenSeconds }: IdentityDeps,
  userId: string,
  id: string,
): Promise<void> {
  await db.transaction(async (trx) => {
    await removeApplicationCredential(trx, userId, id);
    await trx('credentials').where({ application_credential_id: id }).delete();
    await revoke(trx, `application_credential:${id}`, tokenSeconds);
  });
  await revocations.refresh();
}
