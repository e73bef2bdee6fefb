import { given, type Knex, violatedConstraint } from '../../../common/database/database.ts';
import { Conflict, NotFound } from '../../../common/errors.ts';
import type { PageRequest } from '../../../common/http/page.ts';
import { pageOf } from '../../api/listing.ts';
import type { IdentityProvider, Protocol } from './identity-provider.ts';

interface IdentityProviderRow {
  id: string;
  domain_id: string;
  enabled: boolean;
  description: string | null;
  authorization_ttl: number | null;
  remote_ids: string[];
}

function fromRow(row: IdentityProviderRow): IdentityProvider {
  return {
    id: row.id,
    domainId: row.domain_id,
    enabled: row.enabled,
    description: row.description,
    authorizationTtl: row.authorization_ttl,
    remoteIds: row.remote_ids,
  };
}

const withRemoteIds = (db: Knex) =>
  db('identity_providers').select(
    'identity_providers.*',
    db.raw(
      `array(select remote_id from identity_provider_remote_ids r
         where r.identity_provider_id = identity_providers.id order by remote_id) as remote_ids`,
    ),
  );

/** Throws `NotFound`. */
export async function getIdentityProvider(db: Knex, id: string): Promise<IdentityProvider> {
  const row = await withRemoteIds(db).where({ id }).first();
  if (row === undefined) throw new NotFound('identity provider', id);
  return fromRow(row);
}

export async function listIdentityProviders(
  db: Knex,
  filter: { id?: string; enabled?: boolean },
  page: PageRequest,
): Promise<{ providers: IdentityProvider[]; more: boolean }> {
  const query = withRemoteIds(db).where(given(filter));
  const { rows, more } = await pageOf<IdentityProviderRow>(query, page, [{ column: 'id', direction: 'asc' }]);
  return { providers: rows.map(fromRow), more };
}

/** Throws `Conflict` when the id, or one of the remote ids, is another's. */
export async function insertIdentityProvider(trx: Knex, provider: IdentityProvider): Promise<void> {
  try {
    await trx('identity_providers').insert({
      id: provider.id,
      domain_id: provider.domainId,
      enabled: provider.enabled,
      description: provider.description,
      authorization_ttl: provider.authorizationTtl,
    });
  } catch (error) {
    if (violatedConstraint(error) !== 'identity_providers_pkey') throw error;
    throw duplicate('identity_provider', provider.id, error);
  }
  await insertRemoteIds(trx, provider.id, provider.remoteIds);
}

async function insertRemoteIds(trx: Knex, id: string, remoteIds: readonly string[]): Promise<void> {
  if (remoteIds.length === 0) return;
  try {
    await trx('identity_provider_remote_ids').insert(
      remoteIds.map((remoteId) => ({ remote_id: remoteId, identity_provider_id: id })),
    );
  } catch (error) {
    if (!violatedConstraint(error)) throw error;
    throw new Conflict(
      `Conflict occurred attempting to store identity_provider - Duplicate remote ID: one of ${remoteIds.join(', ')}.`,
      { cause: error },
    );
  }
}

export type IdentityProviderChanges = Partial<Omit<IdentityProvider, 'id' | 'domainId'>>;

/** Throws `NotFound`, or `Conflict` when a remote id is another's. */
export async function updateIdentityProvider(trx: Knex, id: string, changes: IdentityProviderChanges): Promise<void> {
  const { remoteIds, enabled, description, authorizationTtl } = changes;
  const columns = given({ enabled, description, authorization_ttl: authorizationTtl });
  const found = await trx('identity_providers').where({ id }).forUpdate().first('id');
  if (found === undefined) throw new NotFound('identity provider', id);
  if (Object.keys(columns).length > 0) await trx('identity_providers').where({ id }).update(columns);
  if (remoteIds === undefined) return;
  await trx('identity_provider_remote_ids').where({ identity_provider_id: id }).delete();
  await insertRemoteIds(trx, id, remoteIds);
}

