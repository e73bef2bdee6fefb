import { given, type Knex, violatedConstraint } from '../../common/database/database.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { newHexId } from '../../common/ids.ts';
import { applyTextFilters, pageOf, type TextFilter } from '../api/listing.ts';
import type { Extra } from '../extra.ts';

export const interfaces = ['public', 'internal', 'admin'] as const;
export type Interface = (typeof interfaces)[number];

/** Where a service answers, for one kind of client in one region. */
export interface Endpoint {
  id: string;
  serviceId: string;
  /** Null: in no region. */
  regionId: string | null;
  interface: Interface;
  /** May hold keys that are filled in for each token: see catalog/url-template.ts. */
  url: string;
  /** Otherwise it is in no catalog. */
  enabled: boolean;
  extra: Extra;
}

export interface EndpointRow {
  id: string;
  service_id: string;
  region_id: string | null;
  interface: Interface;
  url: string;
  enabled: boolean;
  extra: Extra;
}

export function endpointFromRow({ id, service_id, region_id, url, enabled, extra, ...row }: EndpointRow): Endpoint {
  return { id, serviceId: service_id, regionId: region_id, interface: row.interface, url, enabled, extra };
}

function toRow({ serviceId, regionId, interface: side, url, enabled, extra }: Partial<Endpoint>): Partial<EndpointRow> {
  return given({
    service_id: serviceId,
    region_id: regionId,
    interface: side,
    url,
    enabled,
    extra: extra && (JSON.stringify(extra) as unknown as Extra),
  });
}

/** Throws `BadRequest` when its service or region is not there. */
export async function insertEndpoint(db: Knex, endpoint: Omit<Endpoint, 'id'>): Promise<Endpoint> {
  try {
    const [row] = await db<EndpointRow>('endpoints')
      .insert({ id: newHexId(), ...toRow(endpoint) })
      .returning('*');
    return endpointFromRow(row as EndpointRow);
  } catch (error) {
    throw renamed(error);
  }
}

/** Attributes of `extra` that are not named stay. Throws as `insertEndpoint`. */
export async function updateEndpoint(
  db: Knex,
  id: string,
  { extra = {}, ...changes }: Partial<Omit<Endpoint, 'id'>>,
): Promise<Endpoint> {
  try {
    const merged = db.raw('extra || ?::jsonb', [JSON.stringify(extra)]) as unknown as Extra;
    const [row] = await db<EndpointRow>('endpoints')
      .where({ id })
      .update({ ...toRow(changes), extra: merged })
      .returning('*');
    if (row === undefined) throw new NotFound('endpoint', id);
    return endpointFromRow(row);
  } catch (error) {
    throw renamed(error);
  }
}

function renamed(error: unknown): unknown {
  const constraint = violatedConstraint(error);
  if (constraint === 'endpoints_service_id_foreign')
    return new BadRequest('The service_id of the endpoint names no service.', { cause: error });
  if (constraint === 'endpoints_region_id_foreign')
    return new BadRequest('The region_id of the endpoint names no region.', { cause: error });
  return error;
}

export async function getEndpoint(db: Knex, id: string): Promise<Endpoint> {
  const row = await db<EndpointRow>('endpoints').where({ id }).first();
  if (row === undefined) throw new NotFound('endpoint', id);
  return endpointFromRow(row);
}

export async function listEndpoints(
  db: Knex,
  { text, enabled }: { text: readonly TextFilter[]; enabled?: boolean | undefined },
  page: PageRequest,
): Promise<{ endpoints: Endpoint[]; more: boolean }> {
  const query = applyTextFilters(db('endpoints').where(given({ enabled })).select('*'), text);
  const { rows, more } = await pageOf<EndpointRow>(query, page, [{ column: 'service_id', direction: 'asc' }]);
  return { endpoints: rows.map(endpointFromRow), more };
}

export async function removeEndpoint(db: Knex, id: string): Promise<void> {
  const removed = await db('endpoints').where({ id }).delete();
  if (removed === 0) throw new NotFound('endpoint', id);
}
