import type { Knex } from '../../common/database/database.ts';
import { Conflict, Forbidden, NotFound } from '../../common/errors.ts';
import { concernedBy } from '../assignments/concerned.ts';
import type { IdentityDeps } from '../deps.ts';
import { getDomain } from '../domains/store.ts';
import { mergedExtra } from '../extra.ts';
import { checkMayChange, checkMayDelete, mergedOptions } from '../options.ts';
import { revoke, type Subject } from '../tokens/revocations.ts';
import { insertImplication, leadingTo, listImplications, lockImplications, removeImplication } from './implications.ts';
import { type Implication, neverImplied, type Role, type RoleChanges } from './role.ts';
import { getRole, insertRole, lockRole, removeRole, updateRole } from './store.ts';

/** Throws `NotFound` for the domain, `Conflict` when the name is taken there. */
export async function createRole({ db }: Pick<IdentityDeps, 'db'>, asked: Omit<Role, 'id'>): Promise<Role> {
  if (asked.domainId !== null) await getDomain(db, asked.domainId);
  return insertRole(db, { ...asked, options: mergedOptions({}, asked.options), extra: mergedExtra({}, asked.extra) });
}

/** An immutable role takes one change: to be no longer that. Tokens say roles by name, so those with the old name end. */
export async function changeRole(
  { db, revocations, tokenSeconds }: IdentityDeps,
  id: string,
  changes: RoleChanges,
): Promise<Role> {
  const role = await db.transaction(async (trx) => {
    if (changes.name !== undefined) await lockImplications(trx);
    const before = await lockRole(trx, id);
    checkMayChange('role', before, changes);
    const isRenamed = changes.name !== undefined && changes.name !== before.name;
    const subjects = isRenamed ? await holdersOf(trx, id) : [];
    const { options, extra } = changes;
    const changed = await updateRole(trx, id, {
      ...changes,
      ...(options && { options: mergedOptions(before.options, options) }),
      ...(extra && { extra: mergedExtra(before.extra, extra) }),
    });
    if (mayNotBeImplied(changed) && (await listImplications(trx, { impliedId: id })).length > 0)
      throw new Forbidden(`Role ${id} is implied by another, and ${changed.name} may not be.`);
    await revoke(trx, subjects, tokenSeconds);
    return changed;
  });
  await revocations.refresh();
  return role;
}

/** Deletes a role with all its assignments and implications, and ends the tokens that may carry it. */
export async function deleteRole({ db, revocations, tokenSeconds }: IdentityDeps, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    await lockImplications(trx);
    checkMayDelete('role', await lockRole(trx, id));
    const subjects = await holdersOf(trx, id);
    await removeRole(trx, id);
    await revoke(trx, subjects, tokenSeconds);
  });
  await revocations.refresh();
}

/**
 * From now on whoever has the first role has the second. Throws `NotFound` for either, `Conflict` when it is so already,
 * `Forbidden` for what may never be implied: `admin`, a domain's own role by everybody's, or in a circle.
 */
export async function implyRole({ db }: IdentityDeps, priorId: string, impliedId: string): Promise<Implication> {
  return db.transaction(async (trx) => {
    await lockImplications(trx);
    const prior = await getRole(trx, priorId);
    const implied = await getRole(trx, impliedId);
    if (mayNotBeImplied(implied))
      throw new Forbidden(`Role ${implied.id} (${implied.name}) cannot be implied by another.`);
    if (prior.domainId === null && implied.domainId !== null)
      throw new Forbidden(`Role ${prior.id} is everybody's and cannot imply ${implied.id}, which is one of a domain.`);
    if ((await leadingTo(trx, [prior.id])).includes(implied.id))
      throw new Forbidden(`Role ${prior.id} cannot imply ${implied.id}, which implies it: they would be one.`);
    if (!(await insertImplication(trx, prior.id, implied.id)))
      throw new Conflict(`Role ${prior.id} implies ${implied.id} already.`);
    return { prior, implied };
  });
}

/** Throws `NotFound` when it was not so. Ends the tokens of whoever may have had the second role by the first. */
export async function stopImplying(
  { db, revocations, tokenSeconds }: IdentityDeps,
  priorId: string,
  impliedId: string,
): Promise<void> {
  await db.transaction(async (trx) => {
    await lockImplications(trx);
    const subjects = await holdersOf(trx, priorId);
    if (!(await removeImplication(trx, priorId, impliedId))) throw noImplication(priorId, impliedId);
    await revoke(trx, subjects, tokenSeconds);
  });
  await revocations.refresh();
}

export async function getImplication(db: Knex, priorId: string, impliedId: string): Promise<Implication> {
  const [implication] = await listImplications(db, { priorId, impliedId });
  if (implication === undefined) throw noImplication(priorId, impliedId);
  return implication;
}

/**
 * Before a domain is deleted: whose tokens may carry something by its own roles, which another domain's can lead to. Nobody
 * implies anything before the transaction ends.
 */
export async function holdersOfDomainsRoles(trx: Knex, domainId: string): Promise<Subject[]> {
  await lockImplications(trx);
  return holdersOf(trx, ...(await trx('roles').where({ domain_id: domainId }).pluck('id')));
}

/** Whose tokens may carry a role. Nobody else is given one that leads to it before the transaction ends. */
async function holdersOf(trx: Knex, ...roleIds: string[]): Promise<Subject[]> {
  const leading = await leadingTo(trx, roleIds);
  await trx('roles').whereIn('id', leading).orderBy('id').forUpdate().select('id');
  return concernedBy(trx, trx('role_assignments').whereIn('role_id', leading));
}

const mayNotBeImplied = ({ name }: Role) => neverImplied.includes(name.toLowerCase());

const noImplication = (priorId: string, impliedId: string) =>
  new NotFound('implied role', `${impliedId} of ${priorId}`);
