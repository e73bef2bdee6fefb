import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { CloudError, PermanentFailure } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import { guestPorts, releasePorts } from '../../network/ports.ts';
import { type ContainerSpec, type ObservedContainer, ToldAtOnce } from '../drivers/driver.ts';
import { knownIds, sweepGuests } from '../hosts/sweep.ts';
import { pidsLimit } from '../limits.ts';
import { type Container, effectivePower, isRebooting } from './container.ts';
import { type ContainerImages, ensureImage } from './images.ts';
import {
  acceptEnd,
  type Fault,
  giveUpOn,
  planRestart,
  recordFailure,
  settleContainer,
  unsettle,
} from './observations.ts';
import { hasEnded, isRestarted, restartDelaySeconds } from './restart.ts';
import { findContainerOnHost, listPowerOnHost, listUnsettledIds } from './store.ts';

export interface ContainerReconcilerDeps extends ContainerImages {
  db: Knex;
  log: Logger;
  /** This host: the containers of others are none of its business. */
  hostName: string;
}

export const topic = 'containers';

/** Makes this host run the containers that were placed on it, as they were asked for, and no others. */
export function containerReconciler(deps: ContainerReconcilerDeps): Reconciler {
  const { db, log, driver, hostName } = deps;
  return {
    name: topic,
    concurrency: 64, // a step mostly waits for its guest; what costs the host something is bounded by the driver
    pending: (limit) => listUnsettledIds(db, hostName, limit),
    async reconcile(id) {
      const container = await findContainerOnHost(db, hostName, id);
      if (container === undefined) return;
      const isLeaving = container.deletionRequestedAt !== null;
      try {
        await (isLeaving ? removeContainer : settle)(deps, container);
      } catch (error) {
        const fault = faultOf(error);
        const isFinal = error instanceof PermanentFailure && !isLeaving; // a deletion is never given up
        log.warn({ err: error, container: id, isFinal }, 'a container is not as asked');
        if (isFinal) return giveUpOn(db, container, fault);
        await recordFailure(db, container, fault);
        throw error; // the loop tries again, later each time
      }
    },
    sweep: () =>
      sweepGuests(
        driver,
        { onThisHost: () => listPowerOnHost(db, hostName), known: (ids) => knownIds(db, 'containers', ids) },
        log,
      ),
  };
}

/** The row goes last: a crash before that leaves it, and by it everything else is found again. */
async function removeContainer({ db, driver }: ContainerReconcilerDeps, container: Container): Promise<void> {
  if (container.stopsBeforeDeletion && (await driver.observe(container.id))?.power === 'running')
    await driver.power(await specOf(db, container), 'shutdown', { graceSeconds: container.stopGraceSeconds });
  await driver.remove(container.id);
  await db.transaction(async (trx) => {
    await releasePorts(trx, container.id);
    await trx('containers').where({ id: container.id }).delete();
  });
}

async function settle(deps: ContainerReconcilerDeps, container: Container): Promise<void> {
  const { db, driver } = deps;
  const wanted = effectivePower(container);
  const isSettled = container.settledRevision === container.revision;
  if (isSettled && container.isFaulty && container.failingSince === null) return; // it gave up on this revision
  if (isSettled && !container.isRestartDue) {
    const guest = await driver.observe(container.id);
    if (isAsWanted(guest, wanted)) {
      if (container.failingSince !== null) await settleContainer(db, container, guest);
      return;
    }
    if (container.restartAt !== null && hasEnded(guest)) return; // its time has not come
    if (wanted === 'running' && hasEnded(guest)) {
      const ranSeconds = container.observedPower === 'running' ? container.observedForSeconds : 0;
      return db.transaction((trx) => afterEnd(trx, container, guest, ranSeconds));
    }
    await unsettle(db, container, guest); // somebody else's doing: it is put right
  }
  await ensureImage(deps, container.imageId);
  const spec = await specOf(db, container);
  await driver.ensure(spec);
  const { stopGraceSeconds: graceSeconds } = container;
  if (isRebooting(container)) await driver.power(spec, 'shutdown', { graceSeconds });
  await driver.power(spec, wanted, { graceSeconds });
  const guest = await driver.observe(container.id);
  if (guest === undefined) throw new CloudError(`Container ${container.id} was gone as soon as it was there.`);
  await db.transaction(async (trx) => {
    const settled = await settleContainer(trx, container, guest);
    if (!hasEnded(guest)) return;
    if (wanted === 'running')
      await afterEnd(trx, settled, guest, 0); // it was quick
    else if (container.isAutoRemoved) await acceptEnd(trx, settled, guest);
  });
}

function isAsWanted(guest: ObservedContainer | undefined, wanted: 'running' | 'shutdown'): guest is ObservedContainer {
  if (wanted === 'running') return guest?.power === 'running';
  return guest?.power === 'shutdown' || guest?.power === 'crashed';
}

async function afterEnd(
  trx: Knex,
  container: Container,
  guest: ObservedContainer & { exitCode: number },
  ranSeconds: number,
): Promise<void> {
  if (isRestarted(container, guest))
    await planRestart(trx, container, guest, restartDelaySeconds(container.restarts, ranSeconds));
  else await acceptEnd(trx, container, guest);
  await notify(trx, topic, container.id);
}

/** Everything the host has to know, read afresh: ports and addresses may have changed since the container was made. */
async function specOf(db: Knex, container: Container): Promise<ContainerSpec> {
  return {
    id: container.id,
    name: container.name,
    imageId: container.imageId,
    command: container.command,
    environment: container.environment,
    workingDirectory: container.workingDirectory,
    labels: container.labels,
    hostname: container.hostname,
    cpus: container.cpus,
    memoryMib: container.memoryMib,
    pidsLimit,
    interactive: container.isInteractive,
    tty: container.hasTty,
    restartPolicy: { name: container.restartPolicy, maximumRetries: container.maximumRetries },
    ports: (await guestPorts(db, [container.id])).get(container.id) ?? [],
  };
}

/** Our own failures are worded for users; what anything else says stays with administrators. */
function faultOf(error: unknown): Fault {
  const chain: string[] = [];
  for (let cause: unknown = error; cause instanceof Error && chain.length < 10; cause = cause.cause)
    chain.push(`${cause.name}: ${cause.message}`);
  const details = chain.join('\n') || String(error);
  if (error instanceof CloudError)
    return { message: error.message, details, isToldAtOnce: error instanceof ToldAtOnce };
  if ((error as { code?: string }).code === 'ENOSPC')
    return { message: "The container's host has no disk space left.", details, isToldAtOnce: true };
  return {
    message: "The container's host failed in a way that only its operator can see; it goes on trying.",
    details,
  };
}
