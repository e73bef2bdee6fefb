/**
 * Servers whose host is dead: what needs it is refused or told of, and what is deleted goes without it. One that nothing is asked of is
 * left as it is, as Nova leaves it; `host_status` tells of its host.
 */
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Conflict } from '../../common/errors.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import { deadSql, holdIfDead, isHostDead, longSilentSql } from '../hosts/dead.ts';
import { patienceSeconds } from '../limits.ts';
import { listUnfinished, recordEvent } from './actions.ts';
import { removeFromDeadHost } from './deletion.ts';
import { eventOf } from './event-names.ts';
import { sendingStatuses } from './moves/move.ts';
import { type Fault, recordFailure } from './observations.ts';
import type { Server } from './server.ts';
import { lockServer } from './store.ts';

/** For what begins with the server's host being there, in Nova's words; owners are told no names of hosts. Throws `Conflict`. */
export async function refuseOnDeadHost(trx: Knex, { id, hostId }: Server): Promise<void> {
  if (hostId !== null && (await isHostDead(trx, hostId)))
    throw new Conflict(`Service is unavailable at this time: the host of instance ${id} is down.`);
}

/** The same of a live migration, which administrators ask for. Throws `BadRequest`. */
export async function refuseLiveOnDeadHost(trx: Knex, { hostId, hostName }: Server): Promise<void> {
  if (hostId !== null && (await isHostDead(trx, hostId)))
    throw new BadRequest(`Compute service of ${hostName} is unavailable at this time.`);
}

export interface DeadHostDeps {
  db: Knex;
  /** How long deleted servers are kept. */
  reclaimSeconds: number;
}

/**
 * What the agents of dead hosts would do, were they there: removes what was deleted before they died, and tells of what they have not
 * done once they have been silent for as long as failures are waited for. Such a fault is gone with the next success, there or elsewhere.
 */
export function deadHostReconciler({ db, reclaimSeconds }: DeadHostDeps): Reconciler {
  return {
    name: 'servers-of-dead-hosts',
    async pending(limit) {
      const going: string[] = await deletedOn(db, reclaimSeconds).limit(limit).pluck('servers.id');
      return [...going, ...(await waitingFor(db).limit(limit).pluck('servers.id'))];
    },
    async reconcile(id) {
      await db.transaction(async (trx) => {
        const server = await lockServer(trx, 'everyone', id).catch(() => undefined); // gone meanwhile
        if (server === undefined || server.hostId === null) return;
        const isDeleted = await deletedOn(trx, reclaimSeconds).where('servers.id', id).first('servers.id');
        if (isDeleted !== undefined && (await holdIfDead(trx, server.hostId))) return removeFromDeadHost(trx, server);
        const isOwnHost = trx.raw(`${longSilent('h')} as is_own_host`);
        const waiting = await waitingFor(trx).where('servers.id', id).first(isOwnHost);
        if (waiting !== undefined)
          await tell(trx, server, waiting.is_own_host ? hostIsDead(server) : wayIsDead(server));
      });
    },
  };
}

const longSilent = (alias: string) => longSilentSql(alias, patienceSeconds);

/** What nobody removes, as its host is dead; also what was kept for as long as such is. */
function deletedOn(db: Knex, reclaimSeconds: number): Knex.QueryBuilder {
  return db('servers')
    .join('compute_hosts as h', 'h.id', 'servers.host_id')
    .whereRaw(deadSql('h'))
    .where((due) =>
      due
        .whereNotNull('servers.deletion_requested_at')
        .orWhereRaw("servers.soft_deleted_at <= now() - ? * interval '1 second'", [reclaimSeconds]),
    );
}

/**
 * What waits for a host that has been silent for long: the server's own, or the one where it may have arrived. What is left to a host
 * that lives, which looks at what has come to it, is told by that.
 */
function waitingFor(db: Knex): Knex.QueryBuilder {
  return db('servers')
    .join('compute_hosts as h', 'h.id', 'servers.host_id')
    .leftJoin('compute_hosts as o', 'o.id', 'servers.other_host_id')
    .whereRaw('servers.settled_revision < servers.revision and not servers.is_faulty')
    .whereNull('servers.deletion_requested_at')
    .whereNull('servers.soft_deleted_at')
    .whereRaw(`(${longSilent('h')} or (servers.move = 'live' and ${longSilent('o')}))`)
    .whereNotExists((decided) =>
      decided
        .from('server_migrations as m')
        .whereRaw(`m.server_id = servers.id and m.destination_decides and not ${deadSql('o')}`)
        .whereIn('m.status', sendingStatuses),
    );
}

function hostIsDead({ id, hostName }: Server): Fault {
  return {
    message:
      'The host of the server is down: what was asked for is done when it is back. An administrator can bring it back, or evacuate the server; it can be deleted.',
    details: `The host ${hostName} is not heard of. Bring it back, and all goes on as asked; or power it off for good and have the server made anew of its image: openstack server evacuate ${id}`,
    isToldAtOnce: true,
  };
}

function wayIsDead({ otherHostName }: Server): Fault {
  return {
    message:
      'The host that the server was going to is down, and may have it: nobody can tell before an administrator has brought that host back or says that it is off.',
    details: `The host ${otherHostName} is not heard of. Bring it back, or power it off and say so: openstack compute service set --down ${otherHostName} nova-compute`,
    isToldAtOnce: true,
  };
}

/** In the log of actions, too, for who asked. */
async function tell(trx: Knex, server: Server, fault: Fault): Promise<void> {
  await recordFailure(trx, server, fault);
  const [action] = await listUnfinished(trx, server.id);
  if (action !== undefined && server.hostName !== null)
    await recordEvent(trx, action.number, eventOf(action.action), new Date(), fault.details, server.hostName);
}
