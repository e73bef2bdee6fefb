/**
 * Questions that only a guest's own host can answer, such as what is on its console. They go through the database like
 * everything else, so that the API needs no road to the hosts: it writes the question, wakes the host, and waits for a while.
 */
import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { CloudError, Conflict, Unavailable } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import { findHostId } from './store.ts';

/** What this host can be asked, by name. What it takes and gives must survive JSON. */
export type HostMethods = Record<string, (callArguments: Record<string, unknown>) => Promise<unknown>>;

const topic = 'host-calls';
const forgottenAfterSeconds = 300;

/** Asks a host and waits. Throws `Conflict` with the host's own words when it refuses, `Unavailable` when it says nothing. */
export async function callHost(
  db: Knex,
  hostId: string,
  method: string,
  callArguments: Record<string, unknown>,
  { timeoutSeconds = 20 } = {},
): Promise<unknown> {
  const [{ id }] = await db('host_calls')
    .insert({ host_id: hostId, method, arguments: JSON.stringify(callArguments) })
    .returning('id');
  await notify(db, topic, id);
  const deadline = performance.now() + timeoutSeconds * 1000;
  try {
    for (let pauseMs = 5; performance.now() < deadline; pauseMs = Math.min(pauseMs * 2, 200)) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      const row = await db('host_calls').where({ id }).whereNotNull('answered_at').first('answer', 'error');
      if (row?.error) throw new Conflict(row.error);
      if (row) return row.answer;
    }
  } finally {
    await db('host_calls').where({ id }).delete();
  }
  throw new Unavailable('The host of this guest does not answer now; try again.');
}

/** Answers what this host is asked, each question at most once. */
export function hostCallReconciler(deps: {
  db: Knex;
  log: Logger;
  hostName: string;
  methods: HostMethods;
}): Reconciler {
  const { db, log, hostName, methods } = deps;
  return {
    name: topic,
    async pending(limit) {
      const hostId = await findHostId(db, hostName);
      if (hostId === undefined) return [];
      const rows = await db('host_calls')
        .where({ host_id: hostId, answered_at: null, taken_at: null })
        .orderBy('created_at')
        .limit(limit)
        .select('id');
      return rows.map((row) => row.id);
    },
    async reconcile(id) {
      const hostId = await findHostId(db, hostName);
      if (hostId === undefined) return;
      // Marked first: after a crash nobody knows how far it came, and a command is not to be run again unasked.
      const [call] = await db('host_calls')
        .where({ id, host_id: hostId, taken_at: null })
        .update({ taken_at: db.fn.now() })
        .returning(['method', 'arguments']);
      if (call === undefined) return; // for another host, or nobody waits any more
      const answer = { answer: 'null', error: null as string | null };
      try {
        const method = methods[call.method];
        if (method === undefined) throw new Conflict(`This host cannot be asked for ${call.method}.`);
        answer.answer = JSON.stringify((await method(call.arguments)) ?? null, storable);
      } catch (error) {
        log.warn({ err: error, method: call.method }, 'a call of this host failed');
        answer.error = error instanceof CloudError ? error.message : 'The host could not answer.';
      }
      await db('host_calls')
        .where({ id })
        .update({ ...answer, answered_at: db.fn.now() });
    },
    async sweep() {
      await db('host_calls').whereRaw("created_at < now() - ? * interval '1 second'", [forgottenAfterSeconds]).delete();
      return [];
    },
  };
}

/** What guests write may hold what PostgreSQL's JSON cannot: NUL, and halves of characters. */
function storable(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.replaceAll('\0', '\ufffd').toWellFormed() : value;
}
