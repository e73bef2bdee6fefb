import { given, type Knex, violatedConstraint } from '../../common/database/database.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { newHexId } from '../../common/ids.ts';
import { applyTextFilters, pageOf, type TextFilter } from '../api/listing.ts';
import type { Extra } from '../extra.ts';

/** Something that clients can find in the catalog, by its type. */
export interface Service {
  id: string;
  type: string;
  name: string;
  /** Otherwise it is in no catalog, and none of its endpoints is. */
  enabled: boolean;
  extra: Extra;
}

const columns = ['id', 'type', 'name', 'enabled', 'extra'] as const;

export async function insertService(db: Knex, { extra, ...service }: Omit<Service, 'id'>): Promise<Service> {
  const [row] = await db('services')
    .insert({ id: newHexId(), ...service, extra: JSON.stringify(extra) })
    .returning(columns);
  return row;
}

/** Attributes of `extra` that are not named stay. */
export async function updateService(
  db: Knex,
  id: string,
  { extra = {}, ...changes }: Partial<Omit<Service, 'id'>>,
): Promise<Service> {
  const [row] = await db('services')
    .where({ id })
    .update({ ...given(changes), extra: db.raw('extra || ?::jsonb', [JSON.stringify(extra)]) })
    .returning(columns);
  if (row === undefined) throw new NotFound('service', id);
  return row;
}

export async function getService(db: Knex, id: string): Promise<Service> {
  const row = await db('services').where({ id }).first(columns);
  if (row === undefined) throw new NotFound('service', id);
  return row;
}

export async function listServices(
  db: Knex,
  filters: readonly TextFilter[],
  page: PageRequest,
): Promise<{ services: Service[]; more: boolean }> {
  const query = applyTextFilters(db('services').select(columns), filters);
  const { rows, more } = await pageOf<Service>(query, page, [{ column: 'type', direction: 'asc' }]);
  return { services: rows, more };
}

/** With its endpoints. Throws `Conflict` while registered limits are for it. */
export async function removeService(db: Knex, id: string): Promise<void> {
  try {
    const removed = await db('services').where({ id }).delete();
    if (removed === 0) throw new NotFound('service', id);
  } catch (error) {
    if (violatedConstraint(error) === 'registered_limits_service_id_foreign')
      throw new Conflict(`Unable to delete service ${id}: registered limits are for it; delete those first.`, {
        cause: error,
      });
    throw error;
  }
}
