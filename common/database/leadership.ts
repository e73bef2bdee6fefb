import pg from 'pg';
import type { Logger } from '../logger.ts';
import { connectionOptions } from './database.ts';

export interface Leadership {
  /** Whether this process holds the lock now. Becomes false at once when its connection is lost. */
  held(): boolean;
  /** Called each time the lock is won. */
  onWon(listener: () => void): void;
  stop(): Promise<void>;
}

/**
 * At most one process of all that name the same lock holds it: a session-level advisory lock on a connection of its own,
 * which PostgreSQL releases when the process dies. The others ask again every `retryMs`.
 */
export function seekLeadership(url: string, name: string, log: Logger, { retryMs = 1000 } = {}): Leadership {
  const listeners: (() => void)[] = [];
  let held = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let client: pg.Client | undefined;

  const attempt = async (): Promise<void> => {
    try {
      client ??= await connect();
      const asked = client;
      const { rows } = await asked.query('select pg_try_advisory_lock(hashtextextended($1, 0)) as won', [name]);
      if (client !== asked) throw new Error('The connection was lost with the answer, and the lock with it.');
      held = rows[0].won;
      if (held) {
        log.info({ lock: name }, 'leading');
        for (const listener of listeners) listener();
        return;
      }
    } catch (error) {
      log.warn({ err: error, lock: name }, 'cannot ask for the lock');
      drop();
    }
    if (!stopped) timer = setTimeout(again, retryMs);
  };
  let attempting = Promise.resolve();
  const again = () => {
    attempting = attempt();
  };
  const drop = () => {
    held = false;
    client?.end().catch(() => undefined);
    client = undefined;
  };
  const connect = async () => {
    const mine = new pg.Client(connectionOptions(url, `cirrostack lock ${name}`));
    const lost = () => {
      if (client !== mine) return;
      const wasHeld = held;
      drop();
      if (wasHeld && !stopped) again(); // otherwise an attempt is under way and will come back by itself
    };
    mine.on('error', lost);
    mine.on('end', lost);
    await mine.connect();
    return mine;
  };
  again();

  return {
    held: () => held,
    onWon: (listener) => {
      listeners.push(listener);
      if (held) listener();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await attempting;
      drop();
    },
  };
}
