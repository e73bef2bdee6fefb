import { given, type Knex, violatedConstraint } from '../../common/database/database.ts';
import { BadRequest, Conflict, Forbidden, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { newHexId } from '../../common/ids.ts';
import { applyTextFilters, pageOf, type TextFilter } from '../api/listing.ts';

/** How much of something of a service everybody may have who has no limit of their own. */
export interface RegisteredLimit {
  id: string;
  serviceId: string;
  /** Null: wherever there is no registered limit for the region. */
  regionId: string | null;
  resourceName: string;
  /** -1: as much as they like. */
  defaultLimit: number;
  description: string | null;
}

interface RegisteredLimitRow {
  id: string;
  service_id: string;
  region_id: string | null;
  resource_name: string;
  default_limit: number;
  description: string | null;
}

const columns = ['id', 'service_id', 'region_id', 'resource_name', 'default_limit', 'description'] as const;

function fromRow({ id, description, ...row }: RegisteredLimitRow): RegisteredLimit {
  return {
    id,
    serviceId: row.service_id,
    regionId: row.region_id,
    resourceName: row.resource_name,
    defaultLimit: row.default_limit,
    description,
  };
}

function toRow({ serviceId, regionId, resourceName, defaultLimit, description }: Partial<RegisteredLimit>) {
  return given({
    service_id: serviceId,
    region_id: regionId,
    resource_name: resourceName,
    default_limit: defaultLimit,
    description,
  });
}

/** All of them or none. Throws `BadRequest` for a service or region that is not there, `Conflict` for what is registered already. */
export async function insertRegisteredLimits(
  db: Knex,
  limits: Omit<RegisteredLimit, 'id'>[],
): Promise<RegisteredLimit[]> {
  try {
    const rows: RegisteredLimitRow[] = await db('registered_limits')
      .insert(limits.map((limit) => ({ id: newHexId(), ...toRow(limit) })))
      .returning([...columns]);
    return rows.map(fromRow);
  } catch (error) {
    throw renamed(error);
  }
}

/** Throws `Forbidden` while there are limits instead of it, and as `insertRegisteredLimits`. */
export async function updateRegisteredLimit(
  db: Knex,
  id: string,
  changes: Partial<Omit<RegisteredLimit, 'id'>>,
): Promise<RegisteredLimit> {
  return db.transaction(async (trx) => {
    // `for update` keeps limits from being made of it meanwhile: their foreign key waits.
    const current = await trx('registered_limits').where({ id }).forUpdate().first('id');
    if (current === undefined) throw new NotFound('registered limit', id);
    if (await trx('limits').where({ registered_limit_id: id }).first('id')) throw isUsed(id);
    try {
      const [row] = await trx<RegisteredLimitRow>('registered_limits')
        .where({ id })
        .update({ id, ...toRow(changes) })
        .returning([...columns]);
      return fromRow(row as RegisteredLimitRow);
    } catch (error) {
      throw renamed(error);
    }
  });
}

/** Throws `Forbidden` while there are limits instead of it. */
export async function removeRegisteredLimit(db: Knex, id: string): Promise<void> {
  try {
    const removed = await db('registered_limits').where({ id }).delete();
    if (removed === 0) throw new NotFound('registered limit', id);
  } catch (error) {
    throw violatedConstraint(error) === 'limits_registered_limit_id_foreign' ? isUsed(id, error) : error;
  }
}

const isUsed = (id: string, cause?: unknown) =>
  new Forbidden(
    `Unable to update or delete registered limit ${id} because there are limits associated with it; delete those first.`,
    { cause },
  );

function renamed(error: unknown): unknown {
  const constraint = violatedConstraint(error);
  if (constraint === 'registered_limits_service_id_foreign')
    return new BadRequest('The service_id of the registered limit names no service.', { cause: error });
  if (constraint === 'registered_limits_region_id_foreign')
    return new BadRequest('The region_id of the registered limit names no region.', { cause: error });
  if (constraint === 'registered_limits_once')
    return new Conflict('There is a registered limit for this service, region and resource already.', {
      cause: error,
    });
  return error;
}

export async function getRegisteredLimit(db: Knex, id: string): Promise<RegisteredLimit> {
  const row = await db<RegisteredLimitRow>('registered_limits')
    .where({ id })
    .first([...columns]);
  if (row === undefined) throw new NotFound('registered limit', id);
  return fromRow(row);
}

export async function listRegisteredLimits(
  db: Knex,
  filters: readonly TextFilter[],
  page: PageRequest,
): Promise<{ limits: RegisteredLimit[]; more: boolean }> {
  const query = applyTextFilters(db('registered_limits').select([...columns]), filters);
  const { rows, more } = await pageOf<RegisteredLimitRow>(query, page, [{ column: 'resource_name', direction: 'asc' }]);
  return { limits: rows.map(fromRow), more };
}
