import { given, type Knex, violatedConstraint } from '../../common/database/database.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import { newHexId } from '../../common/ids.ts';
import type { Extra } from '../extra.ts';
import type { Options } from '../options.ts';
import type { User } from './user.ts';

export { listUsers, pageOfUsers } from './list.ts';

export interface UserRow {
  id: string;
  domain_id: string;
  name: string;
  description: string | null;
  email: string | null;
  default_project_id: string | null;
  enabled: boolean;
  password_expires_at: Date | null;
  options: Options;
  extra: Extra;
}

export function userFromRow(row: UserRow): User {
  return {
    id: row.id,
    domainId: row.domain_id,
    name: row.name,
    description: row.description,
    email: row.email,
    defaultProjectId: row.default_project_id,
    enabled: row.enabled,
    passwordExpiresAt: row.password_expires_at,
    options: row.options,
    extra: row.extra,
  };
}

export type UserChanges = Partial<Omit<User, 'id' | 'domainId' | 'passwordExpiresAt'>>;

function toColumns(changes: UserChanges) {
  const { name, description, email, defaultProjectId, enabled, options, extra } = changes;
  const columns = {
    name,
    description,
    email,
    enabled,
    default_project_id: defaultProjectId,
    options,
    extra,
  };
  return given(columns);
}

export async function insertUser(db: Knex, domainId: string, user: UserChanges & { name: string }): Promise<User> {
  try {
    const [row] = await db('users')
      .insert({ id: newHexId(), domain_id: domainId, ...toColumns(user) })
      .returning('*');
    return userFromRow(row);
  } catch (error) {
    throw nameTaken(error, user.name);
  }
}

export async function updateUser(db: Knex, id: string, changes: UserChanges): Promise<User> {
  const columns = toColumns(changes);
  if (Object.keys(columns).length === 0) return getUser(db, id);
  try {
    const [row] = await db('users').where({ id }).update(columns).returning('*');
    if (row === undefined) throw new NotFound('user', id);
    return userFromRow(row);
  } catch (error) {
    throw nameTaken(error, changes.name ?? '');
  }
}

export async function getUser(db: Knex, id: string): Promise<User> {
  const row = await db<UserRow>('users').where({ id }).first();
  if (row === undefined) throw new NotFound('user', id);
  return userFromRow(row);
}

/** Nobody else changes them for the rest of the transaction. */
export async function lockUser(trx: Knex, id: string): Promise<User> {
  const row = await trx<UserRow>('users').where({ id }).forUpdate().first();
  if (row === undefined) throw new NotFound('user', id);
  return userFromRow(row);
}

export async function removeUser(db: Knex, id: string): Promise<void> {
  const removed = await db('users').where({ id }).delete();
  if (removed === 0) throw new NotFound('user', id);
}

function nameTaken(error: unknown, name: string): unknown {
  if (violatedConstraint(error) !== 'users_domain_id_name_unique') return error;
  return new Conflict(`Conflict occurred attempting to store user - Duplicate entry found with name ${name}.`, {
    cause: error,
  });
}
