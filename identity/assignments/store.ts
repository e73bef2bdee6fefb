/** The SQL of assignments as they were given; what follows from them is in effective.ts. */
import { type Knex, violatedConstraint } from '../../common/database/database.ts';
import { Conflict } from '../../common/errors.ts';
import type { Role } from '../roles/role.ts';
import { fromRow, roleColumns } from '../roles/store.ts';
import type { Actor, Grant, Target } from './assignment.ts';

/** Giving a role twice is giving it once. Throws `Conflict` when one of the things named is gone since it was looked up. */
export async function insertGrant(db: Knex, grant: Grant): Promise<void> {
  try {
    await db('role_assignments').insert(columnsOf(grant)).onConflict().ignore();
  } catch (error) {
    if (violatedConstraint(error) === undefined) throw error;
    throw new Conflict('Something that the role assignment is about was deleted meanwhile.', { cause: error });
  }
}

/** Gives a user a role on a target, as an operator's commands do. */
export async function assignRole(db: Knex, userId: string, roleId: string, target: Target): Promise<void> {
  await insertGrant(db, { actor: { userId }, roleId, target, isInherited: false });
}

/** The row of a grant, if there is one. */
export function rowsOf(db: Knex, grant: Grant): Knex.QueryBuilder {
  return db('role_assignments').where(columnsOf(grant));
}

/** The roles given to somebody on exactly this target, by name; not what they imply. */
export async function rolesGiven(
  db: Knex,
  actor: Actor,
  target: Target,
  { isInherited = false }: { isInherited?: boolean } = {},
): Promise<Role[]> {
  const { role_id: _, ...place } = columnsOf({ actor, roleId: '', target, isInherited });
  const rows = await db('roles')
    .whereIn('id', db('role_assignments').where(place).select('role_id'))
    .select([...roleColumns])
    .orderBy(['name', 'id']);
  return rows.map(fromRow);
}

function columnsOf({ actor, roleId, target, isInherited }: Grant) {
  return {
    user_id: 'userId' in actor ? actor.userId : null,
    group_id: 'groupId' in actor ? actor.groupId : null,
    role_id: roleId,
    project_id: target !== 'system' && 'projectId' in target ? target.projectId : null,
    domain_id: target !== 'system' && 'domainId' in target ? target.domainId : null,
    system: target === 'system',
    inherited: isInherited,
  };
}
