import type { Knex } from '../../../common/database/database.ts';
import type { DomainReference } from '../mappings/mapping.ts';
import { Unmappable } from '../mappings/unmappable.ts';

/** Of a domain that stays until the transaction ends. Throws `Unmappable` where there is none. */
export async function domainIdOf(trx: Knex, { id, name }: DomainReference): Promise<string> {
  const found = await trx('domains')
    .where(id !== undefined ? { id } : { name: name ?? '' })
    .forKeyShare()
    .first('id');
  if (found === undefined) throw new Unmappable(`it names the domain ${id ?? name}, which does not exist`);
  return found.id;
}
