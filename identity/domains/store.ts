import { given, type Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';

export interface Domain {
  id: string;
  name: string;
  description: string;
  enabled: boolean;
}

/** The domain of everything that names none; its id is a word because clients are configured with it. */
export const defaultDomainId = 'default';

const columns = ['id', 'name', 'description', 'enabled'] as const;

export async function listDomains(db: Knex, filter: { name?: string; enabled?: boolean }): Promise<Domain[]> {
  return db('domains').where(given(filter)).select(columns).orderBy('name');
}

export async function getDomain(db: Knex, id: string): Promise<Domain> {
  const row = await db('domains').where({ id }).first(columns);
  if (row === undefined) throw new NotFound('domain', id);
  return row;
}
