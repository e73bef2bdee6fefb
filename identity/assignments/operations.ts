import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Forbidden, NotFound } from '../../common/errors.ts';
import type { IdentityDeps } from '../deps.ts';
import { revoke } from '../tokens/revocations.ts';
import { type Grant, idOf } from './assignment.ts';
import { concernedBy } from './concerned.ts';
import { getGrantFacts } from './lookup.ts';
import { insertGrant, rowsOf } from './store.ts';

/**
 * Gives a role; twice is once. Throws `NotFound` for whichever is not there, and `Forbidden` (on the system `BadRequest`) for a
 * domain's own role outside of that domain.
 */
export async function grantRole({ db }: Pick<IdentityDeps, 'db'>, grant: Grant): Promise<void> {
  const { role, project, domain } = await getGrantFacts(db, grant);
  if (role?.domainId != null) {
    if (grant.target === 'system')
      throw new BadRequest(`Role ${role.id} is one of a domain and cannot be given on the system.`);
    if ((project?.domainId ?? domain?.id) !== role.domainId)
      throw new Forbidden(
        `Role ${role.id} is one of another domain: it can be given on that domain and its projects only.`,
      );
  }
  await insertGrant(db, grant);
}

/** Takes a role away, and ends the tokens that may carry it. Throws `NotFound` when it was not given. */
export async function withdrawRole({ db, revocations, tokenSeconds }: IdentityDeps, grant: Grant): Promise<void> {
  await db.transaction(async (trx) => {
    await getGrantFacts(trx, grant);
    const subjects = await concernedBy(trx, rowsOf(trx, grant));
    if ((await rowsOf(trx, grant).delete()) === 0) throw notGiven(grant);
    await revoke(trx, subjects, tokenSeconds);
  });
  await revocations.refresh();
}

/** Throws `NotFound` unless exactly this was given. */
export async function checkGrant(db: Knex, grant: Grant): Promise<void> {
  await getGrantFacts(db, grant);
  if ((await rowsOf(db, grant).first('role_id')) === undefined) throw notGiven(grant);
}

function notGiven({ actor, roleId, target }: Grant): NotFound {
  const whose = 'userId' in actor ? actor.userId : actor.groupId;
  return new NotFound('role assignment', `of role ${roleId} to ${whose} on ${idOf(target)}`);
}
