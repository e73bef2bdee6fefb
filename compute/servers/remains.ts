/** What deleted servers have left on hosts that were dead: remembered until their agents have removed it. */
import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import type { Server } from './server.ts';

/** In the transaction that removes its row. */
export async function leaveRemains(trx: Knex, { id, hostId }: Server): Promise<void> {
  await trx('server_remains').insert({ host_id: hostId, server_id: id });
  await notify(trx, 'servers', id); // an agent that lives, although its host was forced down, need not wait for a poll
}

/** Of deleted servers, on this host. */
export async function listRemains(db: Knex, hostName: string, limit?: number): Promise<string[]> {
  const query = remainsOn(db, hostName).orderBy('created_at');
  return (limit === undefined ? query : query.limit(limit)).pluck('server_id');
}

export async function hasRemains(db: Knex, hostName: string, serverId: string): Promise<boolean> {
  return (await remainsOn(db, hostName).where({ server_id: serverId }).first('server_id')) !== undefined;
}

/** They are removed. */
export async function forgetRemains(db: Knex, hostName: string, serverId: string): Promise<void> {
  await remainsOn(db, hostName).where({ server_id: serverId }).delete();
}

function remainsOn(db: Knex, hostName: string): Knex.QueryBuilder {
  return db('server_remains').whereIn('host_id', db('compute_hosts').where({ name: hostName }).select('id'));
}
