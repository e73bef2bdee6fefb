import { randomUUID } from 'node:crypto';
import type { Knex } from '../../../common/database/database.ts';
import { notify } from '../../../common/database/notifications.ts';
import type { Reconciler } from '../../../common/reconcile/loop.ts';
import type { Scheduling } from '../../scheduler/scheduling.ts';
import { recordOwnAction } from '../actions.ts';
import type { Server } from '../server.ts';
import { obstacle, requirements } from '../states.ts';
import { fromRow, lockServer, selectServers } from '../store.ts';
import { evacuation, isForDestination } from './evacuate.ts';
import { findOpenMove } from './store.ts';

/**
 * `forced-down`: of the hosts of which somebody said so, who has made sure of it. `fenced`: also of those that have been silent for
 * long, and whose guard has ended what ran. Silence alone proves nothing.
 */
export type EvacuationPolicy = 'none' | 'forced-down' | 'fenced';

export interface EvacuationDeps {
  db: Knex;
  scheduling: Scheduling;
  policy: EvacuationPolicy;
  /** Of silence of a host that fences itself. */
  afterSeconds: number;
}

/** Makes the servers of hosts that surely run nothing any more anew on others, where the site wants that done by itself. */
export function evacuationReconciler({ db, scheduling, policy, afterSeconds }: EvacuationDeps): Reconciler {
  const ended = db.raw(
    `(compute_hosts.is_forced_down or (? and compute_hosts.is_fenced and compute_hosts.agent_seen_at
      < now() - greatest(?, compute_hosts.down_after_seconds) * interval '1 second'))`,
    [policy === 'fenced', afterSeconds],
  );
  return {
    name: 'evacuations',
    async pending(limit) {
      if (policy === 'none') return [];
      return db('servers')
        .join('compute_hosts', 'compute_hosts.id', 'servers.host_id')
        .where(ended)
        .whereNull('servers.deletion_requested_at')
        .orderBy('servers.created_at')
        .limit(limit)
        .pluck('servers.id');
    },
    async reconcile(id) {
      await db.transaction(async (trx) => {
        const server = await lockServer(trx, 'everyone', id);
        const host = await trx('compute_hosts')
          .where({ id: server.hostId })
          .where(ended)
          .first('name', 'is_forced_down');
        if (host === undefined || !goesByItself(server)) return;
        const before = await findOpenMove(trx, id);
        if (before?.destinationDecides && (await isForDestination(trx, server, before))) return;
        const revision = server.revision + 1;
        const changes = await evacuation(trx, null, scheduling, server, revision, null);
        await trx('servers')
          .where({ id })
          .update({ revision, ...changes, updated_at: trx.fn.now() });
        await recordOwnAction(trx, {
          serverId: id,
          action: 'evacuate',
          revision,
          requestId: `req-${randomUUID()}`,
          projectId: server.projectId,
          message: host.is_forced_down
            ? `Its host ${host.name} was forced down.`
            : `Its host ${host.name} was silent, and its guard has ended what ran there.`,
        });
        await notify(trx, 'servers', id);
      });
    },
  };
}

/** One that is paused, shelved, resized or rescued is left to an administrator, as Nova leaves it. */
const goesByItself = (server: Server) => obstacle(server, requirements.evacuate) === undefined;

/** How many servers of a host would be evacuated, and how many are being deleted; others stay. */
export async function countLeaving(db: Knex, hostName: string): Promise<{ evacuated: number; deleted: number }> {
  const rows = await selectServers(db, 'everyone').where('compute_hosts.name', hostName);
  const servers: Server[] = rows.map(fromRow);
  const remaining = servers.filter(({ deletionRequestedAt }) => deletionRequestedAt === null);
  return { evacuated: remaining.filter(goesByItself).length, deleted: servers.length - remaining.length };
}
