import { BadRequest, NotFound } from '../../../common/errors.ts';
import { newHexId } from '../../../common/ids.ts';
import type { IdentityDeps } from '../../deps.ts';
import { getDomain } from '../../domains/store.ts';
import { revoke, type Subject } from '../../tokens/revocations.ts';
import { getMapping } from '../mappings/store.ts';
import { lockUsersOf, removeShadowsWithoutProvider } from '../users/store.ts';
import type { IdentityProvider, Protocol } from './identity-provider.ts';
import {
  getIdentityProvider,
  getProtocol,
  type IdentityProviderChanges,
  insertIdentityProvider,
  insertProtocol,
  lockIdentityProviders,
  removeIdentityProvider,
  removeProtocol,
  updateIdentityProvider,
  updateProtocol,
} from './store.ts';

/**
 * Registers an identity provider. Without a domain it gets one of its own, as Keystone does: its users' names then collide
 * with nobody's. Throws `NotFound` for the domain, `Conflict` when the id or a remote id is taken.
 */
export async function createIdentityProvider(
  { db }: IdentityDeps,
  asked: Omit<IdentityProvider, 'domainId'> & { domainId: string | null },
): Promise<IdentityProvider> {
  return db.transaction(async (trx) => {
    const domainId = asked.domainId ?? newHexId();
    if (asked.domainId !== null) await getDomain(trx, domainId);
    else
      await trx('domains').insert({
        id: domainId,
        name: domainId,
        description: `Auto generated federated domain for Identity Provider: ${asked.id}`,
      });
    await insertIdentityProvider(trx, { ...asked, domainId });
    return getIdentityProvider(trx, asked.id);
  });
}

/** Disabling it, or listening no longer to one of its issuers, ends the tokens of everybody whom it vouched for. */
export async function changeIdentityProvider(
  { db, revocations, tokenSeconds }: IdentityDeps,
  id: string,
  changes: IdentityProviderChanges,
): Promise<IdentityProvider> {
  const provider = await db.transaction(async (trx) => {
    const before = await getIdentityProvider(trx, id);
    await updateIdentityProvider(trx, id, changes);
    const { remoteIds } = changes;
    if (changes.enabled === false || (remoteIds && before.remoteIds.some((one) => !remoteIds.includes(one))))
      await revoke(trx, [`identity_provider:${id}`, ...(await forgetGroups(trx, id))], tokenSeconds);
    return getIdentityProvider(trx, id);
  });
  await revocations.refresh();
  return provider;
}

/** Its protocols go with it, the users that only it vouched for, and their tokens. Its domain stays, as in Keystone. */
export async function deleteIdentityProvider(deps: IdentityDeps, id: string): Promise<void> {
  await removeWithUsers(deps, id, (trx) => removeIdentityProvider(trx, id));
}

/** Throws `NotFound` for the identity provider, `BadRequest` for the mapping, `Conflict` when there is one of that id. */
export async function createProtocol({ db }: IdentityDeps, protocol: Protocol): Promise<Protocol> {
  return db.transaction(async (trx) => {
    await getIdentityProvider(trx, protocol.identityProviderId);
    await checkMappingExists(trx, protocol.mappingId);
    await insertProtocol(trx, protocol);
    return protocol;
  });
}

export async function changeProtocol(
  { db }: IdentityDeps,
  which: Pick<Protocol, 'identityProviderId' | 'id'>,
  changes: Partial<Pick<Protocol, 'mappingId' | 'remoteIdAttribute'>>,
): Promise<Protocol> {
  return db.transaction(async (trx) => {
    await getProtocol(trx, which.identityProviderId, which.id);
    if (changes.mappingId !== undefined) await checkMappingExists(trx, changes.mappingId);
    await updateProtocol(trx, which, changes);
    return getProtocol(trx, which.identityProviderId, which.id);
  });
}

/** Ends the tokens of everybody whom the identity provider vouched for; a token names no less. */
export async function deleteProtocol(deps: IdentityDeps, identityProviderId: string, id: string): Promise<void> {
  await removeWithUsers(deps, identityProviderId, (trx) => removeProtocol(trx, identityProviderId, id));
}

async function removeWithUsers(
  { db, revocations, tokenSeconds }: IdentityDeps,
  identityProviderId: string,
  remove: (trx: IdentityDeps['db']) => Promise<void>,
): Promise<void> {
  await db.transaction(async (trx) => {
    // The order in which logins take them.
    await lockIdentityProviders(trx, { id: identityProviderId });
    await lockUsersOf(trx, identityProviderId);
    const concerned = await forgetGroups(trx, identityProviderId);
    await remove(trx);
    const gone = (await removeShadowsWithoutProvider(trx)).map((userId): Subject => `user:${userId}`);
    await revoke(
      trx,
      [...new Set([`identity_provider:${identityProviderId}` as const, ...concerned, ...gone])],
      tokenSeconds,
    );
  });
  await revocations.refresh();
}

/** What its logins gave for a while; gives those who may have bought tokens with it. */
async function forgetGroups(trx: IdentityDeps['db'], identityProviderId: string): Promise<Subject[]> {
  const rows = await trx('federated_group_members')
    .where({ identity_provider_id: identityProviderId })
    .delete()
    .returning('user_id');
  return [...new Set(rows.map(({ user_id }): Subject => `user:${user_id}`))];
}

async function checkMappingExists(trx: IdentityDeps['db'], id: string): Promise<void> {
  await getMapping(trx, id).catch((error: Error) => {
    throw error instanceof NotFound ? new BadRequest(`Invalid mapping id: ${id}`, { cause: error }) : error;
  });
}
