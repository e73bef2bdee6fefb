import { given, type Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { newHexId } from '../../common/ids.ts';
import { applyTextFilters, pageOf, type TextFilter } from '../api/listing.ts';
import type { Extra } from '../extra.ts';

/** Rules that a service may fetch for itself; nobody here reads them. (What is in force in this cloud is its policy file's.) */
export interface StoredPolicy {
  id: string;
  /** Of what media type the blob is. */
  type: string;
  blob: string;
  extra: Extra;
}

const columns = ['id', 'type', 'blob', 'extra'] as const;

export async function insertPolicy(db: Knex, { extra, ...policy }: Omit<StoredPolicy, 'id'>): Promise<StoredPolicy> {
  const [row] = await db('policies')
    .insert({ id: newHexId(), ...policy, extra: JSON.stringify(extra) })
    .returning(columns);
  return row;
}

/** Attributes of `extra` that are not named stay. */
export async function updatePolicy(
  db: Knex,
  id: string,
  { extra = {}, ...changes }: Partial<Omit<StoredPolicy, 'id'>>,
): Promise<StoredPolicy> {
  const [row] = await db('policies')
    .where({ id })
    .update({ ...given(changes), extra: db.raw('extra || ?::jsonb', [JSON.stringify(extra)]) })
    .returning(columns);
  if (row === undefined) throw new NotFound('policy', id);
  return row;
}

export async function getPolicy(db: Knex, id: string): Promise<StoredPolicy> {
  const row = await db('policies').where({ id }).first(columns);
  if (row === undefined) throw new NotFound('policy', id);
  return row;
}

export async function listPolicies(
  db: Knex,
  filters: readonly TextFilter[],
  page: PageRequest,
): Promise<{ policies: StoredPolicy[]; more: boolean }> {
  const query = applyTextFilters(db('policies').select(columns), filters);
  const { rows, more } = await pageOf<StoredPolicy>(query, page, [{ column: 'type', direction: 'asc' }]);
  return { policies: rows, more };
}

export async function removePolicy(db: Knex, id: string): Promise<void> {
  const removed = await db('policies').where({ id }).delete();
  if (removed === 0) throw new NotFound('policy', id);
}
