/** What the reconciler writes of containers: what it saw on the host, and why it could not do better. No one else writes these. */
import type { Knex } from '../../common/database/database.ts';
import type { ObservedContainer } from '../drivers/driver.ts';
import { patienceSeconds } from '../limits.ts';
import type { Container } from './container.ts';

/**
 * The container is as asked in this revision. Something newer may have been asked for meanwhile; that stays unsettled. Gives
 * the container as it is written down now.
 */
export async function settleContainer(db: Knex, container: Container, guest: ObservedContainer): Promise<Container> {
  const { revision, rebootRevision } = container;
  const restarts = container.settledRevision < revision ? 0 : container.restarts; // those since it was last asked for
  await update(db, container, {
    ...seen(db, container, guest),
    settled_revision: revision,
    rebooted_revision: rebootRevision,
    restarts,
    restart_at: null,
    ...(container.wantedPower === 'running' && { launched_at: db.raw('coalesce(launched_at, now())') }),
    is_faulty: false,
    fault_message: null,
    fault_details: null,
    failing_since: null,
  });
  return {
    ...container,
    settledRevision: revision,
    rebootedRevision: rebootRevision,
    restarts,
    restartAt: null,
    observedPower: guest.power,
  };
}

/** The program has come to its end: until something else is asked for, that is how it should be. */
export async function acceptEnd(db: Knex, container: Container, guest: ObservedContainer): Promise<void> {
  await update(db, container, {
    ...seen(db, container, guest),
    ended_at_revision: container.revision,
    restart_at: null,
    ...(container.isAutoRemoved && { deletion_requested_at: db.raw('coalesce(deletion_requested_at, now())') }),
  });
}

/** The program has ended and is to be started again, after a while. */
export async function planRestart(
  db: Knex,
  container: Container,
  guest: ObservedContainer,
  delaySeconds: number,
): Promise<void> {
  await update(db, container, {
    ...seen(db, container, guest),
    restarts: container.restarts + 1,
    restart_at: db.raw("now() + ? * interval '1 second'", [delaySeconds]),
  });
}

/** The container is doing something else than what it settled on: it is pending again until it does as asked. */
export async function unsettle(db: Knex, container: Container, guest: ObservedContainer | undefined): Promise<void> {
  await update(db, container, {
    observed_power: guest?.power ?? 'shutdown',
    observed_exit_code: guest?.exitCode ?? null,
    observed_since: db.fn.now(),
    settled_revision: container.revision - 1,
  });
}

export interface Fault {
  /** For the user. */
  message: string;
  /** For administrators: the chain of causes. */
  details: string;
  /** Nobody should have to wait for it, although it may pass. */
  isToldAtOnce?: boolean;
}

/** Trying again cannot help: the container is in error until something else is asked for. */
export async function giveUpOn(db: Knex, container: Container, fault: Fault): Promise<void> {
  await update(db, container, {
    ...faultColumns(fault),
    is_faulty: true,
    settled_revision: container.revision,
    rebooted_revision: container.rebootRevision,
    restart_at: null,
    failing_since: null,
  });
}

/** It will be tried again. The user is told by the container's status once it has gone on for too long. */
export async function recordFailure(db: Knex, container: Container, fault: Fault): Promise<void> {
  const since = 'coalesce(failing_since, now())';
  await update(db, container, {
    ...faultColumns(fault),
    failing_since: db.raw(since),
    is_faulty: db.raw(`is_faulty or ? or now() - ${since} > ? * interval '1 second'`, [
      fault.isToldAtOnce === true,
      patienceSeconds,
    ]),
  });
}

function seen(db: Knex, container: Container, guest: ObservedContainer) {
  return {
    observed_power: guest.power,
    observed_exit_code: guest.exitCode,
    observed_command: JSON.stringify(guest.command),
    ...((guest.power !== container.observedPower || container.restartAt !== null) && { observed_since: db.fn.now() }),
  };
}

function faultColumns(fault: Fault) {
  return { fault_message: fault.message, fault_details: fault.details };
}

async function update(db: Knex, { id }: Container, columns: Record<string, unknown>): Promise<void> {
  await db('containers')
    .where({ id })
    .update({ ...columns, updated_at: db.fn.now() });
}
