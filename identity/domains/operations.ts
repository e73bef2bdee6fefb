import { Forbidden } from '../../common/errors.ts';
import type { IdentityDeps } from '../deps.ts';
import { type Extra, mergedExtra } from '../extra.ts';
import { lockIdentityProviders } from '../federation/providers/store.ts';
import { checkMayChange, checkMayDelete, mergedOptions, type Options } from '../options.ts';
import { holdersOfDomainsRoles } from '../roles/operations.ts';
import { revoke, type Subject } from '../tokens/revocations.ts';
import { subjectsOfUsers } from '../users/subjects.ts';
import type { Domain } from './domain.ts';
import { type Inside, insertDomain, insideDomain, lockDomain, removeDomain, updateDomain } from './store.ts';

/** What is asked to be different; absent leaves alone. */
export interface DomainChanges {
  name?: string | undefined;
  description?: string | undefined;
  enabled?: boolean | undefined;
  tags?: string[] | undefined;
  options?: Options | undefined;
  extra?: Extra | undefined;
}

/** Throws `Conflict` when the name, or the id that was asked for, is taken. */
export async function createDomain(
  { db }: Pick<IdentityDeps, 'db'>,
  asked: DomainChanges & { name: string; id?: string | undefined },
): Promise<Domain> {
  const { id, name, description = '', enabled = true, tags = [], options, extra = {} } = asked;
  return insertDomain(db, {
    id,
    name,
    description,
    enabled,
    tags,
    options: mergedOptions({}, options),
    extra: mergedExtra({}, extra),
  });
}

/** Disabling a domain ends every token of its users, and those for it and its projects. Throws `Forbidden` for an immutable one. */
export async function changeDomain(
  { db, revocations, tokenSeconds }: IdentityDeps,
  id: string,
  changes: DomainChanges | ((before: Domain) => DomainChanges),
): Promise<Domain> {
  const domain = await db.transaction(async (trx) => {
    const before = await lockDomain(trx, id, 'update');
    const asked = typeof changes === 'function' ? changes(before) : changes;
    checkMayChange('domain', before, asked);
    const { name, description, enabled, tags, options, extra } = asked;
    const changed = await updateDomain(trx, id, {
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description }),
      ...(enabled !== undefined && { enabled }),
      ...(tags && { tags }),
      ...(options && { options: mergedOptions(before.options, options) }),
      ...(extra && { extra: mergedExtra(before.extra, extra) }),
    });
    if (before.enabled && !changed.enabled)
      await revoke(trx, subjectsIn(id, await insideDomain(trx, id)), tokenSeconds);
    return changed;
  });
  await revocations.refresh();
  return domain;
}

/**
 * Deletes a domain with everything in it: projects, users, groups, its own roles, what was granted there. Throws `Forbidden`
 * while it is enabled or immutable. What other services hold for its projects is left, as Keystone leaves it.
 */
export async function deleteDomain({ db, revocations, tokenSeconds }: IdentityDeps, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    await lockIdentityProviders(trx, { domain_id: id }); // before the domain, as logins through them do
    const domain = await lockDomain(trx, id, 'update');
    checkMayDelete('domain', domain);
    if (domain.enabled) throw new Forbidden('Cannot delete a domain that is enabled, please disable it first.');
    const holders = await holdersOfDomainsRoles(trx, id); // roles before groups, as everywhere
    const inside = await insideDomain(trx, id);
    const ofGroups = inside.groupIds.map((groupId): Subject => `group:${groupId}`);
    const subjects = [...subjectsIn(id, inside), ...ofGroups, ...(await subjectsOfUsers(trx, inside.memberIds))];
    await removeDomain(trx, id);
    await revoke(trx, [...subjects, ...holders], tokenSeconds);
  });
  await revocations.refresh();
}

/** A token of a trust names everybody through whose hands it came, and the domain of one of them alone. */
function subjectsIn(id: string, { projectIds, agentIds }: Inside): Subject[] {
  return [
    `domain:${id}`,
    ...projectIds.map((projectId): Subject => `project:${projectId}`),
    ...agentIds.map((userId): Subject => `user:${userId}`),
  ];
}
