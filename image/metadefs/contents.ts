/** All SQL about what is in namespaces: four kinds of things, each known by its name there. */
import { type Knex, violatedConstraint } from '../../common/database/database.ts';
import { type SortKey, selectPage } from '../../common/database/page.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import type {
  Association,
  ObjectDefinition,
  PropertyDefinition,
  PropertySchema,
  PropertySchemas,
  Stored,
  StoredContents,
  TagDefinition,
} from './definition.ts';

interface KindNames {
  table: string;
  /** In messages. */
  word: string;
}

/** How one kind is kept. */
export interface Kind<T extends { name: string }> extends KindNames {
  /** Its columns beside its name. */
  toRow(value: T): object;
  fromRow(row: Row): T;
}

interface Row {
  namespace_id: string;
  name: string;
  created_at: Date;
  updated_at: Date;
  description: string | null;
  required: string[];
  properties: PropertySchemas;
  schema: PropertySchema;
  prefix: string | null;
  properties_target: string | null;
}

export const objects: Kind<ObjectDefinition> = {
  table: 'metadef_objects',
  word: 'Object',
  toRow: ({ description, required, properties }) => ({
    description,
    required,
    properties: JSON.stringify(properties),
  }),
  fromRow: ({ name, description, required, properties }) => ({ name, description, required, properties }),
};

export const properties: Kind<PropertyDefinition> = {
  table: 'metadef_properties',
  word: 'Property',
  toRow: ({ schema }) => ({ schema: JSON.stringify(schema) }),
  fromRow: ({ name, schema }) => ({ name, schema }),
};

export const tags: Kind<TagDefinition> = {
  table: 'metadef_tags',
  word: 'Tag',
  toRow: () => ({}),
  fromRow: ({ name }) => ({ name }),
};

export const associations: Kind<Association> = {
  table: 'metadef_associations',
  word: 'Resource type association',
  toRow: ({ prefix, propertiesTarget }) => ({ prefix, properties_target: propertiesTarget }),
  fromRow: ({ name, prefix, properties_target }) => ({ name, prefix, propertiesTarget: properties_target }),
};

/** What lists of objects and tags may be sorted by. */
export const sortColumns = { name: 'name', created_at: 'created_at', updated_at: 'updated_at' };

/** All of a kind, the oldest first. */
export async function listContents<T extends { name: string }>(
  db: Knex,
  kind: Kind<T>,
  namespaceId: string,
): Promise<Stored<T>[]> {
  const rows: Row[] = await db(kind.table).where('namespace_id', namespaceId).orderBy(['created_at', 'name']);
  return rows.map((row) => stored(kind, row));
}

/** A page of a kind; the marker is a name. */
export async function listContentsPage<T extends { name: string }>(
  db: Knex,
  kind: Kind<T>,
  namespaceId: string,
  page: PageRequest,
  keys: SortKey[],
): Promise<Stored<T>[]> {
  const query = db(kind.table).where('namespace_id', namespaceId).select('*');
  const { rows } = await selectPage<Row>(query, page, keys, { idColumn: 'name' });
  return rows.map((row) => stored(kind, row));
}

export async function readContents(db: Knex, namespaceId: string): Promise<StoredContents> {
  return {
    associations: await listContents(db, associations, namespaceId),
    objects: await listContents(db, objects, namespaceId),
    properties: await listContents(db, properties, namespaceId),
    tags: await listContents(db, tags, namespaceId),
  };
}

/** By namespace: all associations of several of them, in one query. */
export async function associationsOf(
  db: Knex,
  namespaceIds: string[],
): Promise<ReadonlyMap<string, Stored<Association>[]>> {
  const rows: Row[] = await db(associations.table)
    .whereIn('namespace_id', namespaceIds)
    .orderBy(['created_at', 'name']);
  const grouped = Map.groupBy(rows, (row) => row.namespace_id);
  return new Map([...grouped].map(([id, some]) => [id, some.map((row) => stored(associations, row))]));
}

export async function getContent<T extends { name: string }>(
  db: Knex,
  kind: Kind<T>,
  namespaceId: string,
  name: string,
): Promise<Stored<T>> {
  const row = await db(kind.table).where({ namespace_id: namespaceId, name }).first<Row | undefined>();
  if (row === undefined) throw new NotFound(kind.word, name);
  return stored(kind, row);
}

/** Throws `Conflict` for the first name that is taken or comes twice. */
export async function insertContents<T extends { name: string }>(
  trx: Knex,
  kind: Kind<T>,
  namespaceId: string,
  values: T[],
): Promise<Stored<T>[]> {
  const names = new Set<string>();
  for (const { name } of values) {
    if (names.has(name)) throw new Conflict(`${kind.word} ${name} is given twice.`);
    names.add(name);
  }
  if (values.length === 0) return [];
  const taken = await trx(kind.table)
    .where('namespace_id', namespaceId)
    .whereIn('name', [...names])
    .first('name');
  if (taken) throw new Conflict(`${kind.word} ${taken.name} already exists in this namespace.`);
  const added = values.map((value) => ({ namespace_id: namespaceId, name: value.name, ...kind.toRow(value) }));
  const rows = await unlessTaken(kind, () => trx(kind.table).insert(added).returning('*'));
  return rows.map((row) => stored(kind, row));
}

export async function updateContent<T extends { name: string }>(
  trx: Knex,
  kind: Kind<T>,
  namespaceId: string,
  name: string,
  value: T,
): Promise<Stored<T>> {
  const changed = { name: value.name, ...kind.toRow(value), updated_at: trx.fn.now(3) };
  const where = { namespace_id: namespaceId, name };
  const [row] = await unlessTaken(kind, () => trx(kind.table).where(where).update(changed).returning('*'));
  if (row === undefined) throw new NotFound(kind.word, name);
  return stored(kind, row);
}

/** One by its name, or all. */
export async function removeContents(
  trx: Knex,
  { table }: KindNames,
  namespaceId: string,
  name?: string,
): Promise<void> {
  const query = trx(table).where('namespace_id', namespaceId);
  await (name === undefined ? query : query.where({ name })).delete();
}

async function unlessTaken({ table, word }: KindNames, write: () => Promise<Row[]>): Promise<Row[]> {
  try {
    return await write();
  } catch (error) {
    if (violatedConstraint(error) !== `${table}_pkey`) throw error;
    throw new Conflict(`${word} of that name already exists in this namespace.`);
  }
}

function stored<T extends { name: string }>(kind: Kind<T>, row: Row): Stored<T> {
  return { ...kind.fromRow(row), createdAt: row.created_at, updatedAt: row.updated_at };
}
