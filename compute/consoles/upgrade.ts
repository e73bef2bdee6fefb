/** Requests for WebSockets becoming WebSockets. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import { consoleLimits } from './limits.ts';
import { endWhenSilent } from './liveness.ts';

let server: Promise<WebSocketServer> | undefined;

/**
 * Accepts. What is no WebSocket after all is answered 400 or 405 and gives undefined. Messages may be of the size that makes
 * sense here; whoever sends more is cut off (1009). Nothing is compressed: the guest's screen is already.
 */
export async function upgrade(
  request: IncomingMessage,
  connection: Duplex,
  head: Buffer,
): Promise<WebSocket | undefined> {
  // Loaded by the first who needs it.
  server ??= import('ws').then(
    ({ WebSocketServer }) =>
      new WebSocketServer({
        noServer: true,
        clientTracking: false,
        perMessageDeflate: false,
        maxPayload: consoleLimits.messageBytes,
        // What websockify, and so every client of Nova's consoles, calls bytes as they are.
        handleProtocols: (offered) => (offered.has('binary') ? 'binary' : false),
      }),
  );
  if (connection.destroyed) return undefined;
  const { promise, resolve } = Promise.withResolvers<WebSocket | undefined>();
  connection.once('close', () => resolve(undefined)); // `ws` has answered it with a refusal
  (await server).handleUpgrade(request, connection, head, (client) => {
    client.pause(); // until somebody reads, or what comes first is lost
    client.on('error', () => {}); // told by its end
    endWhenSilent(client);
    resolve(client);
  });
  return promise;
}
