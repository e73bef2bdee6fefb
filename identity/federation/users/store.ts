import type { Knex } from '../../../common/database/database.ts';
import { newHexId } from '../../../common/ids.ts';

/** Who somebody is at an identity provider. */
export interface FederatedIdentity {
  identityProviderId: string;
  protocolId: string;
  uniqueId: string;
}

/** The user that an identity belongs to, for the rest of the transaction: another login of the same waits. */
export async function findFederatedUser(trx: Knex, identity: FederatedIdentity): Promise<{ id: string } | undefined> {
  const { identityProviderId, protocolId, uniqueId } = identity;
  const key = JSON.stringify([identityProviderId, protocolId, uniqueId]);
  await trx.raw('select pg_advisory_xact_lock(hashtextextended(?, 7))', [`federated user ${key}`]);
  return trx('federated_users')
    .join('users', 'users.id', 'federated_users.user_id')
    .where({ identity_provider_id: identityProviderId, protocol_id: protocolId, unique_id: uniqueId })
    .first('users.id');
}

/** A user who has no other proof than the identity provider's word, so no password and no name that logs in. */
export async function insertShadowUser(
  trx: Knex,
  identity: FederatedIdentity,
  user: { name: string; email: string | null; domainId: string },
): Promise<{ id: string }> {
  const id = newHexId();
  await trx('users').insert({ id, domain_id: user.domainId, name: user.name, email: user.email, is_shadow: true });
  await insertFederatedIdentity(trx, id, identity);
  return { id };
}

export async function insertFederatedIdentity(trx: Knex, userId: string, identity: FederatedIdentity): Promise<void> {
  await trx('federated_users').insert({
    user_id: userId,
    identity_provider_id: identity.identityProviderId,
    protocol_id: identity.protocolId,
    unique_id: identity.uniqueId,
  });
}

/** Follows what the identity provider calls a shadow user now; others keep the name that they have here. */
export async function renameShadowUser(
  trx: Knex,
  id: string,
  { name, email }: { name: string; email: string | null },
): Promise<void> {
  await trx('users').where({ id, is_shadow: true }).whereNot({ name }).update({ name });
  if (email !== null) await trx('users').where({ id }).whereRaw('email is distinct from ?', [email]).update({ email });
}

/** Until the transaction ends nobody else changes or deletes the users whom an identity provider vouched for. */
export async function lockUsersOf(trx: Knex, identityProviderId: string): Promise<void> {
  const its = { identity_provider_id: identityProviderId };
  const ids = trx('federated_users').where(its).select('user_id');
  ids.union(trx('federated_group_members').where(its).select('user_id'));
  await trx('users').whereIn('id', ids).orderBy('id').forUpdate().select('id');
}

/** Removes the shadow users for whom no identity provider vouches any more; gives their ids. */
export async function removeShadowsWithoutProvider(trx: Knex): Promise<string[]> {
  const rows = await trx('users')
    .where({ is_shadow: true, password_hash: null })
    .whereNotExists(trx('federated_users').select(trx.raw('1')).whereRaw('user_id = users.id'))
    .delete()
    .returning('id');
  return rows.map((row) => row.id as string);
}

/**
 * The groups of the latest login, for as long as the identity provider's `authorization_ttl` says; none before are left. Tells
 * whether that takes any away.
 */
export async function rememberGroups(
  trx: Knex,
  userId: string,
  identityProviderId: string,
  { groupIds, minutes }: { groupIds: readonly string[]; minutes: number },
): Promise<boolean> {
  const mine = { user_id: userId, identity_provider_id: identityProviderId };
  const before = await trx('federated_group_members').where(mine).delete().returning('group_id');
  if (minutes > 0 && groupIds.length > 0)
    await trx('federated_group_members').insert(
      groupIds.map((groupId) => ({
        ...mine,
        group_id: groupId,
        expires_at: trx.raw('now() + make_interval(mins => ?)', [minutes]),
      })),
    );
  return before.some(({ group_id }) => minutes <= 0 || !groupIds.includes(group_id));
}
