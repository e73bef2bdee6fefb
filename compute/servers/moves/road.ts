/**
 * The road between two hosts' agents, on which disks and running guests go: TLS with a key that both make of the cloud's master
 * key and the move's id, so that nobody else gets in or listens, and no certificates are needed. The host that is left calls;
 * each call is a connection of its own, a line of JSON there and back, and then whatever the call is about.
 */
import { createHmac } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { BadRequest, CloudError, Conflict, PermanentFailure, Unavailable } from '../../../common/errors.ts';
import { isUuid } from '../../../common/ids.ts';
import type { Logger } from '../../../common/logger.ts';
import type { Secret } from '../../../common/secret.ts';
import { ToldAtOnce } from '../../drivers/driver.ts';
import { readMessage, writeMessage } from './wire.ts';

/** Keys that were agreed on beforehand, with a secret of its own for each connection; only TLS 1.2 has these by name. */
const tlsOptions = {
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
  ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
} as const;

const handshakeSeconds = 10;
/** Without a sign of life for so long a connection is lost. */
const silenceSeconds = 60;
/** Of which a move needs four at most. */
export const mostConnections = 256;
const strangersMs = 60_000;
const unspecified = ['0.0.0.0', '::'];

export interface Question extends Record<string, unknown> {
  call: string;
}

/** What a host answers, and what it then does with the connection; what that gives is said at its end. */
export interface Reply {
  answer: object;
  next?: (socket: TLSSocket) => Promise<object | undefined>;
}

export type Answerer = (moveId: string, question: Question) => Promise<Reply>;

function keyOf(master: Secret, moveId: string): Buffer {
  return createHmac('sha256', master.reveal()).update(`server move ${moveId}`).digest();
}

export interface Listening {
  /** HOST:PORT as other hosts reach it. */
  address: string;
  stop(): Promise<void>;
}

/**
 * Lets servers of other hosts in. Throws when `address` (HOST:PORT, 0 takes a free port) cannot be had, and `BadRequest` when it is
 * none by which other hosts could call this one.
 */
export async function listenForMoves(
  address: string,
  master: Secret,
  log: Logger,
  answer: Answerer,
): Promise<Listening> {
  const { host, port } = parseAddress(address);
  const identities = new WeakMap<object, string>();
  const sockets = new Set<TLSSocket>();
  const server = createServer(
    {
      ...tlsOptions,
      handshakeTimeout: handshakeSeconds * 1000,
      pskCallback(socket, identity) {
        if (!isUuid(identity)) return null;
        identities.set(socket, identity);
        return keyOf(master, identity);
      },
    },
    (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {}); // who reads or writes is told
      converse(socket, identities.get(socket) ?? '', answer).catch((err) => {
        log.warn({ err }, 'a call of another host failed');
        if (!socket.destroyed) writeMessage(socket, { error: wordsOf(err), isFinal: isFinal(err) });
        socket.end();
      });
    },
  );
  server.maxConnections = mostConnections;
  server.on('tlsClientError', strangersTold(log));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, () => resolve());
  });
  const stop = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  const own = server.address() as AddressInfo;
  if (unspecified.includes(own.address)) {
    await stop();
    throw new BadRequest(
      `Setting migrationListen: ${address} is every address of this host, and other hosts need one to call it by.`,
    );
  }
  return { address: `${host}:${own.port}`, stop };
}

/** Who scans ports does not fill the log: one line a minute at most, with how many there were. */
function strangersTold(log: Logger): (error: Error) => void {
  let [count, toldAt] = [0, Number.NEGATIVE_INFINITY];
  return (error) => {
    count += 1;
    if (performance.now() - toldAt < strangersMs) return;
    log.warn({ problem: error.message, count }, 'refused connections that are not of this cloud');
    [count, toldAt] = [0, performance.now()];
  };
}

async function converse(socket: TLSSocket, moveId: string, answer: Answerer): Promise<void> {
  socket.setKeepAlive(true, (silenceSeconds * 1000) / 4);
  const question = await readMessage(socket);
  const reply = await answer(moveId, question as Question);
  writeMessage(socket, reply.answer);
  const last = await reply.next?.(socket);
  if (last !== undefined) writeMessage(socket, last);
  socket.end();
}

/** Calls the host at `address` about a move. Throws what it refuses for good as `PermanentFailure`, anything else as `Unavailable`. */
export async function callOverRoad(
  address: string,
  master: Secret,
  moveId: string,
  question: Question,
): Promise<{ answer: Record<string, unknown>; socket: TLSSocket }> {
  const socket = await open(address, master, moveId);
  try {
    writeMessage(socket, question);
    return { answer: await readAnswer(socket), socket };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** The next that the other host says. Throws what it failed with. */
export async function readAnswer(socket: TLSSocket): Promise<Record<string, unknown>> {
  const answer = await readMessage(socket);
  if (typeof answer.error !== 'string') return answer;
  throw answer.isFinal === true ? new PermanentFailure(answer.error) : new Unavailable(answer.error);
}

function open(address: string, master: Secret, moveId: string): Promise<TLSSocket> {
  const { host, port } = parseAddress(address);
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...tlsOptions,
      host,
      port,
      pskCallback: () => ({ psk: keyOf(master, moveId), identity: moveId }),
      checkServerIdentity: () => undefined, // who has the key is it
    });
    const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), handshakeSeconds * 1000);
    socket.setKeepAlive(true, (silenceSeconds * 1000) / 4);
    socket.once('error', (cause) => {
      clearTimeout(timer);
      reject(new Unavailable('The other host cannot be reached.', { cause }));
    });
    socket.on('error', () => {});
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

/** Throws `Unavailable` when it is no HOST:PORT. */
export function parseAddress(address: string): { host: string; port: number } {
  const match = address.match(/^\[?([^\]]+?)\]?:(\d{1,5})$/);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) throw new Unavailable(`${address} is not of the form HOST:PORT.`);
  return { host: match[1] as string, port };
}

/** Asked again at once it would say the same. */
function isFinal(error: unknown): boolean {
  return error instanceof Conflict || error instanceof PermanentFailure || error instanceof ToldAtOnce;
}

function wordsOf(error: unknown): string {
  return error instanceof CloudError ? error.message : 'The other host failed; the log of its agent says why.';
}