/** Until the transaction ends nobody logs in through them, or changes them. Gives the ids of those that there are. */
export async function lockIdentityProviders(
  trx: Knex,
  which: { id: string } | { domain_id: string },
): Promise<string[]> {
  return trx('identity_providers').where(which).orderBy('id').forUpdate().pluck('id');
}

/** With its protocols and what ties users to them. Throws `NotFound`. */
export async function removeIdentityProvider(trx: Knex, id: string): Promise<void> {
  const removed = await trx('identity_providers').where({ id }).delete();
  if (removed === 0) throw new NotFound('identity provider', id);
}

interface ProtocolRow {
  id: string;
  identity_provider_id: string;
  mapping_id: string;
  remote_id_attribute: string | null;
}

function protocolFrom(row: ProtocolRow): Protocol {
  return {
    id: row.id,
    identityProviderId: row.identity_provider_id,
    mappingId: row.mapping_id,
    remoteIdAttribute: row.remote_id_attribute,
  };
}

/** Throws `NotFound`. */
export async function getProtocol(db: Knex, identityProviderId: string, id: string): Promise<Protocol> {
  const row = await db<ProtocolRow>('federation_protocols')
    .where({ identity_provider_id: identityProviderId, id })
    .first();
  if (row === undefined) throw new NotFound('federated protocol', id);
  return protocolFrom(row);
}

export async function listProtocols(db: Knex, identityProviderId: string): Promise<Protocol[]> {
  const rows = await db<ProtocolRow>('federation_protocols')
    .where({ identity_provider_id: identityProviderId })
    .orderBy('id');
  return rows.map(protocolFrom);
}

/** Every way in at an enabled identity provider, or those of one protocol. */
export async function listDoors(
  db: Knex,
  protocolId?: string,
): Promise<{ provider: IdentityProvider; protocol: Protocol }[]> {
  const providers = (await withRemoteIds(db).where({ enabled: true }).orderBy('id')).map(fromRow);
  const protocols = await db<ProtocolRow>('federation_protocols')
    .where(given({ id: protocolId }))
    .orderBy('id');
  return providers.flatMap((provider) =>
    protocols
      .filter((row) => row.identity_provider_id === provider.id)
      .map((row) => ({ provider, protocol: protocolFrom(row) })),
  );
}

/** Throws `Conflict` when the identity provider has one of that id. */
export async function insertProtocol(trx: Knex, protocol: Protocol): Promise<void> {
  try {
    await trx('federation_protocols').insert({
      id: protocol.id,
      identity_provider_id: protocol.identityProviderId,
      mapping_id: protocol.mappingId,
      remote_id_attribute: protocol.remoteIdAttribute,
    });
  } catch (error) {
    if (violatedConstraint(error) !== 'federation_protocols_pkey') throw error;
    throw duplicate('federation_protocol', protocol.id, error);
  }
}

/** Throws `NotFound`. */
export async function updateProtocol(
  trx: Knex,
  { identityProviderId, id }: Pick<Protocol, 'identityProviderId' | 'id'>,
  changes: Partial<Pick<Protocol, 'mappingId' | 'remoteIdAttribute'>>,
): Promise<void> {
  const updated = await trx('federation_protocols')
    .where({ identity_provider_id: identityProviderId, id })
    .update(given({ mapping_id: changes.mappingId, remote_id_attribute: changes.remoteIdAttribute }));
  if (updated === 0) throw new NotFound('federated protocol', id);
}

/** Throws `NotFound`. */
export async function removeProtocol(trx: Knex, identityProviderId: string, id: string): Promise<void> {
  const removed = await trx('federation_protocols').where({ identity_provider_id: identityProviderId, id }).delete();
  if (removed === 0) throw new NotFound('federated protocol', id);
}

/** In Keystone's words. */
export function duplicate(kind: string, id: string, cause: unknown): Conflict {
  return new Conflict(`Conflict occurred attempting to store ${kind} - Duplicate entry: ${id}.`, { cause });
}
