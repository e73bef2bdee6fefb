import { given, type Knex, violatedConstraint } from '../../common/database/database.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { newHexId } from '../../common/ids.ts';
import { applyTextFilters, pageOf } from '../api/listing.ts';
import type { Extra } from '../extra.ts';
import type { Group, GroupFilter, Membership } from './group.ts';

interface GroupRow {
  id: string;
  domain_id: string;
  name: string;
  description: string;
  extra: Extra;
}

function fromRow({ id, domain_id, name, description, extra }: GroupRow): Group {
  return { id, domainId: domain_id, name, description, extra };
}

export async function insertGroup(db: Knex, { domainId, ...group }: Omit<Group, 'id'>): Promise<Group> {
  try {
    const [row] = await db('groups')
      .insert({ ...group, id: newHexId(), domain_id: domainId })
      .returning('*');
    return fromRow(row);
  } catch (error) {
    throw nameTaken(error, group.name);
  }
}

export async function updateGroup(
  db: Knex,
  id: string,
  changes: Partial<Omit<Group, 'id' | 'domainId'>>,
): Promise<Group> {
  if (Object.keys(changes).length === 0) return getGroup(db, id);
  try {
    const [row] = await db('groups').where({ id }).update(changes).returning('*');
    if (row === undefined) throw new NotFound('group', id);
    return fromRow(row);
  } catch (error) {
    throw nameTaken(error, changes.name ?? '');
  }
}

export async function getGroup(db: Knex, id: string): Promise<Group> {
  const row = await db<GroupRow>('groups').where({ id }).first();
  if (row === undefined) throw new NotFound('group', id);
  return fromRow(row);
}

/** Nobody else changes it, or puts anybody into it, for the rest of the transaction. */
export async function lockGroup(trx: Knex, id: string): Promise<Group> {
  const row = await trx<GroupRow>('groups').where({ id }).forUpdate().first();
  if (row === undefined) throw new NotFound('group', id);
  return fromRow(row);
}

export async function pageOfGroups(db: Knex, { domainId, texts = [] }: GroupFilter, page: PageRequest) {
  const query = db<GroupRow>('groups').where(given({ domain_id: domainId }));
  const { rows, more } = await pageOf<GroupRow>(applyTextFilters(query, texts), page);
  return { rows: rows.map(fromRow), more };
}

/** The groups that a user is in, also those that a login elsewhere put them into for a while. */
export async function pageOfMemberships(
  db: Knex,
  userId: string,
  { domainId, texts = [] }: GroupFilter,
  page: PageRequest,
): Promise<{ rows: Membership[]; more: boolean }> {
  const memberships = db.raw(
    `(select g.*, m.expires_at from groups g join (
        select group_id, null::timestamptz as expires_at from group_members where user_id = :userId
        union all
        select f.group_id, max(f.expires_at) from federated_group_members f
         where f.user_id = :userId and f.expires_at > now() and not exists
           (select 1 from group_members where user_id = :userId and group_id = f.group_id)
         group by f.group_id
      ) m on m.group_id = g.id) as memberships`,
    { userId },
  );
  const query = db
    .from(memberships)
    .where(given({ domain_id: domainId }))
    .select('*');
  const { rows, more } = await pageOf<GroupRow & { expires_at: Date | null }>(applyTextFilters(query, texts), page);
  return { rows: rows.map((row) => ({ ...fromRow(row), expiresAt: row.expires_at })), more };
}

/** Being in a group twice is being in it once. */
export async function addMember(db: Knex, groupId: string, userId: string): Promise<void> {
  await db('group_members').insert({ group_id: groupId, user_id: userId }).onConflict().ignore();
}

/** False when the user was not in it. */
export async function removeMember(db: Knex, groupId: string, userId: string): Promise<boolean> {
  const member = { group_id: groupId, user_id: userId };
  const removed = await db('group_members').where(member).delete();
  const removedForAWhile = await db('federated_group_members').where(member).delete();
  return removed + removedForAWhile > 0;
}

export async function isMember(db: Knex, groupId: string, userId: string): Promise<boolean> {
  const member = { group_id: groupId, user_id: userId };
  if (await db('group_members').where(member).first('user_id')) return true;
  const forAWhile = db('federated_group_members').where(member).where('expires_at', '>', db.fn.now());
  return (await forAWhile.first('user_id')) !== undefined;
}

export async function listMemberIds(db: Knex, groupId: string): Promise<string[]> {
  const { rows } = await db.raw(
    `select user_id from group_members where group_id = :groupId
     union select user_id from federated_group_members where group_id = :groupId`,
    { groupId },
  );
  return rows.map((row: { user_id: string }) => row.user_id);
}

export async function isGrantedAnything(db: Knex, groupId: string): Promise<boolean> {
  return (await db('role_assignments').where({ group_id: groupId }).first('role_id')) !== undefined;
}

export async function removeGroup(trx: Knex, id: string): Promise<void> {
  await trx('groups').where({ id }).delete();
}

function nameTaken(error: unknown, name: string): unknown {
  if (violatedConstraint(error) !== 'groups_domain_id_name_unique') return error;
  return new Conflict(`Conflict occurred attempting to store group - Duplicate entry found with name ${name}.`, {
    cause: error,
  });
}
