import type { Knex } from '../../common/database/database.ts';
import { violatedConstraint } from '../../common/database/database.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import { type Endpoint, type EndpointRow, endpointFromRow } from '../endpoints/store.ts';
import type { Project } from '../projects/project.ts';
import { projectFromRow } from '../projects/store.ts';
import { getEndpointGroup } from './groups.ts';

/** The endpoints that were given to a project, by themselves or in a group, disabled ones too. */
export async function endpointsOfProject(db: Knex, projectId: string): Promise<Endpoint[]> {
  const rows: EndpointRow[] = await db('endpoints as e')
    .whereIn('e.id', db('project_endpoints').where({ project_id: projectId }).select('endpoint_id'))
    .orWhereExists(
      db('project_endpoint_groups as p')
        .join('endpoint_groups as g', 'g.id', 'p.endpoint_group_id')
        .where('p.project_id', projectId)
        .whereRaw(matches)
        .select(db.raw('1')),
    )
    .select('e.*')
    .orderBy(['e.service_id', 'e.id']);
  return rows.map(endpointFromRow);
}

export async function endpointsOfGroup(db: Knex, groupId: string): Promise<Endpoint[]> {
  await getEndpointGroup(db, groupId);
  const rows: EndpointRow[] = await db('endpoints as e')
    .join('endpoint_groups as g', (on) => on.onVal('g.id', groupId))
    .whereRaw(matches)
    .select('e.*')
    .orderBy(['e.service_id', 'e.id']);
  return rows.map(endpointFromRow);
}

/** Endpoint `e` has every attribute that the filters of group `g` name; `null` is in no region. */
const matches = `jsonb_build_object('service_id', e.service_id, 'region_id', e.region_id, 'interface', e.interface) @> g.filters`;

/** What is given to projects: single endpoints, and groups of them. */
export type Given = 'endpoint' | 'endpoint group';

const tables = {
  endpoint: { table: 'project_endpoints', column: 'endpoint_id' },
  'endpoint group': { table: 'project_endpoint_groups', column: 'endpoint_group_id' },
} as const;

/** Throws `NotFound` for either that is not there, `Conflict` when it was given already. */
export async function give(db: Knex, kind: Given, id: string, projectId: string): Promise<void> {
  const { table, column } = tables[kind];
  try {
    await db(table).insert({ project_id: projectId, [column]: id });
  } catch (error) {
    const constraint = violatedConstraint(error);
    if (constraint === `${table}_pkey`)
      throw new Conflict(`The ${kind} ${id} is associated with project ${projectId} already.`, { cause: error });
    if (constraint === `${table}_project_id_foreign`) throw new NotFound('project', projectId, { cause: error });
    if (constraint === `${table}_${column}_foreign`) throw new NotFound(kind, id, { cause: error });
    throw error;
  }
}

/** Throws `NotFound` when it was not given. */
export async function takeBack(db: Knex, kind: Given, id: string, projectId: string): Promise<void> {
  const { table, column } = tables[kind];
  const removed = await db(table)
    .where({ project_id: projectId, [column]: id })
    .delete();
  if (removed === 0) throw notGiven(kind, id, projectId);
}

/** Throws `NotFound` when it was not given. */
export async function checkGiven(db: Knex, kind: Given, id: string, projectId: string): Promise<void> {
  const { table, column } = tables[kind];
  const row = await db(table)
    .where({ project_id: projectId, [column]: id })
    .first('project_id');
  if (row === undefined) throw notGiven(kind, id, projectId);
}

const notGiven = (kind: Given, id: string, projectId: string) =>
  new NotFound(`association of ${kind} ${id} with project`, projectId);

/** Whom it was given to, by itself. */
export async function projectsGiven(db: Knex, kind: Given, id: string): Promise<Project[]> {
  const { table, column } = tables[kind];
  const rows = await db('projects')
    .whereIn(
      'id',
      db(table)
        .where({ [column]: id })
        .select('project_id'),
    )
    .orderBy(['name', 'id']);
  return rows.map(projectFromRow);
}
