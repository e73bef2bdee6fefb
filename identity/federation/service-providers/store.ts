import { given, type Knex, violatedConstraint } from '../../../common/database/database.ts';
import { NotFound } from '../../../common/errors.ts';
import type { PageRequest } from '../../../common/http/page.ts';
import { pageOf } from '../../api/listing.ts';
import { duplicate } from '../providers/store.ts';

/** Another cloud that takes this one's word on who a user is. Tokens list the enabled ones. */
export interface ServiceProvider {
  id: string;
  enabled: boolean;
  description: string | null;
  /** Where its identity service hands out tokens. */
  authUrl: string;
  /** Where an assertion is sent. */
  spUrl: string;
  relayStatePrefix: string;
}

interface ServiceProviderRow {
  id: string;
  enabled: boolean;
  description: string | null;
  auth_url: string;
  sp_url: string;
  relay_state_prefix: string;
}

function fromRow(row: ServiceProviderRow): ServiceProvider {
  return {
    id: row.id,
    enabled: row.enabled,
    description: row.description,
    authUrl: row.auth_url,
    spUrl: row.sp_url,
    relayStatePrefix: row.relay_state_prefix,
  };
}

function toColumns({ enabled, description, authUrl, spUrl, relayStatePrefix }: Partial<ServiceProvider>) {
  return given({ enabled, description, auth_url: authUrl, sp_url: spUrl, relay_state_prefix: relayStatePrefix });
}

/** Throws `Conflict` when there is one of that id. */
export async function insertServiceProvider(db: Knex, provider: ServiceProvider): Promise<void> {
  try {
    await db('service_providers').insert({ id: provider.id, ...toColumns(provider) });
  } catch (error) {
    if (!violatedConstraint(error)) throw error;
    throw duplicate('service_provider', provider.id, error);
  }
}

/** Throws `NotFound`. */
export async function getServiceProvider(db: Knex, id: string): Promise<ServiceProvider> {
  const row = await db<ServiceProviderRow>('service_providers').where({ id }).first();
  if (row === undefined) throw new NotFound('service provider', id);
  return fromRow(row);
}

export async function listServiceProviders(
  db: Knex,
  filter: { id?: string; enabled?: boolean },
  page: PageRequest,
): Promise<{ providers: ServiceProvider[]; more: boolean }> {
  const query = db('service_providers').select('*').where(given(filter));
  const { rows, more } = await pageOf<ServiceProviderRow>(query, page, [{ column: 'id', direction: 'asc' }]);
  return { providers: rows.map(fromRow), more };
}

/** Throws `NotFound`. */
export async function updateServiceProvider(
  db: Knex,
  id: string,
  changes: Partial<Omit<ServiceProvider, 'id'>>,
): Promise<ServiceProvider> {
  const [row] = await db('service_providers').where({ id }).update(toColumns(changes)).returning('*');
  if (row === undefined) throw new NotFound('service provider', id);
  return fromRow(row);
}

/** Throws `NotFound`. */
export async function removeServiceProvider(db: Knex, id: string): Promise<void> {
  const removed = await db('service_providers').where({ id }).delete();
  if (removed === 0) throw new NotFound('service provider', id);
}
