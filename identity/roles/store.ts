import { given, type Knex, violatedConstraint } from '../../common/database/database.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { newHexId } from '../../common/ids.ts';
import { applyTextFilters, longestList, pageOf, type TextFilter } from '../api/listing.ts';
import type { Extra } from '../extra.ts';
import type { Options } from '../options.ts';
import type { Role, RoleChanges } from './role.ts';

export interface RoleRow {
  id: string;
  name: string;
  description: string | null;
  domain_id: string | null;
  options: Options;
  extra: Extra;
}

const names = ['id', 'name', 'description', 'domain_id', 'options', 'extra'] as const;
export const roleColumns = names.map((name) => `roles.${name}` as const);

export function fromRow({ id, name, description, domain_id, options, extra }: RoleRow): Role {
  return { id, name, description, domainId: domain_id, options, extra };
}

/** Throws `Conflict` when the name is taken: among everybody's roles, or in the domain. */
export async function insertRole(db: Knex, role: Partial<Omit<Role, 'id'>> & { name: string }): Promise<Role> {
  try {
    const [row] = await db('roles')
      .insert({
        id: newHexId(),
        name: role.name,
        description: role.description ?? null,
        domain_id: role.domainId ?? null,
        options: JSON.stringify(role.options ?? {}),
        extra: JSON.stringify(role.extra ?? {}),
      })
      .returning([...roleColumns]);
    return fromRow(row);
  } catch (error) {
    throw nameTaken(error, role.name);
  }
}

export async function updateRole(db: Knex, id: string, changes: RoleChanges): Promise<Role> {
  const { name, description, options, extra } = changes;
  const columns = given({
    name,
    description,
    options: options && JSON.stringify(options),
    extra: extra && JSON.stringify(extra),
  });
  if (Object.keys(columns).length === 0) return getRole(db, id);
  try {
    const [row] = await db('roles')
      .where({ id })
      .update(columns)
      .returning([...roleColumns]);
    if (row === undefined) throw new NotFound('role', id);
    return fromRow(row);
  } catch (error) {
    throw nameTaken(error, name ?? '');
  }
}

export interface RoleFilter {
  name?: string;
  /** Null: everybody's roles. */
  domainId?: string | null;
  texts?: readonly TextFilter[];
}

/** Everybody's roles, or a domain's own, by name. */
export async function listRoles(db: Knex, filter: RoleFilter): Promise<Role[]> {
  return (await pageOfRoles(db, filter, { limit: longestList, marker: undefined })).roles;
}

export async function pageOfRoles(
  db: Knex,
  { name, domainId = null, texts = [] }: RoleFilter,
  page: PageRequest,
): Promise<{ roles: Role[]; more: boolean }> {
  const query = db('roles')
    .where({ domain_id: domainId, ...given({ name }) })
    .select([...roleColumns]);
  const { rows, more } = await pageOf<RoleRow>(applyTextFilters(query, texts), page);
  return { roles: rows.map(fromRow), more };
}

export async function findRole(db: Knex, id: string): Promise<Role | undefined> {
  const row = await db('roles').where({ id }).first(roleColumns);
  return row && fromRow(row);
}

export async function getRole(db: Knex, id: string): Promise<Role> {
  const role = await findRole(db, id);
  if (role === undefined) throw new NotFound('role', id);
  return role;
}

/** Holds it until the transaction ends: nobody gives it, implies it or changes it meanwhile. */
export async function lockRole(trx: Knex, id: string): Promise<Role> {
  const row = await trx('roles')
    .where({ id })
    .forUpdate()
    .first([...roleColumns]);
  if (row === undefined) throw new NotFound('role', id);
  return fromRow(row);
}

export async function removeRole(db: Knex, id: string): Promise<void> {
  const removed = await db('roles').where({ id }).delete();
  if (removed === 0) throw new NotFound('role', id);
}

function nameTaken(error: unknown, name: string): unknown {
  if (violatedConstraint(error) !== 'roles_name_once') return error;
  return new Conflict(`Conflict occurred attempting to store role - Duplicate entry found with name ${name}.`, {
    cause: error,
  });
}
