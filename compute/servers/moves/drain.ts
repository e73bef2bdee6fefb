/** Takes everything away from a host that is to be serviced, one look at a time: whoever looks again goes on where it was. */
import { randomUUID } from 'node:crypto';
import type { ProjectContext } from '../../../common/context.ts';
import type { Knex } from '../../../common/database/database.ts';
import { CloudError } from '../../../common/errors.ts';
import { inFull, NoValidHost } from '../../scheduler/no-valid-host.ts';
import type { ServerDeps } from '../create.ts';
import { confirmResize } from '../resize.ts';
import type { Server } from '../server.ts';
import { taskStateOf, vmStateOf } from '../states.ts';
import { fromRow, type ServerRow, selectServers } from '../store.ts';
import { migrateServer } from './cold.ts';
import { liveMigrateServer } from './live-wishes.ts';
import { findOpenMove } from './store.ts';

/** What is needed of an operation's usual dependencies. */
export type DrainDeps = Pick<ServerDeps, 'db' | 'scheduling'>;

export interface Draining {
  /** Servers that are there, or still have something there. */
  left: number;
  /** Those on their way. */
  moving: number;
  /** Those that cannot go, by their id, and why. */
  stuck: Map<string, string>;
}

/**
 * Lets those that run go while they run, and those that are shut down shut down; what has arrived shut down is confirmed, as
 * nobody asked for the way back. No more come: the host should be disabled.
 */
export async function drainHost(deps: DrainDeps, hostName: string): Promise<Draining> {
  const stuck = new Map<string, string>();
  let moving = 0;
  const servers = await serversOf(deps.db, hostName);
  for (const server of servers) {
    const problem = await letGo(deps as ServerDeps, server, hostName).catch((error: unknown) => {
      if (error instanceof NoValidHost) return inFull(error);
      if (error instanceof CloudError) return error.message;
      throw error;
    });
    if (problem === undefined) moving += 1;
    else stuck.set(server.id, problem);
  }
  return { left: servers.length, moving, stuck };
}

async function serversOf(db: Knex, hostName: string): Promise<Server[]> {
  const rows = await selectServers(db, 'everyone')
    .where((either) => either.where('compute_hosts.name', hostName).orWhere('other_hosts.name', hostName))
    .orderBy('servers.created_at');
  return (rows as ServerRow[]).map(fromRow);
}

/** Undefined when it is on its way, or has just been sent on it; else what keeps it. */
async function letGo(
  deps: ServerDeps, // of which no operation here uses more than `DrainDeps`
  server: Server,
  hostName: string,
): Promise<string | undefined> {
  const ctx = asOperator(server.projectId);
  const [state, task] = [vmStateOf(server), taskStateOf(server)];
  if (task !== null) return undefined; // whatever it is, it comes to an end
  if (server.hostName !== hostName) {
    if (state !== 'resized') return undefined;
    if ((await findOpenMove(deps.db, server.id))?.userId !== operator) return 'it waits to be confirmed or reverted';
    await confirmResize(deps, ctx, server.id);
    return undefined;
  }
  if (state === 'active' || state === 'paused') await liveMigrateServer(deps, ctx, server.id, null);
  else if (state === 'stopped') await migrateServer(deps, ctx, server.id, null);
  else return `it is in vm_state ${state}`;
  return undefined;
}

/** Whom the log of actions names. */
const operator = 'operator';

/** Who is at the command line of the cloud may do everything. */
function asOperator(projectId: string): ProjectContext {
  const now = new Date();
  return {
    requestId: `req-${randomUUID()}`,
    userId: operator,
    userDomainId: 'default',
    projectId,
    domainId: null,
    system: false,
    roles: ['admin'],
    isAdmin: true,
    delegation: null,
    token: { auditIds: [], methods: [], issuedAt: now, expiresAt: now },
  };
}
