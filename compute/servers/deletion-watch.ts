import type { Knex } from '../../common/database/database.ts';
import { Unavailable } from '../../common/errors.ts';

const lookMs = 2000;

/** Takes a step that may be about gigabytes: its signal is aborted soon after the deletion of the server is asked for. */
export async function watchingDeletion<T>(
  db: Knex,
  serverId: string,
  step: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const watch = new AbortController();
  const look = async () => {
    const row = await db('servers').where({ id: serverId }).first('deletion_requested_at');
    if (row?.deletion_requested_at !== null) watch.abort(new Unavailable('The server is being deleted.'));
  };
  const timer = setInterval(() => void look().catch(() => undefined), lookMs); // a failure is for the next look
  try {
    return await step(watch.signal);
  } finally {
    clearInterval(timer);
  }
}

/** Waits no longer than until `signal` is aborted, and throws its reason then; what goes on is for others too. */
export async function waitUnless<T>(signal: AbortSignal, awaited: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([awaited, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
