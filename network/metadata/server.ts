/** HTTP for guests, who are hostile: what they send is bounded in size, time and number, and only how they got here counts. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createListener, type Server as Listener, type Socket } from 'node:net';
import type { AnswerMetadata, MetadataAnswer } from './driver.ts';

/** How many connections one guest, and all guests of a network, may have open. */
const most = { perGuest: 16, perNetwork: 256 } as const;
export interface GuestLimits {
  /** Milliseconds for one request, whoever is slow: a guest under emulation, or what vendors of data say. */
  patienceMs: number;
  /** How many connections may be open; beyond, the network that has the most loses its oldest. */
  altogether: number;
}
const limits: GuestLimits = { patienceMs: 30_000, altogether: 2048 };
const mostHeaderBytes = 8192;
/** Of a body: only passwords are sent, which are shorter. */
const mostBodyBytes = 4096;

interface Caller {
  networkId: string;
  address: string;
}

export interface GuestServer {
  /** Takes connections that come in at the descriptor, as from guests of the network, until the listener is closed. */
  listen(networkId: string, descriptor: number): Promise<Listener>;
  /** Ends the connections of a network's guests. */
  cut(networkId: string): void;
  close(): void;
}

export function guestServer(
  answer: AnswerMetadata,
  { patienceMs, altogether: mostOpen }: GuestLimits = limits,
): GuestServer {
  const callers = new WeakMap<Socket, Caller>();
  const open = new Map<string, number>();
  /** Of each network that has any, in the order in which they came. */
  const networks = new Map<string, Set<Socket>>();
  let altogether = 0;

  /** Whoever fills all places takes them from itself and not from who comes next: its own network, or the one with the most. */
  const endOldestFor = (networkId: string) => {
    let fullest = networks.get(networkId) ?? new Set();
    for (const sockets of networks.values()) if (sockets.size > fullest.size) fullest = sockets;
    const [oldest] = fullest;
    if (oldest === undefined) return;
    leave(oldest);
    oldest.destroy();
  };
  const leave = (socket: Socket) => {
    const { networkId, address } = callers.get(socket) as Caller; // it has arrived
    const sockets = networks.get(networkId);
    if (!sockets?.delete(socket)) return; // already
    altogether -= 1;
    if (sockets.size === 0) networks.delete(networkId);
    const key = `${networkId} ${address}`;
    const left = (open.get(key) ?? 1) - 1;
    if (left === 0) open.delete(key);
    else open.set(key, left);
  };

  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const caller = callers.get(request.socket);
    const body = await bodyOf(request);
    if (caller === undefined) return void request.socket.destroy();
    if (body === undefined) return send(response, plain(413, 'Request is too large.'));
    const { method = 'GET', url = '/' } = request;
    const found = await answer({ ...caller, method, url, body });
    send(response, found, method === 'HEAD');
  };
  const http = createServer({ maxHeaderSize: mostHeaderBytes }, (request, response) => {
    respond(request, response).catch(() => send(response, plain(503, 'Metadata is not available now.')));
  });
  http.maxRequestsPerSocket = 1; // each is a new connection, which the kernel counts (commands.ts)

  const arrive = (networkId: string, socket: Socket) => {
    if (socket.remoteAddress === undefined) return void socket.destroy(); // it is gone already
    const caller = { networkId, address: socket.remoteAddress };
    const key = `${networkId} ${caller.address}`;
    socket.on('error', () => undefined);
    if ((open.get(key) ?? 0) >= most.perGuest) return void socket.destroy();
    if (altogether >= mostOpen) endOldestFor(networkId);
    callers.set(socket, caller);
    networks.set(networkId, (networks.get(networkId) ?? new Set()).add(socket));
    open.set(key, (open.get(key) ?? 0) + 1);
    altogether += 1;
    // The server's own limits are only kept where it listens itself.
    const patience = setTimeout(() => socket.destroy(), patienceMs);
    socket.on('close', () => {
      clearTimeout(patience);
      leave(socket);
    });
    http.emit('connection', socket);
  };
  return {
    listen(networkId, descriptor) {
      const listener = createListener((socket) => arrive(networkId, socket));
      listener.maxConnections = most.perNetwork;
      return new Promise((resolve, reject) => {
        listener.once('error', reject);
        listener.listen({ fd: descriptor }, () => resolve(listener));
      });
    },
    cut(networkId) {
      for (const socket of networks.get(networkId) ?? []) socket.destroy();
    },
    close() {
      for (const sockets of networks.values()) for (const socket of sockets) socket.destroy();
    },
  };
}

export const plain = (status: number, body: string): MetadataAnswer => ({
  status,
  contentType: 'text/plain; charset=UTF-8',
  body,
});

/** Undefined when it is too large. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += part.length;
    if (bytes > mostBodyBytes) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function send(response: ServerResponse, { status, contentType, body }: MetadataAnswer, isHead = false): void {
  if (response.headersSent || response.destroyed) return;
  const length = Buffer.byteLength(body);
  response.writeHead(status, { 'content-type': contentType, 'content-length': length, connection: 'close' });
  response.end(isHead ? undefined : body);
}
