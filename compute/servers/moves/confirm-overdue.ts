import { randomUUID } from 'node:crypto';
import type { Knex } from '../../../common/database/database.ts';
import { notify } from '../../../common/database/notifications.ts';
import { recordOwnAction } from '../actions.ts';
import { vmStateOf } from '../states.ts';
import { lockServer } from '../store.ts';
import { stayHere } from './cold.ts';

/** Confirms what has waited for it longer than the site lets it (nova's `resize_confirm_window`); 0 waits for ever. */
export async function confirmOverdue(db: Knex, hostName: string, confirmSeconds: number): Promise<void> {
  if (confirmSeconds === 0) return;
  const ids: string[] = await db('servers')
    .join('compute_hosts', 'compute_hosts.id', 'servers.host_id')
    .where('compute_hosts.name', hostName)
    .whereNotNull('old_flavor')
    .whereRaw('settled_revision = revision and observed_disk_generation = disk_generation')
    .whereRaw("servers.updated_at < now() - ? * interval '1 second'", [confirmSeconds])
    .pluck('servers.id');
  for (const id of ids) await confirm(db, id);
}

async function confirm(db: Knex, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    const server = await lockServer(trx, 'everyone', id);
    if (vmStateOf(server) !== 'resized' || server.settledRevision !== server.revision) return;
    const revision = server.revision + 1;
    await trx('servers')
      .where({ id })
      .update({
        old_flavor: null,
        disk_copied_from: null,
        revision,
        ...(await stayHere(trx, server)),
        updated_at: trx.fn.now(),
      });
    await recordOwnAction(trx, {
      serverId: id,
      action: 'confirmResize',
      revision,
      requestId: `req-${randomUUID()}`,
      projectId: server.projectId,
      message: 'Nobody confirmed or reverted it in time.',
    });
    await notify(trx, 'servers', id);
  });
}
