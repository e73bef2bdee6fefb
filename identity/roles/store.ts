import { given, type Knex, violatedConstraint } from '../../common/database/database.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import { newHexId } from '../../common/ids.ts';

export interface Role {
  id: string;
  name: string;
  description: string | null;
}

/** What a role is given on. */
export type Target = { projectId: string } | { domainId: string } | 'system';

export interface Assignment {
  userId: string;
  role: Role;
  target: Target;
}

const columns = ['roles.id', 'roles.name', 'roles.description'];

export async function insertRole(db: Knex, role: { name: string; description: string | null }): Promise<Role> {
  try {
    const [row] = await db('roles')
      .insert({ id: newHexId(), ...role })
      .returning(['id', 'name', 'description']);
    return row;
  } catch (error) {
    if (!violatedConstraint(error)) throw error;
    throw new Conflict(`Conflict occurred attempting to store role - Duplicate entry found with name ${role.name}.`, {
      cause: error,
    });
  }
}

export async function listRoles(db: Knex, filter: { name?: string }): Promise<Role[]> {
  return db('roles').where(given(filter)).select(columns).orderBy('name');
}

export async function getRole(db: Knex, id: string): Promise<Role> {
  const row = await db('roles').where({ id }).first(columns);
  if (row === undefined) throw new NotFound('role', id);
  return row;
}

export async function removeRole(db: Knex, id: string): Promise<void> {
  const removed = await db('roles').where({ id }).delete();
  if (removed === 0) throw new NotFound('role', id);
}

/** Who has the prior role has the implied one too. */
export async function imply(db: Knex, priorRoleId: string, impliedRoleId: string): Promise<void> {
  await db('role_implications')
    .insert({ prior_role_id: priorRoleId, implied_role_id: impliedRoleId })
    .onConflict()
    .ignore();
}

/** Giving a role twice is giving it once. */
export async function assignRole(db: Knex, userId: string, roleId: string, target: Target): Promise<void> {
  await db('role_assignments')
    .insert({ user_id: userId, role_id: roleId, ...targetColumns(target) })
    .onConflict()
    .ignore();
}

export async function removeAssignment(db: Knex, userId: string, roleId: string, target: Target): Promise<boolean> {
  const removed = await db('role_assignments')
    .where({ user_id: userId, role_id: roleId, ...targetColumns(target) })
    .delete();
  return removed > 0;
}

/** The roles given to a user on exactly this target, without what they imply. */
export async function rolesOn(db: Knex, userId: string, target: Target): Promise<Role[]> {
  return db('role_assignments')
    .join('roles', 'roles.id', 'role_assignments.role_id')
    .where({ user_id: userId, ...targetCondition(target) })
    .select(columns)
    .orderBy('roles.name');
}

/** The roles a token on this target carries: those given and, transitively, those implied. */
export async function effectiveRolesOn(db: Knex, userId: string, target: Target): Promise<Role[]> {
  return db
    .withRecursive('held', (given) => {
      given
        .select('role_id')
        .from('role_assignments')
        .where({ user_id: userId, ...targetCondition(target) })
        .union((implied) => {
          implied
            .select('implied_role_id')
            .from('role_implications')
            .join('held', 'held.role_id', 'role_implications.prior_role_id');
        });
    })
    .from('held')
    .join('roles', 'roles.id', 'held.role_id')
    .select(columns)
    .orderBy('roles.name');
}

export async function listAssignments(
  db: Knex,
  filter: { userId?: string; roleId?: string; target?: Target },
): Promise<Assignment[]> {
  const query = db('role_assignments')
    .join('roles', 'roles.id', 'role_assignments.role_id')
    .select([...columns, 'user_id', 'project_id', 'role_assignments.domain_id'])
    .orderBy(['user_id', 'roles.name', 'project_id', 'role_assignments.domain_id']);
  if (filter.userId !== undefined) query.where('user_id', filter.userId);
  if (filter.roleId !== undefined) query.where('role_id', filter.roleId);
  if (filter.target !== undefined) query.where(targetCondition(filter.target));
  const rows = await query;
  return rows.map((row) => ({
    userId: row.user_id,
    role: { id: row.id, name: row.name, description: row.description },
    target: row.project_id ? { projectId: row.project_id } : row.domain_id ? { domainId: row.domain_id } : 'system',
  }));
}

function targetColumns(target: Target) {
  if (target === 'system') return { project_id: null, domain_id: null, system: true };
  if ('projectId' in target) return { project_id: target.projectId, domain_id: null, system: false };
  return { project_id: null, domain_id: target.domainId, system: false };
}

function targetCondition(target: Target) {
  const columns = Object.entries(targetColumns(target));
  return Object.fromEntries(columns.map(([column, value]) => [`role_assignments.${column}`, value]));
}
