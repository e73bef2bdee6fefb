import type { Knex } from '../../common/database/database.ts';
import type { Subject } from '../tokens/revocations.ts';

/** Above this many whole domains are logged out instead: every process keeps what was revoked in memory. */
const most = 2000;

/** For `revoke`: all tokens of these users, and those of others by their trusts. */
export async function subjectsOfUsers(trx: Knex, userIds: readonly string[]): Promise<Subject[]> {
  if (userIds.length <= most) return userIds.map((id): Subject => `user:${id}`);
  const domainIds: string[] = await trx('users')
    .whereRaw('id = any(?::text[])', [[...userIds]])
    .distinct('domain_id')
    .pluck('domain_id');
  // A token of a trust names everybody through whose hands it came, and the domain of one of them alone.
  const agentIds: string[] = await trx('users')
    .whereRaw('id = any(?::text[])', [[...userIds]])
    .whereRaw('id in (select trustor_user_id from trusts union select trustee_user_id from trusts)')
    .pluck('id');
  return [...domainIds.map((id): Subject => `domain:${id}`), ...agentIds.map((id): Subject => `user:${id}`)];
}
