import type { Knex } from '../../../common/database/database.ts';
import { NotFound, Unauthorized } from '../../../common/errors.ts';
import { revoke } from '../../tokens/revocations.ts';
import type { Mapped, MappedGroup, MappedUser } from '../mappings/rules.ts';
import { Unmappable } from '../mappings/unmappable.ts';
import { findFederatedUser, insertShadowUser, rememberGroups, renameShadowUser } from '../users/store.ts';
import type { FederationDeps } from './deps.ts';
import { domainIdOf } from './domain.ts';
import type { Door } from './log-in.ts';
import { giveProjects } from './projects.ts';

export interface TakenIn {
  userId: string;
  /** Undefined for a user of here: what the mapping says of groups is not theirs. */
  groupIds?: string[];
}

/**
 * Makes somebody a user here, or finds the one that they are, in one transaction with what the mapping gives them. Throws
 * `Unauthorized` or `Unmappable`, and then nothing was made.
 */
export async function takeIn(
  deps: FederationDeps,
  door: Door,
  mapped: Mapped,
  remoteUser: string | undefined,
): Promise<TakenIn> {
  const { provider, protocol } = door;
  if (mapped.user.type === 'local') return { userId: await localUser(deps.db, mapped.user) };
  const taken = await deps.db.transaction(async (trx) => {
    await hold(trx, door);
    const groupIds = await groupsIn(trx, mapped, deps);
    const who = whoIs(mapped.user, remoteUser);
    const identity = { identityProviderId: provider.id, protocolId: protocol.id, uniqueId: who.uniqueId };
    const email = mapped.user.email ?? null;
    const known = await findFederatedUser(trx, identity);
    const domainId = await domainIdOf(trx, mapped.user.domain ?? { id: provider.domainId });
    const user = known ?? (await insertShadowUser(trx, identity, { name: who.name, email, domainId }));
    if (known) await renameShadowUser(trx, known.id, { name: who.name, email });
    const hasLost = await rememberGroups(trx, user.id, provider.id, {
      groupIds,
      minutes: provider.authorizationTtl ?? 0,
    });
    await giveProjects(trx, user.id, provider, mapped.projects, domainId);
    // What the user made of a group that is theirs no more (application credentials, trusts) has bought tokens with it.
    if (hasLost) await revoke(trx, `user:${user.id}`, deps.tokenSeconds);
    return { userId: user.id, groupIds, hasLost };
  });
  if (taken.hasLost) await deps.revocations.refresh();
  deps.memory.forget();
  return taken;
}

/** Until the transaction ends nobody deletes them. Throws `NotFound` when somebody has. */
async function hold(trx: Knex, { provider, protocol }: Door): Promise<void> {
  const held = await trx('identity_providers').where({ id: provider.id }).forKeyShare().first('id');
  if (held === undefined) throw new NotFound('identity provider', provider.id);
  const which = { identity_provider_id: provider.id, id: protocol.id };
  if ((await trx('federation_protocols').where(which).forKeyShare().first('id')) === undefined)
    throw new NotFound('federated protocol', protocol.id);
}

/** By the mapped id or, without one, the name; without either as mod_auth_openidc's REMOTE_USER would have it. */
function whoIs({ id, name }: MappedUser, remoteUser: string | undefined): { uniqueId: string; name: string } {
  const called = name ?? (id === undefined ? remoteUser : id);
  const uniqueId = id ?? called;
  if (called !== undefined && uniqueId !== undefined) return { uniqueId, name: called };
  throw new Unmappable('it gives neither a user id nor a user name');
}

/** Somebody who is a user here; the identity provider only vouches that it is them. */
async function localUser(db: Knex, { id, name, domain }: MappedUser): Promise<string> {
  const query = db('users').join('domains', 'domains.id', 'users.domain_id').where({ 'users.is_shadow': false });
  if (id !== undefined) query.where('users.id', id);
  else if (name !== undefined && domain?.id !== undefined) query.where({ 'users.name': name, 'domains.id': domain.id });
  else if (name !== undefined && domain?.name !== undefined)
    query.where({ 'users.name': name, 'domains.name': domain.name });
  else throw new Unmappable('a local user is given by an id, or by a name and a domain');
  const found = await query.first('users.id');
  if (found === undefined)
    throw new Unauthorized('The request you have made requires authentication.', { cause: 'no such local user' });
  return found.id;
}

/** Groups that are not here are left out, and the log has their names: Keystone's documentation has it so for ids too. */
async function groupsIn(
  trx: Knex,
  { groupIds, groupNames }: Mapped,
  { federation: { log } }: FederationDeps,
): Promise<string[]> {
  const byId: string[] = await trx('groups').whereIn('id', groupIds).pluck('id');
  const byName = await Promise.all(groupNames.map((group) => groupNamed(trx, group)));
  const found = [...new Set([...byId, ...byName.filter((id) => id !== undefined)])];
  const missing = [
    ...groupIds.filter((id) => !byId.includes(id)),
    ...groupNames.filter((_, i) => byName[i] === undefined).map(({ name }) => name),
  ];
  if (missing.length > 0) log.warn({ groups: missing.slice(0, 20) }, 'a mapping names groups that are not there');
  // Those that are not deleted meanwhile, and are not until the transaction ends.
  return trx('groups').whereIn('id', found).orderBy('id').forKeyShare().pluck('id');
}

async function groupNamed(trx: Knex, { name, domain }: MappedGroup): Promise<string | undefined> {
  const query = trx('groups').join('domains', 'domains.id', 'groups.domain_id').where({ 'groups.name': name });
  if (domain.id !== undefined) query.where('domains.id', domain.id);
  else query.where('domains.name', domain.name ?? '');
  const found = await query.first('groups.id');
  return found?.id;
}
