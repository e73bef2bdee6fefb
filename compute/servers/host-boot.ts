import { randomUUID } from 'node:crypto';
import type { Knex } from '../../common/database/database.ts';
import { finishActionsUpTo, recordOwnAction } from './actions.ts';
import { acceptShutdown } from './observations.ts';
import { fromRow, type ServerRow, selectServers } from './store.ts';

/** Servers that ran when their host ended stay shut down until somebody starts them, as one does that shut itself down. */
export async function letHostBootStand(db: Knex, hostName: string): Promise<void> {
  await db.transaction(async (trx) => {
    const rows = await selectServers(trx, 'everyone')
      .where('compute_hosts.name', hostName)
      .whereRaw('servers.settled_revision = servers.revision')
      .whereIn('servers.observed_power', ['running', 'paused'])
      .whereNull('servers.deletion_requested_at')
      .whereNull('servers.shelved_at')
      .whereNull('servers.move')
      .forUpdate('servers');
    for (const server of (rows as ServerRow[]).map(fromRow)) {
      const { id, projectId, revision } = server;
      await acceptShutdown(trx, server);
      const message = 'Its host was started anew.';
      const requestId = `req-${randomUUID()}`;
      await recordOwnAction(trx, { serverId: id, projectId, revision, action: 'stop', message, requestId });
      await finishActionsUpTo(trx, id, revision, null);
    }
  });
}
