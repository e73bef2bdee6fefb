import type { ProjectContext } from '../../common/context.ts';
import { visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { Conflict } from '../../common/errors.ts';
import { releasePorts } from '../../network/ports.ts';
import { callHost } from '../hosts/calls.ts';
import { checkMetadataItems } from '../quotas/quotas.ts';
import { recordAction } from './actions.ts';
import type { ServerDeps } from './create.ts';
import { obstacle, type RebootType, type Requirement, requirements, type Server, type WantedPower } from './server.ts';
import { getServer, lockServer } from './store.ts';

/** Asks for the server to run. Throws `Conflict` unless it is stopped. */
export async function startServer({ db }: ServerDeps, ctx: ProjectContext, id: string): Promise<void> {
  await ask(db, ctx, id, { action: 'start', api: 'start', requirement: requirements.start, power: 'running' });
}

/** Asks for the server to shut down, and for its power to be cut if it does not within the grace. */
export async function stopServer({ db }: ServerDeps, ctx: ProjectContext, id: string): Promise<void> {
  await ask(db, ctx, id, { action: 'stop', api: 'stop', requirement: requirements.stop, power: 'shutdown' });
}

/** Asks for a reboot; a hard one also starts what is stopped or in error. */
export async function rebootServer(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  type: RebootType,
): Promise<void> {
  const requirement = requirements[type === 'SOFT' ? 'soft reboot' : 'hard reboot'];
  await ask(db, ctx, id, { action: 'reboot', api: 'reboot', requirement, power: 'running', parameters: { type } });
}

interface Wish {
  action: string;
  /** What Nova calls it in its refusals. */
  api: string;
  requirement: Requirement;
  power: WantedPower;
  parameters?: { type: RebootType };
}

/** The row is locked from the check to the wish: two wishes at once come one after the other. */
async function ask(db: Knex, ctx: ProjectContext, id: string, wish: Wish): Promise<void> {
  await db.transaction(async (trx) => {
    const server = await lockServer(trx, visibleTo(ctx), id);
    const why = obstacle(server, wish.requirement);
    if (why) throw new Conflict(`Cannot '${wish.api}' instance ${server.id} while it is in ${why}`);
    if (server.hostId === null) throw new Conflict(`Instance ${server.id} is not ready`);
    const revision = server.revision + 1;
    await trx('servers').where({ id }).update({ wanted_power: wish.power, revision, updated_at: trx.fn.now() });
    const { action, parameters } = wish;
    await recordAction(trx, ctx, { serverId: server.id, action, parameters, revision });
    await notify(trx, 'servers', server.id);
  });
}

/** Asks for the server to go. A server that no host holds goes at once. Asking again is no error. */
export async function deleteServer({ db }: ServerDeps, ctx: ProjectContext, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    const server = await lockServer(trx, visibleTo(ctx), id);
    if (server.hostId === null) {
      await releasePorts(trx, server.id);
      await trx('servers').where({ id: server.id }).delete();
      return;
    }
    if (server.deletionRequestedAt !== null) return;
    const revision = server.revision + 1;
    await trx('servers')
      .where({ id: server.id })
      .update({ deletion_requested_at: trx.fn.now(), revision, updated_at: trx.fn.now() });
    await recordAction(trx, ctx, { serverId: server.id, action: 'delete', revision });
    await notify(trx, 'servers', server.id);
  });
}

export interface ServerChanges {
  name?: string;
  accessIpv4?: string;
  accessIpv6?: string;
  diskConfig?: 'AUTO' | 'MANUAL';
}

/** Absent leaves alone. Nothing of it concerns the host. */
export async function updateServer(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  changes: ServerChanges,
): Promise<Server> {
  const columns = Object.entries({
    name: changes.name,
    access_ipv4: changes.accessIpv4,
    access_ipv6: changes.accessIpv6,
    disk_config: changes.diskConfig,
  }).filter(([, value]) => value !== undefined);
  return db.transaction(async (trx) => {
    const server = await lockServer(trx, visibleTo(ctx), id);
    if (columns.length > 0)
      await trx('servers')
        .where({ id: server.id })
        .update({ ...Object.fromEntries(columns), updated_at: trx.fn.now() });
    return getServer(trx, visibleTo(ctx), id);
  });
}

/** Replaces the server's metadata by what `change` makes of it. Throws `Forbidden` when that is too much, as Nova does. */
export async function changeMetadata(
  { db, region }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  change: (metadata: ReadonlyMap<string, string>) => Map<string, string>,
): Promise<Record<string, string>> {
  return db.transaction(async (trx) => {
    const server = await lockServer(trx, visibleTo(ctx), id);
    const changed = change(new Map(Object.entries(server.metadata)));
    await checkMetadataItems(trx, { projectId: server.projectId, region }, changed.size);
    const metadata = Object.fromEntries(changed);
    await trx('servers')
      .where({ id: server.id })
      .update({ metadata: JSON.stringify(metadata), updated_at: trx.fn.now() });
    return metadata;
  });
}

/** The tail of what the guest wrote to its serial console. Throws `NotFound` while there is no guest. */
export async function consoleOutput(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  lines: number | undefined,
): Promise<string> {
  const server = await getServer(db, visibleTo(ctx), id);
  if (server.hostId === null || server.observedPower === null) throw new Conflict(`Instance ${server.id} is not ready`);
  return (await callHost(db, server.hostId, 'consoleOutput', { id: server.id, lines: lines ?? null })) as string;
}
