/** Clients of consoles, as tests need them. */
import { once } from 'node:events';
import { request } from 'node:http';
import type { ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import { until } from '../drivers/contract/host-under-test.ts';

export interface TestConsole {
  socket: WebSocket;
  /** Everything that came. */
  received(): Buffer;
  /** Waits until that holds these bytes. */
  says(bytes: string | Buffer): Promise<void>;
  /** Waits for its end; gives the code that it was ended with. */
  ended: Promise<number>;
}

/** Opens a WebSocket, ended with the test; throws when it is refused. */
export async function openConsole(
  t: ExecutionContext<unknown>,
  url: string,
  options: { origin?: string; headers?: Record<string, string> } = {},
): Promise<TestConsole> {
  const socket = new WebSocket(url, ['binary'], options);
  t.teardown(() => socket.terminate());
  const pieces: Buffer[] = [];
  socket.on('message', (piece: Buffer) => pieces.push(piece));
  const ended = new Promise<number>((resolve) => socket.once('close', resolve));
  await once(socket, 'open');
  const received = () => Buffer.concat(pieces);
  return {
    socket,
    received,
    says: (bytes) => until(t, `it says ${bytes}`, () => received().includes(bytes)),
    ended,
  };
}

/** The status that a request for a WebSocket is answered with; 101 when it became one. */
export async function upgradeStatus(url: string, headers: Record<string, string> = {}): Promise<number> {
  const asked = request(url, {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'x3JJHMbDL1EzLkh9GBhXDw==',
      ...headers,
    },
  });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  asked.on('response', (response) => resolve(response.resume().statusCode ?? 0));
  asked.on('upgrade', (response, socket) => {
    socket.destroy();
    resolve(response.statusCode ?? 0);
  });
  asked.on('error', reject);
  asked.end();
  return promise;
}
