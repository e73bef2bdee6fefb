/** Servers in groups: what has to hold where one more is placed, and who is in which. */
import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, NotFound, OverQuota } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import { limitOf } from '../quotas/limits.ts';
import { ownLimits } from '../quotas/store.ts';
import type { GroupDemand, ServerGroup } from './server-group.ts';
import { getServerGroup } from './store.ts';

/**
 * What placing `more` servers of a group has to keep to. Call it in the transaction that claims the hosts, after the quota and
 * before the first claim: the group stays locked until that ends, so that no two of its servers are placed at once, each
 * without knowing of the other. Throws `BadRequest` when there is no such group within reach, `OverQuota` when it is full.
 */
export async function lockServerGroup(
  trx: Knex,
  visible: Visible,
  { groupId, userId, region, more = 1 }: { groupId: string; userId: string; region: string; more?: number },
): Promise<GroupDemand> {
  if (!isUuid(groupId)) throw new BadRequest('Server group scheduler hint must be a UUID.');
  await trx('server_groups').where({ id: groupId }).forNoKeyUpdate().select('id');
  const group = await getServerGroup(trx, visible, groupId).catch((error) => {
    throw error instanceof NotFound ? new BadRequest(error.message, { cause: error }) : error;
  });
  await checkRoom(trx, group, userId, region, more);
  return demandOf(trx, group);
}

/** What the group of a server that is to move has to keep to, itself apart; undefined when it is in none. Locks the group. */
export async function lockGroupOfServer(trx: Knex, serverId: string): Promise<GroupDemand | undefined> {
  const member = await trx('server_group_members').where({ server_id: serverId }).first('group_id');
  if (member === undefined) return undefined;
  await trx('server_groups').where({ id: member.group_id }).forNoKeyUpdate().select('id');
  return demandOf(trx, await getServerGroup(trx, 'everyone', member.group_id), serverId);
}

/** Call it once the server's row is there. */
export async function joinServerGroup(trx: Knex, groupId: string, serverId: string): Promise<void> {
  await trx('server_group_members').insert({ group_id: groupId, server_id: serverId });
}

/** The groups of many servers at once; those in none are left out. */
export async function groupIdsOf(db: Knex, serverIds: readonly string[]): Promise<Map<string, string>> {
  const rows = await db('server_group_members').whereRaw('server_id = any(?::uuid[])', [[...serverIds]]);
  return new Map(rows.map((row) => [row.server_id, row.group_id]));
}

async function demandOf(trx: Knex, group: ServerGroup, exceptServerId?: string): Promise<GroupDemand> {
  const rows: { host_id: string; guests: number }[] = await trx('server_group_members as m')
    .join('servers as s', 's.id', 'm.server_id')
    .where('m.group_id', group.id)
    .whereNotNull('s.host_id')
    .modify((query) => {
      if (exceptServerId !== undefined) query.whereNot('s.id', exceptServerId);
    })
    .groupBy('s.host_id')
    .select('s.host_id')
    .count({ guests: '*' });
  return {
    policy: group.policy,
    mostPerHost: group.mostPerHost ?? 1,
    guestsByHost: new Map(rows.map((row) => [row.host_id, row.guests])),
  };
}

/** The group is its project's, and so is the limit; a user's own counts only their servers. */
async function checkRoom(trx: Knex, group: ServerGroup, userId: string, region: string, more: number): Promise<void> {
  const { projectId } = group;
  const limit = await limitOf(trx, { projectId, region }, 'server_group_members');
  if (limit >= 0 && group.members.length + more > limit) throw tooMany(group.members.length, limit);
  const { server_group_members: usersLimit = -1 } = await ownLimits(trx, { projectId, userId });
  if (usersLimit < 0) return;
  const query = trx('servers').whereRaw('id = any(?::uuid[])', [group.members]).where({ user_id: userId });
  const { used } = (await query.count({ used: '*' }).first()) as { used: number };
  if (used + more > usersLimit) throw tooMany(used, usersLimit);
}

const tooMany = (used: number, limit: number) =>
  new OverQuota(`Quota exceeded, too many servers in group: ${used} of ${limit} are in it.`);
