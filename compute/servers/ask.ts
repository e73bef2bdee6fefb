import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { Conflict } from '../../common/errors.ts';
import { type ActionParameters, recordAction } from './actions.ts';
import type { Server, WantedPower } from './server.ts';
import { effectivePower, obstacle, type Requirement } from './states.ts';
import { lockServer } from './store.ts';

/** Something that is asked of a server and that its host will make so. */
export interface Wish {
  /** As the action log names it. */
  action: string;
  /** What Nova calls it in its refusals. */
  api: string;
  requirement: Requirement;
  /** What the server should do afterwards; what it is to do now, when absent. */
  power?: WantedPower;
  parameters?: ActionParameters;
  /** Nova lets this be done to a locked server. */
  isFreeOfLocks?: boolean;
  /** It is for servers that no host holds. */
  needsNoHost?: boolean;
  /** What else it changes of the row, by column. It may look things up, and throws what keeps it from being done. */
  change?(trx: Knex, server: Server, revision: number): Promise<object> | object;
}

/** The row is locked from the check to the wish: two wishes at once come one after the other. Throws `Conflict` in Nova's words. */
export async function ask(db: Knex, ctx: ProjectContext, id: string, wish: Wish): Promise<Server> {
  return db.transaction(async (trx) => {
    const server = await lockServer(trx, visibleTo(ctx), id);
    if (!wish.isFreeOfLocks) refuseLocked(ctx, server);
    refuseState(server, wish.api, wish.requirement);
    if (server.hostId === null && !wish.needsNoHost) throw new Conflict(`Instance ${server.id} is not ready`);
    const revision = server.revision + 1;
    const power = wish.power ?? (effectivePower(server) === 'shutdown' ? 'shutdown' : server.wantedPower);
    const changes = await wish.change?.(trx, server, revision);
    await trx('servers')
      .where({ id: server.id })
      .update({ wanted_power: power, revision, marked_error_at: null, updated_at: trx.fn.now(), ...changes });
    const { action, parameters } = wish;
    await recordAction(trx, ctx, { serverId: server.id, action, parameters, revision });
    await notify(trx, 'servers', server.id);
    return server;
  });
}

/** What is locked is for administrators only (nova/compute/api.py, `check_instance_lock`). */
export function refuseLocked(ctx: ProjectContext, server: Server): void {
  if (server.lockedBy !== null && !ctx.isAdmin) throw new Conflict(`Instance ${server.id} is locked`);
}

export function refuseState(server: Server, api: string, requirement: Requirement): void {
  const why = obstacle(server, requirement);
  if (why) throw new Conflict(`Cannot '${api}' instance ${server.id} while it is in ${why}`);
}
