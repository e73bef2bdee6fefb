/**
 * Owns our connections to libvirtd. libvirt keeps its last error per connection (or per thread, which we cannot choose),
 * so each call has a connection to itself, from a small pool; one more only listens to events.
 *
 * When libvirtd goes away, calls fail as `Unavailable` and work again when it is back; listeners are then told that
 * anything may have happened meanwhile.
 */
import { Unavailable } from '../../../common/errors.ts';
import { errorCode, LibvirtError } from './errors.ts';
import { useEventLoop } from './event-loop.ts';
import { domainEvent, libvirt, type NativeError, type Pointer } from './library.ts';

/** `id` undefined: something may have happened to any domain. */
export type DomainEvent = { kind: 'lifecycle' | 'reboot'; id: string } | { kind: 'resync'; id: undefined };

/** A connection, for the time of one piece of work. */
export interface Session {
  connection: Pointer;
  /** The result of a libvirt call. @throws LibvirtError when it is null or negative, which is how libvirt fails. */
  check<T>(result: Promise<T | null>): Promise<T>;
}

export interface ConnectionOptions {
  uri: string;
  /** How many calls may be under way at once; each takes a thread of Node's pool. */
  concurrency?: number;
  /** Seconds between questions to an idle libvirtd; after three without an answer it is given up on. Default 5. */
  keepAliveSeconds?: number;
  onProblem?: (error: unknown, doing: string) => void;
}

const keepAliveCount = 3;
const longestPauseMs = 2_000;
const longestCloseMs = 5_000;
const longestFailureOfDeadSocketMs = 1_000;

let openedLast: Promise<unknown> = Promise.resolve();
let lastNoted: NativeError | undefined;
let listening = false;

