/**
 * How a process that serves a console reaches the guest. On its own host it asks the driver. The agent of another host is
 * asked through the database, as for all that only a host can answer, and calls back: a WebSocket to this very process, that
 * brings the guest's bytes. So nothing listens on hosts, and it works for any number of processes behind one public URL.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Unavailable } from '../../common/errors.ts';
import { refuseUpgrade } from '../../common/http/sockets.ts';
import type { Logger } from '../../common/logger.ts';
import type { ConsoleKind } from '../drivers/driver.ts';
import { callHost, type HostMethods } from '../hosts/calls.ts';
import { consolePrefix, kindOf } from './console.ts';
import type { HostConsoles } from './host-consoles.ts';
import { consoleLimits } from './limits.ts';
import { endWhenSilent } from './liveness.ts';
import { splice } from './splice.ts';
import type { ConsoleRow } from './tokens.ts';
import { upgrade } from './upgrade.ts';

export type Guest = Pick<ConsoleRow, 'serverId' | 'hostId' | 'hostName' | 'type'>;

/** Where agents come to. */
export const arrivalsPath = `${consolePrefix}/hosts`;
const method = 'openConsole';

export interface Roads {
  /** A way to the guest's console. Throws `Conflict` when it has none now, `Unavailable` when its host does not answer. */
  open(guest: Guest): Promise<Duplex>;
  /** An agent that was called has come. */
  arrive(request: IncomingMessage, connection: Duplex, head: Buffer): Promise<void>;
}

export interface RoadDeps {
  db: Knex;
  /** The consoles of this host and its name, when this process is its agent. */
  own: { hostName: string; consoles: HostConsoles } | undefined;
  /** `ws://…`: how agents of other hosts reach this process; asked for when it is needed, as the port may not be known before. */
  address: () => string;
}

export function openRoads({ db, own, address }: RoadDeps): Roads {
  const expected = new Map<string, (client: WebSocket) => void>();
  return {
    async open({ serverId, hostId, hostName, type }) {
      if (own?.hostName === hostName) return own.consoles.open(serverId, kindOf[type]);
      const { createWebSocketStream } = await import('ws');
      const ticket = randomBytes(32).toString('base64url');
      const arrival = Promise.withResolvers<WebSocket>();
      arrival.promise.catch(() => {}); // it may fail before it is awaited
      expected.set(ticket, (client) => {
        arrival.resolve(client);
        arrival.promise.catch(() => client.terminate()); // it was given up
      });
      const late = setTimeout(
        () => arrival.reject(new Unavailable('The host of this server does not answer now; try again.')),
        consoleLimits.arrivalSeconds * 1000,
      );
      try {
        const asked = { id: serverId, kind: kindOf[type], address: address(), ticket };
        await callHost(db, hostId, method, asked, { timeoutSeconds: consoleLimits.arrivalSeconds });
        return createWebSocketStream(await arrival.promise);
      } catch (error) {
        arrival.reject(error);
        arrival.promise.then(
          (client) => client.terminate(), // it has come, though its host did not say so
          () => {},
        );
        throw error;
      } finally {
        clearTimeout(late);
        expected.delete(ticket);
      }
    },
    async arrive(request, connection, head) {
      const ticket = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
      const take = expected.get(ticket);
      if (take === undefined) return refuseUpgrade(connection, 403, 'Forbidden');
      expected.delete(ticket);
      const client = await upgrade(request, connection, head);
      if (client !== undefined) take(client);
    },
  };
}

/** What the agent of a host does when it is called. */
export function consoleHostMethods(consoles: HostConsoles, log: Logger): HostMethods {
  return {
    async [method]({ id, kind, address, ticket }) {
      const guest = await consoles.lend(id as string, kind as ConsoleKind);
      try {
        const client = await callBack(address as string, ticket as string);
        void splice(client, guest);
      } catch (error) {
        guest.destroy();
        log.warn({ err: error, address }, 'cannot reach who asked for a console');
        throw new BadRequest('The host of this server cannot reach the cloud to show its console.', { cause: error });
      }
    },
  };
}

async function callBack(address: string, ticket: string): Promise<WebSocket> {
  const { WebSocket } = await import('ws');
  const client = new WebSocket(`${address}${arrivalsPath}`, {
    headers: { authorization: `Bearer ${ticket}` },
    perMessageDeflate: false,
    handshakeTimeout: consoleLimits.arrivalSeconds * 1000,
    followRedirects: false,
  });
  const opened = Promise.withResolvers<void>();
  client.once('error', opened.reject).once('open', () => {
    client.pause(); // until somebody reads
    opened.resolve();
  });
  await opened.promise;
  client.on('error', () => {}); // told by its end
  endWhenSilent(client);
  return client;
}
