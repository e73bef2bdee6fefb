import { NotFound } from '../../common/errors.ts';
import type { IdentityDeps } from '../deps.ts';
import { getDomain } from '../domains/store.ts';
import { getProject } from '../projects/store.ts';
import { revoke, type Subject } from '../tokens/revocations.ts';
import { getUser } from '../users/store.ts';
import { assignRole, getRole, listAssignments, removeAssignment, removeRole, type Target } from './store.ts';

/** Gives a role; twice is once. Throws `NotFound` for whichever of the three is not there. */
export async function grantRole(
  { db }: Pick<IdentityDeps, 'db'>,
  userId: string,
  roleId: string,
  target: Target,
): Promise<void> {
  await checkGrant(db, userId, roleId, target);
  await assignRole(db, userId, roleId, target);
}

/** Takes a role away and ends the user's tokens on that target. Throws `NotFound` when it was not given. */
export async function withdrawRole(
  { db, revocations, tokenSeconds }: IdentityDeps,
  userId: string,
  roleId: string,
  target: Target,
): Promise<void> {
  await db.transaction(async (trx) => {
    await checkGrant(trx, userId, roleId, target);
    if (!(await removeAssignment(trx, userId, roleId, target))) throw new NotFound('role assignment', roleId);
    await revoke(trx, grantSubject(userId, target), tokenSeconds);
  });
  await revocations.refresh();
}

/** Deletes a role and with it all its assignments; tokens that carry it end. */
export async function deleteRole({ db, revocations, tokenSeconds }: IdentityDeps, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    // What a role implies is carried by tokens too, so whoever has any role that leads here is concerned: those are few.
    const leading = await trx
      .withRecursive('leading', (first) => {
        first
          .select('id as role_id')
          .from('roles')
          .where({ id })
          .union((more) => {
            more
              .select('prior_role_id')
              .from('role_implications')
              .join('leading', 'leading.role_id', 'implied_role_id');
          });
      })
      .from('leading')
      .pluck('role_id');
    for (const roleId of leading)
      for (const { userId, target } of await listAssignments(trx, { roleId }))
        await revoke(trx, grantSubject(userId, target), tokenSeconds);
    await removeRole(trx, id);
  });
  await revocations.refresh();
}

export async function checkGrant(
  db: IdentityDeps['db'],
  userId: string,
  roleId: string,
  target: Target,
): Promise<void> {
  await getUser(db, userId);
  await checkTarget(db, target);
  await getRole(db, roleId);
}

export async function checkTarget(db: IdentityDeps['db'], target: Target): Promise<void> {
  if (target === 'system') return;
  if ('projectId' in target) await getProject(db, target.projectId);
  else await getDomain(db, target.domainId);
}

function grantSubject(userId: string, target: Target): Subject {
  if (target === 'system') return `grant:${userId}:system`;
  return `grant:${userId}:${'projectId' in target ? target.projectId : target.domainId}`;
}
