/** All SQL about namespaces themselves. */
import type { Visible } from '../../common/context.ts';
import { given, type Knex, violatedConstraint } from '../../common/database/database.ts';
import { type SortKey, selectPage } from '../../common/database/page.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import type { EditableNamespace, Namespace } from './definition.ts';

const columns = {
  id: 'id',
  name: 'namespace',
  displayName: 'display_name',
  description: 'description',
  visibility: 'visibility',
  isProtected: 'is_protected',
  owner: 'owner',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
} as const;

/** What a list may be sorted by, as the API names it. */
export const sortColumns = {
  namespace: 'namespace',
  display_name: 'sort_display_name',
  visibility: 'visibility',
  protected: 'is_protected',
  owner: 'owner',
  created_at: 'created_at',
  updated_at: 'updated_at',
};

export interface NamespaceFilter {
  visibility?: 'public' | 'private';
  /** Associated with any of them. */
  resourceTypes?: string[];
}

/** Those that are public, the project's own, or, to an administrator, all. */
export function visibleNamespaces(db: Knex, visible: Visible): Knex.QueryBuilder {
  const query = db('metadef_namespaces');
  if (visible === 'everyone') return query;
  return query.where((any) => any.where('visibility', 'public').orWhere('owner', visible.projectId));
}

/** One page; the marker is a namespace's name. Throws `BadRequest` for a marker that the filter leaves out. */
export async function listNamespaces(
  db: Knex,
  visible: Visible,
  { visibility, resourceTypes }: NamespaceFilter,
  page: PageRequest,
  keys: SortKey[],
): Promise<{ namespaces: Namespace[]; more: boolean }> {
  const query = visibleNamespaces(db, visible).where(given({ visibility })).select('metadef_namespaces.*');
  if (resourceTypes)
    query.whereIn('id', db('metadef_associations').whereIn('name', resourceTypes).select('namespace_id'));
  const { rows, more } = await selectPage<Row>(query, page, keys, { idColumn: 'namespace' });
  return { namespaces: rows.map(fromRow), more };
}

/** Another project's private namespace is not found, as one that does not exist. */
export async function getNamespace(db: Knex, visible: Visible, name: string): Promise<Namespace> {
  const row = await visibleNamespaces(db, visible).where('namespace', name).first<Row | undefined>();
  if (row === undefined) throw new NotFound('Namespace', name);
  return fromRow(row);
}

/** As `getNamespace`, and holds it for the transaction: whoever writes it or what is in it waits for each other. */
export async function lockNamespace(trx: Knex, visible: Visible, name: string): Promise<Namespace> {
  const row = await visibleNamespaces(trx, visible).where('namespace', name).forUpdate().first<Row | undefined>();
  if (row === undefined) throw new NotFound('Namespace', name);
  return fromRow(row);
}

export async function insertNamespace(db: Knex, asked: EditableNamespace): Promise<Namespace> {
  return await written(asked, () => db('metadef_namespaces').insert(toRow(asked)).returning('*'));
}

export async function updateNamespace(db: Knex, id: string, asked: EditableNamespace): Promise<Namespace> {
  const changed = { ...toRow(asked), updated_at: db.fn.now(3) };
  return await written(asked, () => db('metadef_namespaces').where({ id }).update(changed).returning('*'));
}

/** With all that is in it. */
export async function removeNamespace(db: Knex, id: string): Promise<void> {
  await db('metadef_namespaces').where({ id }).delete();
}

async function written({ name }: EditableNamespace, write: () => Promise<Row[]>): Promise<Namespace> {
  try {
    const [row] = await write();
    return fromRow(row as Row); // one was written
  } catch (error) {
    if (violatedConstraint(error) !== 'metadef_namespaces_name') throw error;
    throw new Conflict(`The metadata definition namespace ${name} already exists.`);
  }
}

type Row = { [K in keyof typeof columns as (typeof columns)[K]]: Namespace[K] };

function fromRow(row: Row): Namespace {
  return Object.fromEntries(Object.entries(columns).map(([key, column]) => [key, row[column]])) as unknown as Namespace; // by the type of Row, each column has its field's type
}

function toRow(asked: EditableNamespace) {
  return {
    namespace: asked.name,
    display_name: asked.displayName,
    description: asked.description,
    visibility: asked.visibility,
    is_protected: asked.isProtected,
    owner: asked.owner,
  };
}
