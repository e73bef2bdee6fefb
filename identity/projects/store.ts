import { type Knex, violatedConstraint } from '../../common/database/database.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import { newHexId } from '../../common/ids.ts';
import type { Project, ProjectFilter } from './project.ts';

interface ProjectRow {
  id: string;
  domain_id: string;
  parent_id: string | null;
  name: string;
  description: string;
  enabled: boolean;
}

function fromRow(row: ProjectRow): Project {
  const { id, domain_id, parent_id, name, description, enabled } = row;
  return { id, domainId: domain_id, parentId: parent_id, name, description, enabled };
}

export async function insertProject(db: Knex, project: Omit<Project, 'id'>): Promise<Project> {
  try {
    const [row] = await db<ProjectRow>('projects')
      .insert({
        id: newHexId(),
        domain_id: project.domainId,
        parent_id: project.parentId,
        name: project.name,
        description: project.description,
        enabled: project.enabled,
      })
      .returning('*');
    return fromRow(row as ProjectRow);
  } catch (error) {
    throw nameTaken(error, project.name);
  }
}

export async function updateProject(
  db: Knex,
  id: string,
  changes: Partial<Pick<Project, 'name' | 'description' | 'enabled'>>,
): Promise<Project> {
  try {
    const [row] = Object.keys(changes).length
      ? await db<ProjectRow>('projects').where({ id }).update(changes).returning('*')
      : await db<ProjectRow>('projects').where({ id });
    if (row === undefined) throw new NotFound('project', id);
    return fromRow(row);
  } catch (error) {
    throw nameTaken(error, changes.name ?? '');
  }
}

export async function getProject(db: Knex, id: string): Promise<Project> {
  const row = await db<ProjectRow>('projects').where({ id }).first();
  if (row === undefined) throw new NotFound('project', id);
  return fromRow(row);
}

export async function listProjects(db: Knex, filter: ProjectFilter): Promise<Project[]> {
  const query = db<ProjectRow>('projects').orderBy('name').orderBy('id');
  if (filter.name !== undefined) query.where('name', filter.name);
  if (filter.domainId !== undefined) query.where('domain_id', filter.domainId);
  if (filter.enabled !== undefined) query.where('enabled', filter.enabled);
  if (filter.parentId !== undefined) query.whereRaw('coalesce(parent_id, domain_id) = ?', [filter.parentId]); // Keystone shows the domain as the parent of its top projects
  if (filter.forUserId !== undefined)
    query.whereIn(
      'id',
      db('role_assignments').where({ user_id: filter.forUserId }).whereNotNull('project_id').select('project_id'),
    );
  return (await query).map(fromRow);
}

export async function removeProject(db: Knex, id: string): Promise<void> {
  try {
    const removed = await db('projects').where({ id }).delete();
    if (removed === 0) throw new NotFound('project', id);
  } catch (error) {
    if (violatedConstraint(error))
      throw new Conflict(`Project ${id} has projects below it; delete those first.`, { cause: error });
    throw error;
  }
}

function nameTaken(error: unknown, name: string): unknown {
  if (violatedConstraint(error) !== 'projects_domain_id_name_unique') return error;
  return new Conflict(
    `Conflict occurred attempting to store project - it is not permitted to have two projects with the same name in the same domain: ${name}.`,
    { cause: error },
  );
}
