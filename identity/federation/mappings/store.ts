import { type Knex, violatedConstraint } from '../../../common/database/database.ts';
import { NotFound } from '../../../common/errors.ts';
import type { PageRequest } from '../../../common/http/page.ts';
import { pageOf } from '../../api/listing.ts';
import { duplicate } from '../providers/store.ts';
import type { Mapping, SchemaVersion } from './mapping.ts';

interface MappingRow {
  id: string;
  rules: Mapping['rules'];
  schema_version: SchemaVersion;
}

function fromRow({ id, rules, schema_version }: MappingRow): Mapping {
  return { id, rules, schemaVersion: schema_version };
}

/** Throws `Conflict` when there is one of that id. */
export async function insertMapping(db: Knex, { id, rules, schemaVersion }: Mapping): Promise<void> {
  try {
    await db('federation_mappings').insert({ id, rules: JSON.stringify(rules), schema_version: schemaVersion });
  } catch (error) {
    if (!violatedConstraint(error)) throw error;
    throw duplicate('mapping', id, error);
  }
}

/** Throws `NotFound`. */
export async function replaceMapping(db: Knex, { id, rules, schemaVersion }: Mapping): Promise<void> {
  const updated = await db('federation_mappings')
    .where({ id })
    .update({ rules: JSON.stringify(rules), schema_version: schemaVersion });
  if (updated === 0) throw new NotFound('mapping', id);
}

/** Throws `NotFound`. */
export async function getMapping(db: Knex, id: string): Promise<Mapping> {
  const row = await db<MappingRow>('federation_mappings').where({ id }).first();
  if (row === undefined) throw new NotFound('mapping', id);
  return fromRow(row);
}

export async function listMappings(db: Knex, page: PageRequest): Promise<{ mappings: Mapping[]; more: boolean }> {
  const query = db('federation_mappings').select('*');
  const { rows, more } = await pageOf<MappingRow>(query, page, [{ column: 'id', direction: 'asc' }]);
  return { mappings: rows.map(fromRow), more };
}

/** Protocols that refer to it let nobody in until they refer to another. Throws `NotFound`. */
export async function removeMapping(db: Knex, id: string): Promise<void> {
  const removed = await db('federation_mappings').where({ id }).delete();
  if (removed === 0) throw new NotFound('mapping', id);
}
