import { given, type Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { newHexId } from '../../common/ids.ts';
import { applyTextFilters, pageOf, type TextFilter } from '../api/listing.ts';
import type { Interface } from '../endpoints/store.ts';

/** Endpoints that have these attributes. */
export interface EndpointGroup {
  id: string;
  name: string;
  description: string | null;
  filters: EndpointFilters;
}

/** As they are written in JSON; a null region is that of endpoints in none. */
export interface EndpointFilters {
  service_id?: string;
  region_id?: string | null;
  interface?: Interface;
}

const columns = ['id', 'name', 'description', 'filters'] as const;

export async function insertEndpointGroup(
  db: Knex,
  { filters, ...group }: Omit<EndpointGroup, 'id'>,
): Promise<EndpointGroup> {
  const [row] = await db('endpoint_groups')
    .insert({ id: newHexId(), ...group, filters: JSON.stringify(filters) })
    .returning(columns);
  return row;
}

export async function updateEndpointGroup(
  db: Knex,
  id: string,
  { filters, ...changes }: Partial<Omit<EndpointGroup, 'id'>>,
): Promise<EndpointGroup> {
  const [row] = await db('endpoint_groups')
    .where({ id })
    .update(given({ ...changes, id, filters: filters && JSON.stringify(filters) }))
    .returning(columns);
  if (row === undefined) throw new NotFound('endpoint group', id);
  return row;
}

export async function getEndpointGroup(db: Knex, id: string): Promise<EndpointGroup> {
  const row = await db('endpoint_groups').where({ id }).first(columns);
  if (row === undefined) throw new NotFound('endpoint group', id);
  return row;
}

export async function listEndpointGroups(
  db: Knex,
  filters: readonly TextFilter[],
  page: PageRequest,
): Promise<{ groups: EndpointGroup[]; more: boolean }> {
  const query = applyTextFilters(db('endpoint_groups').select(columns), filters);
  const { rows, more } = await pageOf<EndpointGroup>(query, page);
  return { groups: rows, more };
}

export async function listEndpointGroupsOfProject(db: Knex, projectId: string): Promise<EndpointGroup[]> {
  return db('endpoint_groups')
    .whereIn('id', db('project_endpoint_groups').where({ project_id: projectId }).select('endpoint_group_id'))
    .select(columns)
    .orderBy(['name', 'id']);
}

export async function removeEndpointGroup(db: Knex, id: string): Promise<void> {
  const removed = await db('endpoint_groups').where({ id }).delete();
  if (removed === 0) throw new NotFound('endpoint group', id);
}
