/** Servers that go to another host shut down: what is asked for. */
import type { ProjectContext } from '../../../common/context.ts';
import type { Knex } from '../../../common/database/database.ts';
import { BadRequest, Conflict } from '../../../common/errors.ts';
import { bindPorts } from '../../../network/ports.ts';
import { isHostDead } from '../../hosts/dead.ts';
import { getHost, requireHost } from '../../hosts/store.ts';
import { placed } from '../../scheduler/no-valid-host.ts';
import type { Scheduling } from '../../scheduler/scheduling.ts';
import { ask } from '../ask.ts';
import type { ServerDeps } from '../create.ts';
import { refuseOnDeadHost } from '../dead-hosts.ts';
import type { Server } from '../server.ts';
import { oldFlavorOf, sizeColumns } from '../sizes.ts';
import { requirements } from '../states.ts';
import type { MoveKind } from './move.ts';
import { changeMove, endStay, findOpenMove, getOpenMove, insertMove } from './store.ts';
import { claimTarget, type Leaving, onItsHost } from './target.ts';

/**
 * Takes the server to another host, shut down, and starts it there if it is to run; then it waits to be confirmed or reverted,
 * as after a resize. Throws `NoValidHost` when no host can take it, `Conflict`.
 */
export async function migrateServer(
  { db, scheduling }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  hostName: string | null,
): Promise<void> {
  await ask(db, ctx, id, {
    action: 'migrate',
    api: 'migrate',
    requirement: requirements.migrate,
    async change(trx, server, revision) {
      await refuseOnDeadHost(trx, server);
      if (hostName !== null) await requireHost(trx, hostName);
      if (hostName !== null && hostName === server.hostName)
        throw new BadRequest(`Cannot migrate to the host where the server exists.`);
      const columns = await coldMove(trx, ctx, scheduling, server, { hostName, size: server, kind: 'migration' });
      return { ...columns, ...leavingColumns(server, revision) };
    },
  });
}

/** Claims a host and says where the server goes; gives what changes of its row beside its size and its disk. */
export async function coldMove(
  trx: Knex,
  ctx: Pick<ProjectContext, 'userId' | 'projectId'> | null,
  scheduling: Scheduling,
  asked: Server,
  { hostName, size, kind }: Omit<Leaving, 'how'> & { kind: MoveKind },
): Promise<{ other_host_id: string; move: 'cold' }> {
  const server = onItsHost(asked);
  const host = placed(await claimTarget(trx, scheduling, server, { hostName, size, how: 'cold' }));
  await insertMove(trx, {
    serverId: server.id,
    kind,
    status: 'pre-migrating',
    userId: ctx?.userId ?? null,
    projectId: ctx?.projectId ?? null,
    sourceHost: server.hostName,
    destinationHost: host.name,
  });
  return { other_host_id: host.id, move: 'cold' };
}

/** What it was, for the way back, and another root disk: a copy of the one that it has. */
export function leavingColumns(server: Server, revision: number) {
  const { diskGeneration } = server;
  const old = JSON.stringify(oldFlavorOf(server));
  return { old_flavor: old, disk_copied_from: diskGeneration, disk_generation: revision };
}

/** The server stays where it is now: what it left behind goes. Gives what changes of its row. */
export async function stayHere(trx: Knex, server: Server): Promise<object> {
  if (server.otherHostId === null) {
    await endStay(trx, server.id, 'confirmed');
    return {};
  }
  const move = await getOpenMove(trx, server.id);
  await changeMove(trx, move.id, { status: 'confirmed', sourceToClear: true });
  return { other_host_id: null };
}

/**
 * The server goes back to where it came from, which its host sees to unless that is dead; or stays there, where it has not come
 * away yet. Throws `Conflict` while the host that it came from is dead. Gives what changes of its row.
 */
export async function turnBack(trx: Knex, server: Server): Promise<object> {
  if (server.otherHostId === null) {
    await endStay(trx, server.id, 'reverted');
    return {};
  }
  const move = await getOpenMove(trx, server.id);
  if (server.move === 'cold') {
    await changeMove(trx, move.id, { status: 'reverted', destinationToClear: true });
    return { other_host_id: null, move: null };
  }
  const fromTheDead = await backFromTheDead(trx, server, null);
  if (fromTheDead !== undefined) return fromTheDead;
  // What it has here would be given up for what nobody can reach.
  if (await isHostDead(trx, server.otherHostId))
    throw new Conflict(
      `Service is unavailable at this time: the host that instance ${server.id} came from is down. It can stay where it is (confirmResize).`,
    );
  await changeMove(trx, move.id, { status: 'reverting' });
  return { move: 'back' };
}

/**
 * The host that the server went to is dead, and the one that it came from, which still has its disk as it was then, is up: it is
 * that one's again, at once, as it was. Undefined when that is not so. Throws `BadRequest` when it is to go to another host (null:
 * any). Gives what changes of its row.
 */
export async function backFromTheDead(trx: Knex, asked: Server, hostName: string | null): Promise<object | undefined> {
  const server = onItsHost(asked);
  const move = await findOpenMove(trx, server.id);
  if (server.otherHostId === null || move === undefined || move.destinationHost !== server.hostName) return undefined;
  if (!(await getHost(trx, server.hostId)).isDead) return undefined;
  const first = await getHost(trx, server.otherHostId);
  if (!first.isUp) return undefined;
  if (hostName !== null && hostName !== first.name)
    throw new BadRequest(`The disk of instance ${server.id} is on ${first.name}: it can only go there.`);
  await changeMove(trx, move.id, { status: 'reverted', destinationToClear: true });
  await bindPorts(trx, server.id, { hostName: first.name });
  const { oldFlavor } = server; // null when going back was asked for before: then it has that size again
  return {
    ...(oldFlavor && { ...sizeColumns(oldFlavor), disk_generation: oldFlavor.diskGeneration }),
    old_flavor: null,
    disk_copied_from: null,
    host_id: first.id,
    other_host_id: null,
    move: null,
  };
}
