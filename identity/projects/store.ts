import { type Knex, violatedConstraint } from '../../common/database/database.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { newHexId } from '../../common/ids.ts';
import { applyTextFilters, pageOf } from '../api/listing.ts';
import { projectsOpenTo } from '../assignments/open-scopes.ts';
import type { Extra } from '../extra.ts';
import type { Options } from '../options.ts';
import type { Project, ProjectFilter } from './project.ts';
import { applyTagFilter } from './tags.ts';

interface ProjectRow {
  id: string;
  domain_id: string;
  parent_id: string | null;
  name: string;
  description: string;
  enabled: boolean;
  tags: string[];
  options: Options;
  extra: Extra;
}

export function projectFromRow(row: ProjectRow): Project {
  const { id, domain_id, parent_id, name, description, enabled, tags, options, extra } = row;
  return { id, domainId: domain_id, parentId: parent_id, name, description, enabled, tags, options, extra };
}

export type NewProject = Omit<Project, 'id' | 'tags' | 'options' | 'extra'> & Partial<Project>;
export type ProjectColumns = Partial<Omit<Project, 'id' | 'domainId' | 'parentId'>>;

export async function insertProject(db: Knex, project: NewProject): Promise<Project> {
  const { domainId, parentId, ...columns } = project;
  try {
    const [row] = await db<ProjectRow>('projects')
      .insert({ id: newHexId(), ...columns, domain_id: domainId, parent_id: parentId })
      .returning('*');
    return projectFromRow(row as ProjectRow);
  } catch (error) {
    throw nameTaken(error, project.name);
  }
}

export async function updateProject(db: Knex, id: string, changes: ProjectColumns): Promise<Project> {
  if (Object.keys(changes).length === 0) return getProject(db, id);
  try {
    const [row] = await db<ProjectRow>('projects').where({ id }).update(changes).returning('*');
    if (row === undefined) throw new NotFound('project', id);
    return projectFromRow(row);
  } catch (error) {
    throw nameTaken(error, changes.name ?? '');
  }
}

export async function findProject(db: Knex, id: string): Promise<Project | undefined> {
  const row = await db<ProjectRow>('projects').where({ id }).first();
  return row && projectFromRow(row);
}

export async function getProject(db: Knex, id: string): Promise<Project> {
  const project = await findProject(db, id);
  if (project === undefined) throw new NotFound('project', id);
  return project;
}

/** Nobody else changes it, or puts a project below it, for the rest of the transaction. */
export async function lockProject(trx: Knex, id: string): Promise<Project> {
  const row = await trx<ProjectRow>('projects').where({ id }).forUpdate().first();
  if (row === undefined) throw new NotFound('project', id);
  return projectFromRow(row);
}

function narrowed(db: Knex, filter: ProjectFilter) {
  const query = db<ProjectRow>('projects');
  if (filter.name !== undefined) query.where('name', filter.name);
  if (filter.domainId !== undefined) query.where('domain_id', filter.domainId);
  if (filter.enabled !== undefined) query.where('enabled', filter.enabled);
  if (filter.parentId !== undefined) {
    const { parentId } = filter; // Keystone shows the domain as the parent of its top projects
    query.where((either) =>
      either.where('parent_id', parentId).orWhere((top) => top.whereNull('parent_id').where('domain_id', parentId)),
    );
  }
  if (filter.openTo !== undefined) query.whereRaw('id in ?', [projectsOpenTo(db, filter.openTo)]);
  if (filter.isDomainEnabled) query.whereIn('domain_id', db('domains').where({ enabled: true }).select('id'));
  applyTextFilters(query, filter.texts ?? []);
  applyTagFilter(query, filter.tags);
  return query;
}

export async function listProjects(db: Knex, filter: ProjectFilter): Promise<Project[]> {
  return (await narrowed(db, filter).orderBy('name').orderBy('id').select()).map(projectFromRow);
}

export async function pageOfProjects(db: Knex, filter: ProjectFilter, page: PageRequest) {
  const { rows, more } = await pageOf<ProjectRow>(narrowed(db, filter), page);
  return { rows: rows.map(projectFromRow), more };
}

export async function hasChildren(db: Knex, id: string): Promise<boolean> {
  return (await db('projects').where({ parent_id: id }).first('id')) !== undefined;
}

/** Removes a project that none is below, and forgets it as anybody's default. */
export async function removeProject(trx: Knex, id: string): Promise<void> {
  const removed = await trx('projects').where({ id }).delete();
  if (removed === 0) throw new NotFound('project', id);
  await trx('users').where({ default_project_id: id }).update({ default_project_id: null });
}

function nameTaken(error: unknown, name: string): unknown {
  if (violatedConstraint(error) !== 'projects_domain_id_name_unique') return error;
  return new Conflict(
    `Conflict occurred attempting to store project - it is not permitted to have two projects with the same name in the same domain: ${name}.`,
    { cause: error },
  );
}
