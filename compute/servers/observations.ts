/** What the reconciler writes of servers: what it saw on the host, and why it could not do better. No one else writes these. */
import type { Knex } from '../../common/database/database.ts';
import type { PowerState } from '../drivers/driver.ts';
import { patienceSeconds } from '../limits.ts';
import type { Server } from './server.ts';

/** The server is as asked in this revision. Something newer may have been asked for meanwhile; that stays unsettled. */
export async function settleServer(
  db: Knex,
  server: Server,
  power: PowerState,
  pluggedPorts: readonly string[],
): Promise<void> {
  await forgetPassword(db, server);
  await db('servers')
    .where({ id: server.id })
    .update({
      observed_power: power,
      observed_disk_generation: server.diskGeneration,
      observed_rescue: server.rescueImageId !== null,
      observed_shelved: server.shelvedAt !== null,
      observed_ports: pluggedPorts.toSorted(),
      settled_revision: server.revision,
      is_faulty: false,
      failing_since: null,
      launched_at: db.raw('coalesce(launched_at, now())'),
      updated_at: db.fn.now(),
    });
}

/** The one of this revision: a later wish has brought its own. The lock makes one that is just being asked for come first. */
async function forgetPassword(db: Knex, { id, revision }: Server): Promise<void> {
  await db.raw(
    `with settled as (select id from servers where id = ? and revision = ? for no key update)
      update server_boot_data set admin_password = null from settled
      where server_id = settled.id and admin_password is not null`,
    [id, revision],
  );
}

/** The guest has ended by itself: until something else is asked for, that is how it should be. */
export async function acceptShutdown(db: Knex, server: Server): Promise<void> {
  await db('servers')
    .where({ id: server.id })
    .update({ stopped_itself_at_revision: server.revision, observed_power: 'shutdown', updated_at: db.fn.now() });
}

/** The guest is doing something else than what it settled on: the server is pending again until it does as asked. */
export async function unsettle(db: Knex, server: Server, power: PowerState): Promise<void> {
  await db('servers')
    .where({ id: server.id })
    .update({ observed_power: power, settled_revision: server.revision - 1, updated_at: db.fn.now() });
}

export interface Fault {
  /** For the user. */
  message: string;
  /** For administrators: the chain of causes. */
  details: string;
  /** Nobody should have to wait for it, although it may pass. */
  isToldAtOnce?: boolean;
}

/** Trying again cannot help: the server is in error until something else is asked for. */
export async function giveUpOn(db: Knex, server: Server, fault: Fault): Promise<void> {
  await db('servers')
    .where({ id: server.id })
    .update({
      ...faultColumns(db, fault),
      is_faulty: true,
      settled_revision: server.revision,
      failing_since: null,
      updated_at: db.fn.now(),
    });
}

/**
 * It will be tried again. The user is told by the server's status once it has gone on for too long. Of a server that is as
 * asked, a look that failed says nothing.
 */
export async function recordFailure(db: Knex, server: Server, fault: Fault): Promise<void> {
  const since = 'coalesce(failing_since, now())';
  await db('servers')
    .where({ id: server.id })
    .whereRaw('settled_revision < revision')
    .update({
      ...faultColumns(db, fault),
      failing_since: db.raw(since),
      is_faulty: db.raw(`is_faulty or ? or now() - ${since} > ? * interval '1 second'`, [
        fault.isToldAtOnce === true,
        patienceSeconds,
      ]),
      updated_at: db.fn.now(),
    });
}

function faultColumns(db: Knex, fault: Fault) {
  return { fault_message: fault.message, fault_details: fault.details, fault_at: db.fn.now() };
}
