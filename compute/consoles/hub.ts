/**
 * The consoles that are open in this process. Each stands on its row: when that is gone, or the rights that it was asked for
 * with, the console ends, within seconds and usually at once.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Knex } from '../../common/database/database.ts';
import type { Notifications } from '../../common/database/notifications.ts';
import { Conflict, NotFound, TooManyRequests, Unavailable } from '../../common/errors.ts';
import { refuseUpgrade, type Sockets } from '../../common/http/sockets.ts';
import type { Logger } from '../../common/logger.ts';
import { consolePrefix } from './console.ts';
import { consoleLimits } from './limits.ts';
import { isOriginAllowed, tokenOf } from './requests.ts';
import { arrivalsPath, type Roads } from './roads.ts';
import { closeCode, hangUp, splice } from './splice.ts';
import {
  type ConsoleRow,
  type ConsoleSettings,
  consolesTopic,
  forgetConsole,
  keepConsoles,
  takeConsoleToken,
} from './tokens.ts';
import { upgrade } from './upgrade.ts';

export interface HubDeps {
  db: Knex;
  log: Logger;
  notifications: Notifications;
  roads: Roads;
  settings: ConsoleSettings;
  publicUrl: string;
  allowedOrigins: readonly string[];
}

/** Takes requests for WebSockets below `/console` until it is closed. */
export function openHub(deps: HubDeps): Sockets {
  const { db, log, notifications, roads } = deps;
  const open = new Map<string, WebSocket>();
  let isClosed = false;

  let looking: Promise<void> | undefined;
  let lookAgain = false;
  /** One at a time; who asks meanwhile gets one more look for all. */
  const look = async (): Promise<void> => {
    lookAgain = looking !== undefined;
    if (lookAgain || open.size === 0) return;
    looking = lookOnce();
    await looking;
    looking = undefined;
    if (lookAgain) return look();
  };
  const lookOnce = async () => {
    try {
      const kept = await keepConsoles(db, [...open.keys()]);
      for (const [id, client] of open) if (!kept.has(id)) hangUp(client, closeCode.refused, 'This console is over.');
    } catch (err) {
      log.warn({ err }, 'cannot look whether consoles may stay open');
    }
  };
  const timer = setInterval(() => void look(), consoleLimits.lookEverySeconds * 1000);
  timer.unref();
  const unsubscribe = [consolesTopic, 'revocations'].map((topic) => notifications.subscribe(topic, () => void look()));

  const serve = async (row: ConsoleRow, request: IncomingMessage, connection: Duplex, head: Buffer) => {
    const about = { console: row.id, server: row.serverId, type: row.type, user: row.userId };
    try {
      const guest = await roads.open(row);
      const client = isClosed ? undefined : await upgrade(request, connection, head);
      if (client === undefined) return void guest.destroy();
      open.set(row.id, client);
      log.info(about, 'console opened');
      void look(); // it may have been ended while the guest was on its way
      await splice(client, guest);
      log.info(about, 'console closed');
    } finally {
      open.delete(row.id);
      await forgetConsole(db, row.id);
    }
  };

  const admit = async (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    if (isClosed) return refuseUpgrade(connection, 503, 'Service Unavailable');
    if (request.url?.split('?')[0] === arrivalsPath) return roads.arrive(request, connection, head);
    if (!isOriginAllowed(request, deps)) return refuseUpgrade(connection, 403, 'Forbidden');
    const row = await takeConsoleToken(db, tokenOf(request), deps.settings);
    if (row === undefined) return refuseUpgrade(connection, 403, 'Forbidden');
    await serve(row, request, connection, head);
  };

  return {
    accepts: (path) => [consolePrefix, `${consolePrefix}/`, arrivalsPath].includes(path),
    open(request, connection, head) {
      connection.on('error', () => {}); // told by its end
      admit(request, connection, head).catch((error) => {
        const [status, reason, level] = refusalOf(error);
        log[level]({ err: error }, 'a console could not be opened');
        if (!connection.destroyed) refuseUpgrade(connection, status, reason);
      });
    },
    async close() {
      isClosed = true;
      clearInterval(timer);
      for (const stop of unsubscribe) stop();
      for (const client of open.values()) client.terminate();
      await Promise.all([...open.keys()].map((id) => forgetConsole(db, id)));
    },
  };
}

function refusalOf(error: unknown): [status: number, reason: string, level: 'info' | 'warn' | 'error'] {
  if (error instanceof TooManyRequests) return [429, 'Too Many Requests', 'info'];
  if (error instanceof Conflict || error instanceof NotFound) return [409, 'Conflict', 'info'];
  return [503, 'Service Unavailable', error instanceof Unavailable ? 'warn' : 'error'];
}
