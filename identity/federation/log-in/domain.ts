import type { Knex } from '../../../common/database/database.ts';
import type { DomainReference } from '../mappings/mapping.ts';
import { Unmappable } from '../mappings/unmappable.ts';

/** Throws `Unmappable` where there is no such domain. */
export async function domainIdOf(db: Knex, { id, name }: DomainReference): Promise<string> {
  const found = await db('domains')
    .where(id !== undefined ? { id } : { name: name ?? '' })
    .first('id');
  if (found === undefined) throw new Unmappable(`it names the domain ${id ?? name}, which does not exist`);
  return found.id;
}
