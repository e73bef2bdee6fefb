import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { Conflict } from '../../common/errors.ts';
import { releasePorts } from '../../network/ports.ts';
import { callHost } from '../hosts/calls.ts';
import { type Container, type ContainerAction, obstacle } from './container.ts';
import type { ContainerDeps } from './create.ts';
import type { Executed, LogOptions } from './host-methods.ts';
import { topic } from './reconciler.ts';
import { getContainer, lockContainer } from './store.ts';

/** Asks for the container's program to run. Throws `Conflict` unless it does not. */
export async function startContainer({ db }: ContainerDeps, ctx: ProjectContext, ident: string): Promise<void> {
  await ask(db, ctx, ident, 'start', () => ({ wanted_power: 'running' }));
}

/** Asks for the program to stop, and for it to be killed if it does not within the grace. */
export async function stopContainer(
  { db }: ContainerDeps,
  ctx: ProjectContext,
  ident: string,
  graceSeconds: number,
): Promise<void> {
  await ask(db, ctx, ident, 'stop', () => ({ wanted_power: 'shutdown', stop_grace_seconds: graceSeconds }));
}

/** Kills the program at once; it stays down until it is started again. */
export async function killContainer({ db }: ContainerDeps, ctx: ProjectContext, ident: string): Promise<void> {
  await ask(db, ctx, ident, 'kill', () => ({ wanted_power: 'shutdown', stop_grace_seconds: 0 }));
}

/** Asks for the program to be stopped and started again; starts what is stopped or in error. */
export async function rebootContainer(
  { db }: ContainerDeps,
  ctx: ProjectContext,
  ident: string,
  graceSeconds: number,
): Promise<void> {
  await ask(db, ctx, ident, 'reboot', (revision) => ({
    wanted_power: 'running',
    stop_grace_seconds: graceSeconds,
    reboot_revision: revision,
  }));
}

/** The row is locked from the check to the wish: two wishes at once come one after the other. */
async function ask(
  db: Knex,
  ctx: ProjectContext,
  ident: string,
  action: ContainerAction,
  wish: (revision: number) => Record<string, unknown>,
): Promise<void> {
  await db.transaction(async (trx) => {
    const container = await lockContainer(trx, visibleTo(ctx), ident);
    refuseUnless(container, action);
    if (container.hostId === null)
      throw new Conflict(`Container ${container.id} has no host: ${container.unplacedReason}`);
    const revision = container.revision + 1;
    await trx('containers')
      .where({ id: container.id })
      .update({ ...wish(revision), revision, updated_at: trx.fn.now() });
    await notify(trx, topic, container.id);
  });
}

function refuseUnless(container: Container, action: ContainerAction): void {
  const why = obstacle(container, action);
  if (why) throw new Conflict(why);
}

/**
 * Asks for the container to go. One that no host holds goes at once. Asking again is no error. Throws `Conflict` for one that
 * runs, unless it is to be stopped before or is taken by force.
 */
export async function deleteContainer(
  { db }: ContainerDeps,
  ctx: ProjectContext,
  ident: string,
  how: 'stopped' | 'stop' | 'force',
): Promise<void> {
  await db.transaction(async (trx) => {
    const container = await lockContainer(trx, visibleTo(ctx), ident);
    if (how === 'stopped') refuseUnless(container, 'delete');
    if (container.hostId === null) {
      await releasePorts(trx, container.id);
      await trx('containers').where({ id: container.id }).delete();
      return;
    }
    if (container.deletionRequestedAt !== null) return;
    await trx('containers')
      .where({ id: container.id })
      .update({
        deletion_requested_at: trx.fn.now(),
        stops_before_deletion: how === 'stop',
        revision: container.revision + 1,
        updated_at: trx.fn.now(),
      });
    await notify(trx, topic, container.id);
  });
}

/** What the container wrote. Throws `Conflict` while there is none on a host. */
export async function containerLogs(
  { db }: ContainerDeps,
  ctx: ProjectContext,
  ident: string,
  options: LogOptions,
): Promise<string> {
  const container = await getContainer(db, visibleTo(ctx), ident);
  refuseUnless(container, 'logs');
  if (container.hostId === null || container.observedPower === null) return ''; // it came to nothing
  return (await callHost(db, container.hostId, 'containerLogs', { id: container.id, ...options })) as string;
}

/** The host ends a command after a minute; whoever waits waits a little longer. */
const executeTimeoutSeconds = 70;

/** Runs a command to its end inside the container. Throws `Conflict` unless the container runs. */
export async function executeInContainer(
  { db }: ContainerDeps,
  ctx: ProjectContext,
  ident: string,
  command: string[],
): Promise<Executed> {
  const container = await getContainer(db, visibleTo(ctx), ident);
  refuseUnless(container, 'execute');
  if (container.hostId === null)
    throw new Conflict(`Container ${container.id} has no host: ${container.unplacedReason}`);
  const asked = { id: container.id, command };
  const options = { timeoutSeconds: executeTimeoutSeconds };
  return (await callHost(db, container.hostId, 'containerExecute', asked, options)) as Executed;
}
