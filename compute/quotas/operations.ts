/** Setting limits: all that is asked for or nothing, and in Nova's words why not. */
import type { Knex } from '../../common/database/database.ts';
import { BadRequest } from '../../common/errors.ts';
import { resetQuota, setQuota } from '../../network/quotas/operations.ts';
import { computeLimitsOf, type ProjectInRegion } from './limits.ts';
import { type Limits, networkResources, type QuotaResource } from './resources.ts';
import { ownLimits, type QuotaOwner, removeOwnLimits, setOwnLimits } from './store.ts';
import { allUsageOf } from './usage.ts';

/**
 * Throws `BadRequest` for a limit below what is in use, or of a user above that of the project, unless it is forced. What
 * Network limits is set there; users have no limits of that.
 */
export async function setQuotas(
  db: Knex,
  owner: QuotaOwner & ProjectInRegion,
  asked: Partial<Limits>,
  { force }: { force: boolean },
): Promise<void> {
  if (!force) await checkBounds(db, owner, asked);
  await db.transaction(async (trx) => {
    const own = Object.entries(asked).filter(([name]) => networkResources[name as QuotaResource] === undefined);
    const network = Object.entries(asked).flatMap(([name, maximum]) => {
      const theirs = networkResources[name as QuotaResource];
      return theirs === undefined ? [] : [[theirs, maximum] as const];
    });
    if (network.length > 0 && owner.userId !== null)
      throw new BadRequest('Users have no limits of their own of fixed and floating IPs and security groups.');
    await setOwnLimits(trx, owner, Object.fromEntries(own));
    await setQuota(trx, owner.projectId, Object.fromEntries(network));
  });
}

/** Back to what everybody has, Network's limits too; a user's, to what the project has. */
export async function resetQuotas(db: Knex, owner: QuotaOwner): Promise<void> {
  await db.transaction(async (trx) => {
    await removeOwnLimits(trx, owner);
    if (owner.userId === null) await resetQuota(trx, owner.projectId);
  });
}

/** The limits of a user: those that were set for them within the project's. */
export async function limitsOfUser(db: Knex, limits: Limits, owner: QuotaOwner): Promise<Limits> {
  return owner.userId === null ? limits : { ...limits, ...(await ownLimits(db, owner)) };
}

async function checkBounds(db: Knex, owner: QuotaOwner & ProjectInRegion, asked: Partial<Limits>): Promise<void> {
  const used = await allUsageOf(db, owner.projectId, owner.userId);
  const projects: Partial<Limits> = owner.userId === null ? {} : await computeLimitsOf(db, owner);
  for (const [name, limit] of Object.entries(asked) as [QuotaResource, number][]) {
    const most = projects[name] ?? -1;
    if (limit >= 0 && limit < used[name])
      throw new BadRequest(
        `Quota limit ${limit} for ${name} must be greater than or equal to already used and reserved ${used[name]}.`,
      );
    if (most >= 0 && (limit < 0 || limit > most))
      throw new BadRequest(`Quota limit ${limit} for ${name} must be less than or equal to ${most}.`);
  }
}
