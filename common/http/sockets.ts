/** What a service does with requests that want to become something else than HTTP. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

export interface Sockets {
  /** Whether such a request is this service's; others are answered as if they had not asked. `path` is without the query. */
  accepts(path: string): boolean;
  /** The connection is the service's from here on, to answer and to end. */
  open(request: IncomingMessage, connection: Duplex, head: Buffer): void;
  /** Ends what is open. */
  close(): Promise<void>;
}

/** For `http.createServer`: nothing is upgraded that no service waits for. */
export function socketsFor(
  services: readonly { sockets?: Sockets }[],
  { url = '', headers }: Pick<IncomingMessage, 'url' | 'headers'>,
): Sockets | undefined {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return undefined;
  const [path = ''] = url.split('?');
  return services.find(({ sockets }) => sockets?.accepts(path))?.sockets;
}

/** How long a client may take to read why it was refused. */
const farewellMs = 2000;

/** Answers with a status and nothing else, and ends the connection, whether the client ends its side or not. */
export function refuseUpgrade(connection: Duplex, status: number, reason: string): void {
  connection.on('error', () => {}); // it is being ended
  // Node keeps such a connection half open, and none of its limits in time is kept after an upgrade.
  connection.once('finish', () => connection.destroy());
  const late = setTimeout(() => connection.destroy(), farewellMs).unref();
  connection.once('close', () => clearTimeout(late));
  connection.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
