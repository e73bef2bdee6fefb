import type { Knex } from '../../common/database/database.ts';

/** A column `tags` with the tags of the row's object, sorted. */
export function tagsOf(db: Knex, idColumn: string): Knex.Raw {
  return db.raw(`array(select t.tag from network_tags t where t.resource_id = ?? order by t.tag) as tags`, [idColumn]);
}

export async function addTags(trx: Knex, resourceId: string, tags: readonly string[]): Promise<void> {
  if (tags.length === 0) return;
  await trx('network_tags')
    .insert(tags.map((tag) => ({ resource_id: resourceId, tag })))
    .onConflict(['resource_id', 'tag'])
    .ignore();
}

/** Removes the given tags, or all; returns how many there were. */
export async function removeTags(trx: Knex, resourceId: string, tags?: readonly string[]): Promise<number> {
  const query = trx('network_tags').where({ resource_id: resourceId });
  if (tags) query.whereIn('tag', [...tags]);
  return await query.delete();
}