export class LibvirtConnection {
  readonly #uri: string;
  readonly #keepAliveSeconds: number;
  readonly #concurrency: number;
  readonly #onProblem: (error: unknown, doing: string) => void;
  readonly #releaseEventLoop: () => void;
  readonly #listeners = new Set<(event: DomainEvent) => void>();
  readonly #waiting: (() => void)[] = [];
  #idle: Pointer[] = [];
  #leased = 0;
  #watching: Promise<void> | undefined;
  readonly #listening = Promise.withResolvers<void>();
  #stopWatching: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor({ uri, concurrency, keepAliveSeconds, onProblem }: ConnectionOptions) {
    this.#uri = uri;
    this.#keepAliveSeconds = keepAliveSeconds ?? 5;
    const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4) || 4;
    this.#concurrency = concurrency ?? Math.max(2, Math.floor((threads - 1) / 2));
    this.#onProblem = onProblem ?? (() => {});
    if (!listening) libvirt().onError((error) => (lastNoted = error));
    listening = true;
    this.#releaseEventLoop = useEventLoop();
  }

  /**
   * Does some work with a connection of its own. Work that met a connection which died while it was idle is done again
   * from its start, so it must be repeatable. @throws LibvirtError, or Unavailable when it took longer than `seconds`.
   */
  async run<T>(doing: string, work: (session: Session) => Promise<T>, seconds = 30): Promise<T> {
    await this.#turn(doing, seconds);
    let connection = this.#idle.pop();
    const reused = connection !== undefined;
    const began = performance.now();
    const attempt = async () => {
      try {
        connection ??= await this.#open();
        return await work(sessionOf(connection));
      } catch (error) {
        if (connection === undefined || (await isAlive(connection))) throw error;
        await this.#discard(connection);
        connection = undefined;
        // A socket that was dead before fails at once; one given up on after a silence would be answered with silence again.
        if (!reused || performance.now() - began > longestFailureOfDeadSocketMs) throw error;
        await this.#discardIdle();
        connection = await this.#open();
        return await work(sessionOf(connection));
      }
    };
    const running = attempt().finally(async () => {
      this.#leased -= 1;
      if (connection !== undefined && this.#closed === undefined) this.#idle.push(connection);
      else if (connection !== undefined) await this.#discard(connection);
      for (const wake of this.#waiting.splice(0)) wake(); // all: the first may have given up waiting
    });
    // The thread cannot be taken out of a call that hangs: its connection stays leased until the call returns.
    return withLimit(running, seconds, doing);
  }

  /** Listens to what happens to domains, whoever did it, also across restarts of libvirtd. */
  listen(listener: (event: DomainEvent) => void): () => void {
    this.#listeners.add(listener);
    if (this.#closed === undefined) this.#watching ??= this.#watch();
    return () => this.#listeners.delete(listener);
  }

  /** Resolves once events are received, or were tried to be in vain: what happens before is not told. */
  async listening(): Promise<void> {
    if (this.#closed === undefined) this.#watching ??= this.#watch();
    await this.#listening.promise;
  }

  /** Ends all connections. Calls under way are waited for; later ones are refused. Harmless when repeated. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    await Promise.resolve(); // lets `#closed` be set first
    this.#listeners.clear();
    this.#stopWatching?.();
    this.#listening.resolve();
    const drained = async () => {
      await this.#watching;
      await this.#discardIdle();
      while (this.#leased > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    };
    // A thread inside a libvirtd that hangs cannot be called back; who closes us must not hang with it.
    await Promise.race([drained(), new Promise((resolve) => setTimeout(resolve, longestCloseMs).unref())]);
    this.#releaseEventLoop();
  }

  async #turn(doing: string, seconds: number): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (this.#leased >= this.#concurrency) {
      await withLimit(
        new Promise<void>((resolve) => this.#waiting.push(resolve)),
        (deadline - Date.now()) / 1000,
        doing,
      );
    }
    if (this.#closed !== undefined) throw new Unavailable(`The connection to the hypervisor was closed.`);
    this.#leased += 1;
  }

  async #watch(): Promise<void> {
    let pauseMs = 0;
    let first = true;
    while (this.#closed === undefined) {
      const broken = new Promise<void>((resolve) => {
        this.#stopWatching = resolve;
      });
      let watched: Watch | undefined;
      try {
        watched = await openWatch(
          await this.#open(),
          (event) => this.#emit(event),
          () => this.#stopWatching?.(),
        );
        pauseMs = 0;
        if (!first) this.#emit({ kind: 'resync', id: undefined });
        first = false;
        this.#listening.resolve();
        await broken;
      } catch (error) {
        this.#onProblem(error, 'listen to events of the hypervisor');
        first = false;
        this.#listening.resolve();
      }
      await watched?.close();
      if (this.#closed !== undefined) break;
      await this.#discardIdle();
      pauseMs = Math.min(pauseMs * 2 + 50, longestPauseMs);
      await Promise.race([broken, new Promise((resolve) => setTimeout(resolve, pauseMs).unref())]);
    }
  }

  #open(): Promise<Pointer> {
    return openConnection(this.#uri, this.#keepAliveSeconds);
  }

  #emit(event: DomainEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  async #discardIdle(): Promise<void> {
    const idle = this.#idle;
    this.#idle = [];
    await Promise.all(idle.map((connection) => this.#discard(connection)));
  }

  async #discard(connection: Pointer): Promise<void> {
    await libvirt().close(connection);
  }
}

interface Watch {
  close(): Promise<void>;
}

async function openWatch(
  connection: Pointer,
  onEvent: (event: DomainEvent) => void,
  onClosed: () => void,
): Promise<Watch> {
  const library = libvirt();
  const { check } = sessionOf(connection);
  const of = (kind: 'lifecycle' | 'reboot') => (id: string | undefined) => {
    if (id !== undefined) onEvent({ kind, id });
  };
  const callbacks = [
    library.lifecycleCallback(of('lifecycle')),
    library.rebootCallback(of('reboot')),
    library.closedCallback(onClosed),
  ] as const;
  const registered: number[] = [];
  const close = async () => {
    for (const id of registered) await library.offDomainEvent(connection, id);
    await library.offClosed(connection, callbacks[2]);
    await library.close(connection);
    // Nothing can call them any more once the connection is gone: only now may their slots be used again.
    for (const callback of callbacks) library.forgetCallback(callback);
  };
  try {
    await check(library.onClosed(connection, callbacks[2], null, null));
    registered.push(await check(library.onDomainEvent(connection, domainEvent.lifecycle, callbacks[0])));
    registered.push(await check(library.onDomainEvent(connection, domainEvent.reboot, callbacks[1])));
    return { close };
  } catch (error) {
    await close();
    throw error;
  }
}

function sessionOf(connection: Pointer): Session {
  return {
    connection,
    async check<T>(result: Promise<T | null>): Promise<T> {
      const value = await result;
      if (value === null || (typeof value === 'number' && value < 0)) throw lastErrorOf(connection);
      return value;
    },
  };
}

function lastErrorOf(connection: Pointer): LibvirtError {
  return new LibvirtError(libvirt().lastError(connection));
}

async function isAlive(connection: Pointer): Promise<boolean> {
  return (await libvirt().isAlive(connection)) === 1;
}

/** One at a time: a failure has no connection to keep its error, so the last one noted is it. */
function openConnection(uri: string, keepAliveSeconds: number): Promise<Pointer> {
  const opening = openedLast.then(async () => {
    lastNoted = undefined;
    const connection = await libvirt().open(uri);
    if (connection === null)
      throw new LibvirtError(lastNoted ?? { code: errorCode.noConnect, message: 'no connection' });
    await libvirt().setKeepAlive(connection, keepAliveSeconds, keepAliveCount);
    return connection;
  });
  openedLast = opening.catch(() => {});
  return opening;
}

async function withLimit<T>(promise: Promise<T>, seconds: number, doing: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const message = `The host could not ${doing}: its hypervisor has not answered for ${Math.ceil(seconds)} s.`;
    timer = setTimeout(() => reject(new Unavailable(message)), Math.max(0, seconds * 1000));
  });
  promise.catch(() => {}); // when it fails after the limit, nobody is left to hear it
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
