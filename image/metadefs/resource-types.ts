import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { visibleNamespaces } from './namespaces.ts';

/** A type of things that have properties. */
export interface ResourceType {
  name: string;
  createdAt: Date;
  updatedAt: Date;
}

/** Those that every cloud has, and those that a namespace is for which the caller sees: the others are nobody else's business. */
export async function listResourceTypes(db: Knex, visible: Visible): Promise<ResourceType[]> {
  const query = db('metadef_resource_types')
    .orderBy('name')
    .select({ name: 'name', createdAt: 'created_at', updatedAt: 'updated_at' });
  if (visible === 'everyone') return await query;
  const seen = visibleNamespaces(db, visible).select('id');
  const used = db('metadef_associations').whereIn('namespace_id', seen).select('name');
  return await query.where((any) => any.where('is_shipped', true).orWhereIn('name', used));
}

/** Makes those known that are not. */
export async function ensureResourceTypes(db: Knex, names: string[]): Promise<void> {
  if (names.length === 0) return;
  // In one order for everybody: two that add the same ones would otherwise wait for each other.
  const rows = [...new Set(names)].sort().map((name) => ({ name }));
  await db('metadef_resource_types').insert(rows).onConflict('name').ignore();
}
