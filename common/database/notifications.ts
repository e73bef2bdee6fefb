import pg from 'pg';
import type { Logger } from '../logger.ts';
import { connectionOptions, type Knex } from './database.ts';

const channel = 'cirrostack';

/** Tells every process, once the transaction commits, that something about `id` may be worth a look. Only ever a hint. */
export async function notify(db: Knex, topic: string, id: string): Promise<void> {
  await db.raw('select pg_notify(?, ?)', [channel, `${topic} ${id}`]);
}

export interface Notifications {
  /** `id` is undefined when notices may have been missed, as after a reconnection: look at everything. */
  subscribe(topic: string, listener: (id: string | undefined) => void): () => void;
  /** While false, whoever relies on hearing of a change must read the database instead. */
  connected(): boolean;
  stop(): Promise<void>;
}

/** Listens on a connection of its own and comes back whenever that is lost. */
export function listenForNotifications(url: string, log: Logger): Notifications {
  const listeners = new Map<string, Set<(id: string | undefined) => void>>();
  let client: pg.Client | undefined;
  let retry: NodeJS.Timeout | undefined;
  let stopped = false;
  let connected = false;

  const tell = (topic: string, id: string | undefined) => {
    for (const listener of listeners.get(topic) ?? []) listener(id);
  };
  const connect = async () => {
    const mine = new pg.Client(connectionOptions(url, 'cirrostack notifications'));
    client = mine;
    const lost = (error?: Error) => {
      if (stopped || client !== mine) return;
      client = undefined;
      connected = false;
      log.warn({ err: error }, 'notifications lost, connecting again');
      mine.end().catch(() => undefined);
      retry = setTimeout(connect, 500);
    };
    mine.on('error', lost);
    mine.on('end', () => lost());
    mine.on('notification', ({ payload = '' }) => {
      const space = payload.indexOf(' ');
      tell(payload.slice(0, space), payload.slice(space + 1));
    });
    try {
      await mine.connect();
      await mine.query(`listen ${channel}`);
      connected = true;
      for (const topic of listeners.keys()) tell(topic, undefined);
    } catch (error) {
      lost(error as Error);
    }
  };
  const ready = connect();

  return {
    subscribe(topic, listener) {
      const set = listeners.get(topic) ?? new Set();
      listeners.set(topic, set.add(listener));
      return () => set.delete(listener);
    },
    connected: () => connected,
    async stop() {
      stopped = true;
      clearTimeout(retry);
      await ready;
      await client?.end().catch(() => undefined);
    },
  };
}
