import type { Knex } from '../../common/database/database.ts';
import type { Project } from './project.ts';
import { projectFromRow } from './store.ts';

const above = `with recursive above(id, level) as (
    select parent_id, 1 from projects where id = :id and parent_id is not null
    union all select p.parent_id, level + 1 from above a join projects p on p.id = a.id where p.parent_id is not null
  )`;

const below = `with recursive below(id, level) as (
    select id, 1 from projects where (parent_id = :id or (parent_id is null and domain_id = :id))
    union all select p.id, level + 1 from below b join projects p on p.parent_id = b.id
  )`;

/** The projects above one, the nearest first. */
export async function listParents(db: Knex, id: string): Promise<Project[]> {
  const { rows } = await db.raw(`${above} select p.* from above a join projects p on p.id = a.id order by level`, {
    id,
  });
  return rows.map(projectFromRow);
}

/** All projects below a project, or in a domain; those nearer to it first. */
export async function listSubtree(db: Knex, id: string): Promise<Project[]> {
  const { rows } = await db.raw(
    `${below} select p.* from below b join projects p on p.id = b.id order by level, p.name, p.id`,
    { id },
  );
  return rows.map(projectFromRow);
}

/** A project and those above it, the nearest first, which nobody changes for the rest of the transaction. Empty when it is not there. */
export async function lockBranch(trx: Knex, id: string): Promise<Project[]> {
  // What is above a project never changes, so what is locked is what was found.
  const ids: string[] = [id, ...(await listParents(trx, id)).map((project) => project.id)];
  const rows = await trx('projects').whereIn('id', ids).orderBy('id').forShare();
  const byId = new Map(rows.map((row) => [row.id as string, projectFromRow(row)]));
  return ids.flatMap((each) => byId.get(each) ?? []);
}

export type IdTree = { [id: string]: IdTree | null };

/** `{parent: {its parent: … {domain: null}}}`, as `parents_as_ids` asks. */
export function parentsAsIds(project: Project, parents: readonly Project[]): IdTree | null {
  const ids = [...parents.map(({ id }) => id), project.domainId];
  return ids.reduceRight<IdTree | null>((inner, id) => ({ [id]: inner }), null);
}

/** `{child: {grandchild: null}, …}`, as `subtree_as_ids` asks; null when nothing is below. */
export function subtreeAsIds(id: string, subtree: readonly Project[]): IdTree | null {
  const children = subtree.filter((project) => (project.parentId ?? project.domainId) === id);
  if (children.length === 0) return null;
  return Object.fromEntries(children.map((child) => [child.id, subtreeAsIds(child.id, subtree)]));
}
