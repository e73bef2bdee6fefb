import { given, type Knex } from '../../common/database/database.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { applyTextFilters, pageOf } from '../api/listing.ts';
import { type UserRow, userFromRow } from './store.ts';
import type { User, UserFilter } from './user.ts';

export async function listUsers(db: Knex, filter: UserFilter): Promise<User[]> {
  return (await narrowed(db, filter).orderBy('name').orderBy('id').select()).map(userFromRow);
}

export async function pageOfUsers(db: Knex, filter: UserFilter, page: PageRequest) {
  const { rows, more } = await pageOf<UserRow>(narrowed(db, filter), page);
  return { rows: rows.map(userFromRow), more };
}

function narrowed(db: Knex, filter: UserFilter) {
  const { name, domainId, enabled, groupId, federated = {} } = filter;
  const query = db<UserRow>('users').where(given({ name, domain_id: domainId, enabled }));
  applyTextFilters(query, filter.texts ?? []);
  for (const { operator, time } of filter.passwordExpires ?? []) query.where('password_expires_at', operator, time);
  if (groupId !== undefined)
    // Not as a union: of an append the planner takes whatever is shorter, all members or all users in order.
    query.whereRaw(
      `id in (select user_id from (
         select group_id, user_id from group_members
         union all select group_id, user_id from federated_group_members where expires_at > now()
       ) as members where group_id = ?)`,
      [groupId],
    );
  const identity = given({
    identity_provider_id: federated.identityProviderId,
    protocol_id: federated.protocolId,
    unique_id: federated.uniqueId,
  });
  if (Object.keys(identity).length > 0) query.whereIn('id', db('federated_users').where(identity).select('user_id'));
  return query;
}
