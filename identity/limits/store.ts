import { given, type Knex, violatedConstraint } from '../../common/database/database.ts';
import { BadRequest, Conflict, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { newHexId } from '../../common/ids.ts';
import { applyTextFilters, pageOf, type TextFilter } from '../api/listing.ts';

/** How much of something one project or domain may have, instead of the registered default. */
export interface Limit {
  id: string;
  /** Whose it is: one of the two. */
  projectId: string | null;
  domainId: string | null;
  /** Of the project, if it is a project's. */
  projectDomainId: string | null;
  registeredLimitId: string;
  serviceId: string;
  regionId: string | null;
  resourceName: string;
  /** -1: as much as they like. */
  resourceLimit: number;
  description: string | null;
}

interface LimitRow {
  id: string;
  project_id: string | null;
  domain_id: string | null;
  project_domain_id: string | null;
  registered_limit_id: string;
  service_id: string;
  region_id: string | null;
  resource_name: string;
  resource_limit: number;
  description: string | null;
}

function fromRow({ id, description, ...row }: LimitRow): Limit {
  return {
    id,
    projectId: row.project_id,
    domainId: row.domain_id,
    projectDomainId: row.project_domain_id,
    registeredLimitId: row.registered_limit_id,
    serviceId: row.service_id,
    regionId: row.region_id,
    resourceName: row.resource_name,
    resourceLimit: row.resource_limit,
    description,
  };
}

/** Limits with what is said of them where they are registered. */
const limits = (db: Knex) =>
  db
    .from(
      db('limits as l')
        .join('registered_limits as r', 'r.id', 'l.registered_limit_id')
        .leftJoin('projects as p', 'p.id', 'l.project_id')
        .select(
          'l.id',
          'l.project_id',
          'l.domain_id',
          'p.domain_id as project_domain_id',
          'l.registered_limit_id',
          'r.service_id',
          'r.region_id',
          'r.resource_name',
          'l.resource_limit',
          'l.description',
        )
        .as('limits'),
    )
    .select('*');

export type NewLimit = Pick<Limit, 'projectId' | 'domainId' | 'registeredLimitId' | 'resourceLimit' | 'description'>;

/** Throws `Conflict` where one of them has a limit for the same already, `BadRequest` where what it is of has gone. Gives them in the order they came. */
export async function insertLimits(db: Knex, asked: readonly NewLimit[]): Promise<Limit[]> {
  const rows = asked.map((limit) => ({
    id: newHexId(),
    project_id: limit.projectId,
    domain_id: limit.domainId,
    registered_limit_id: limit.registeredLimitId,
    resource_limit: limit.resourceLimit,
    description: limit.description,
  }));
  try {
    await db('limits').insert(rows);
  } catch (error) {
    const constraint = violatedConstraint(error);
    if (constraint === 'limits_once')
      throw new Conflict('The project or domain has a limit for this service, region and resource already.', {
        cause: error,
      });
    if (constraint?.endsWith('_foreign'))
      throw new BadRequest('The project, the domain or the registered limit of a limit is no longer there.', {
        cause: error,
      });
    throw error;
  }
  const ids = rows.map(({ id }) => id);
  const made: LimitRow[] = await limits(db).whereIn('id', ids);
  return made.map(fromRow).toSorted((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
}

export async function updateLimit(
  db: Knex,
  id: string,
  { resourceLimit, description }: { resourceLimit?: number | undefined; description?: string | null | undefined },
): Promise<Limit> {
  const changed = await db('limits')
    .where({ id })
    .update({ id, ...given({ resource_limit: resourceLimit, description }) });
  if (changed === 0) throw new NotFound('limit', id);
  return getLimit(db, id);
}

export async function findLimit(db: Knex, id: string): Promise<Limit | undefined> {
  const row: LimitRow | undefined = await limits(db).where({ id }).first();
  return row && fromRow(row);
}

export async function getLimit(db: Knex, id: string): Promise<Limit> {
  const limit = await findLimit(db, id);
  if (limit === undefined) throw new NotFound('limit', id);
  return limit;
}

/** Whose limits somebody sees. */
export type LimitsSeen = 'everybody’s' | { domainId: string } | { projectId: string } | 'none';

export async function listLimits(
  db: Knex,
  seen: LimitsSeen,
  filters: readonly TextFilter[],
  page: PageRequest,
): Promise<{ limits: Limit[]; more: boolean }> {
  const query = applyTextFilters(limits(db), filters);
  if (seen === 'none') query.whereRaw('false');
  else if (seen !== 'everybody’s' && 'projectId' in seen) query.where('project_id', seen.projectId);
  else if (seen !== 'everybody’s')
    query.where((of) => of.where('domain_id', seen.domainId).orWhere('project_domain_id', seen.domainId));
  const { rows, more } = await pageOf<LimitRow>(query, page, [{ column: 'resource_name', direction: 'asc' }]);
  return { limits: rows.map(fromRow), more };
}

export async function listLimitsOfProjects(db: Knex, projectIds: readonly string[]): Promise<Limit[]> {
  const rows: LimitRow[] = await limits(db).whereIn('project_id', projectIds).orderBy(['resource_name', 'id']);
  return rows.map(fromRow);
}

export async function removeLimit(db: Knex, id: string): Promise<void> {
  const removed = await db('limits').where({ id }).delete();
  if (removed === 0) throw new NotFound('limit', id);
}
