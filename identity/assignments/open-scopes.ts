/** The scopes for which somebody could have a token, as far as roles decide it: those on which one reaches them. */
import type { Knex } from '../../common/database/database.ts';
import { effectiveAssignments } from './effective.ts';

export interface Holder {
  userId: string;
  /** Groups that only the user's login puts them in (federation). */
  groupIds?: readonly string[];
}

/** A subquery of ids, for `whereIn`: whoever asks decides what else is true of the projects. */
export function projectsOpenTo(db: Knex, holder: Holder): Knex.Raw {
  return scopesOf(db, holder, 'project_id');
}

/** A subquery of ids, for `whereIn`. */
export function domainsOpenTo(db: Knex, holder: Holder): Knex.Raw {
  return scopesOf(db, holder, 'domain_id');
}

export async function hasSystemRole(db: Knex, { userId, groupIds = [] }: Holder): Promise<boolean> {
  const { sql, bindings } = effectiveAssignments({ userId, groupIds, target: 'system' });
  const { rows } = await db.raw(
    `with recursive ${sql} select exists (select from listed) as has`,
    bindings as Record<string, Knex.RawBinding>,
  );
  return rows[0].has;
}

function scopesOf(db: Knex, { userId, groupIds = [] }: Holder, column: 'project_id' | 'domain_id'): Knex.Raw {
  const { sql, bindings } = effectiveAssignments({ userId, groupIds });
  return db.raw(
    `(with recursive ${sql} select ${column} from listed where ${column} is not null)`,
    bindings as Record<string, Knex.RawBinding>,
  );
}
