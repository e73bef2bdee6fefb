/** One JSON-RPC connection to an OVSDB server (RFC 7047, 4): calls, notifications, and finding out that it is dead. */
import { createConnection, type Socket } from 'node:net';
import { Unavailable } from '../../../common/errors.ts';
import { JsonFrames } from './json-frames.ts';

export interface JsonRpcOptions {
  /** `unix:PATH` or `tcp:HOST:PORT`, an IPv6 host in brackets. */
  address: string;
  /** A server that was silent this long is asked for an echo, and given up after as long again. Milliseconds. */
  probeMs: number;
  onNotification: (method: string, params: unknown[]) => void;
}

interface PendingCall {
  resolve: (result: unknown) => void;
  onResult: ((result: unknown) => void) | undefined;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

export class JsonRpcConnection {
  readonly #socket: Socket;
  readonly #frames = new JsonFrames();
  readonly #options: JsonRpcOptions;
  readonly #pending = new Map<number, PendingCall>();
  readonly #probe: NodeJS.Timeout;
  #lastId = 0;
  #silentIntervals = 0;
  #fault: Error | undefined;
  /** Settles when the connection is over. Never rejects. */
  readonly closed: Promise<void>;

  constructor(options: JsonRpcOptions) {
    this.#options = options;
    this.#socket = createConnection(socketAddress(options.address));
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.destroy(error));
    this.#socket.on('end', () => this.destroy(new Error('The server closed the connection')));
    this.#probe = setInterval(() => this.#checkLiveness(), options.probeMs);
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
  }

  /**
   * Throws `Unavailable` when the connection ends or the answer takes longer than the limit (milliseconds), and an `Error`
   * when the server refuses the call. After a time-out the connection is given up: nobody knows what became of the call.
   * `onResult` gets the result before anything that the server sent after it is looked at; the promise settles later.
   */
  call(method: string, params: unknown[], limitMs: number, onResult?: (result: unknown) => void): Promise<unknown> {
    if (this.#fault !== undefined) return Promise.reject(unavailable(this.#fault));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.destroy(new Error(`No answer to ${method} in ${limitMs} ms`)), limitMs);
      this.#pending.set(id, { resolve, reject, timer, onResult });
      this.#send({ method, params, id });
    });
  }

  /** Whether what was sent waits in our memory because the server does not read. */
  get isCongested(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Called once when `isCongested` ended. */
  onceDrained(listener: () => void): void {
    this.#socket.once('drain', listener);
  }

  /** Ends it now; every pending call throws `Unavailable`. */
  destroy(reason: Error): void {
    if (this.#fault !== undefined) return;
    this.#fault = reason;
    clearInterval(this.#probe);
    this.#socket.destroy();
    for (const call of this.#pending.values()) {
      clearTimeout(call.timer);
      call.reject(unavailable(reason));
    }
    this.#pending.clear();
  }

  #send(message: unknown): void {
    this.#socket.write(JSON.stringify(message));
  }

  #receive(chunk: Buffer): void {
    this.#silentIntervals = 0;
    try {
      for (const message of this.#frames.push(chunk)) this.#take(message as JsonRpcMessage);
    } catch (error) {
      this.destroy(new Error('The server sent what is not OVSDB', { cause: error }));
    }
  }

  #take(message: JsonRpcMessage): void {
    if (message.method === 'echo') this.#send({ id: message.id, result: message.params, error: null });
    else if (message.method !== undefined) this.#options.onNotification(message.method, message.params ?? []);
    else this.#settle(message);
  }

  #settle(message: JsonRpcMessage): void {
    const call = this.#pending.get(message.id as number);
    if (call === undefined) return;
    this.#pending.delete(message.id as number);
    clearTimeout(call.timer);
    if (message.error === null || message.error === undefined) {
      call.resolve(message.result);
      call.onResult?.(message.result);
    } else call.reject(new Error(`The server refused the call: ${JSON.stringify(message.error)}`));
  }

  #checkLiveness(): void {
    this.#silentIntervals++;
    if (this.#silentIntervals > 2) this.destroy(new Error('The server fell silent'));
    else if (this.#silentIntervals > 1) this.#send({ method: 'echo', params: [], id: 'probe' });
  }
}

interface JsonRpcMessage {
  id: unknown;
  method?: string;
  params?: unknown[];
  result?: unknown;
  error?: unknown;
}

const unavailable = (cause: Error) => new Unavailable('The network engine does not answer.', { cause });

/** Throws when the text is not an address. */
export function socketAddress(text: string): { path: string } | { host: string; port: number } {
  const path = /^unix:(.+)$/.exec(text)?.[1];
  if (path !== undefined) return { path };
  const tcp = /^tcp:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = tcp?.[1] ?? tcp?.[2];
  if (host === undefined) throw new Error(`Not an OVSDB address (unix:PATH or tcp:HOST:PORT): ${text}`);
  return { host, port: Number(tcp?.[3]) };
}
