/**
 * A client of one OVSDB database (RFC 7047; `monitor_cond` is ovsdb-server(7), 4.1.12): keeps a replica of the tables of its
 * schema, commits transactions, and comes back by itself after the server did.
 */
import { Unavailable } from '../../../common/errors.ts';
import type { Schema } from './columns.ts';
import { JsonRpcConnection, socketAddress } from './json-rpc.ts';
import type { Operation } from './operations.ts';
import { Replica, type RowChange, type Tables } from './replica.ts';

export interface OvsdbOptions<S extends Schema> {
  /** One or more, separated by commas, of a clustered database: they are tried in turn. See `JsonRpcOptions`. */
  address: string;
  database: string;
  schema: S;
  /** How long a call may take, waiting for a connection included. Milliseconds. */
  limitMs?: number;
  /** See `JsonRpcOptions`. */
  probeMs?: number;
}

/** The server carried out nothing of a transaction. */
export class TransactionRefused extends Error {
  /** The server's word for the reason (RFC 7047, 3.1). */
  readonly reason: string;

  constructor(reason: string, details: string) {
    super(`The transaction was refused: ${reason}${details === '' ? '' : `: ${details}`}`);
    this.name = 'TransactionRefused';
    this.reason = reason;
  }

  /** Whether it rested on what somebody else has changed meanwhile, so that a fresh look can help. */
  get isConflict(): boolean {
    return ['timed out', 'duplicate uuid', 'constraint violation', 'referential integrity violation'].includes(
      this.reason,
    );
  }
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
/** ovsdb-server works off one transaction at a time: more of them under way only grow its queue. */
const MAX_IN_FLIGHT = 32;
/** Beyond this the engine is hopelessly behind, and an early no is better than a late one. */
const MAX_WAITING = 10_000;

export class OvsdbClient<S extends Schema> {
  readonly #options: Required<OvsdbOptions<S>>;
  readonly #changeListeners = new Set<(changes: RowChange[]) => void>();
  #connection: JsonRpcConnection | undefined;
  #replica: Replica<S> | undefined;
  /** What the listeners were told of last, while there is no connection. */
  #stale: Replica<S> | undefined;
  #isClosed = false;
  #lastFault: Error | undefined;
  #wakeRetry: () => void = () => {};
  readonly #waitingForReplica = new Set<() => void>();
  #inFlight = 0;
  readonly #waitingForTurn: (() => void)[] = [];
  readonly #running: Promise<void>;

  /** Starts to connect, and keeps at it until `close`. Throws when an address is malformed. */
  constructor(options: OvsdbOptions<S>) {
    this.#options = { limitMs: 10_000, probeMs: 5_000, ...options };
    const addresses = this.#options.address.split(',');
    for (const address of addresses) socketAddress(address);
    this.#running = this.#run(addresses);
  }

  /** The replica, once it is complete. Throws `Unavailable` when that takes too long. */
  async tables(): Promise<Tables<S>> {
    const deadline = Date.now() + this.#options.limitMs;
    while (this.#replica === undefined) {
      const left = deadline - Date.now();
      if (left <= 0 || this.#isClosed) throw this.#unavailable();
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.#waitingForReplica.delete(done);
          resolve();
        };
        const timer = setTimeout(done, left);
        this.#waitingForReplica.add(done);
      });
    }
    return this.#replica;
  }

  /**
   * Commits all of it or nothing. Throws `TransactionRefused` (nothing was done) or `Unavailable` (perhaps it was done).
   */
  async transact(operations: Operation[]): Promise<void> {
    if (this.#waitingForTurn.length >= MAX_WAITING) throw new Unavailable('The network engine is overloaded.');
    await this.tables();
    if (this.#inFlight >= MAX_IN_FLIGHT) await new Promise<void>((resolve) => this.#waitingForTurn.push(resolve));
    this.#inFlight++;
    try {
      await this.#drained();
      const connection = this.#connection;
      if (connection === undefined) throw this.#unavailable();
      const params = [this.#options.database, ...operations];
      throwIfRefused(await connection.call('transact', params, this.#options.limitMs));
    } finally {
      this.#inFlight--;
      this.#waitingForTurn.shift()?.();
    }
  }

  /** Settles at the next change of the replica, or after that many milliseconds. */
  changed(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        stop();
        resolve();
      };
      const timer = setTimeout(done, limitMs);
      const stop = this.onChange(done);
    });
  }

  /** Called after each change of the replica; after a reconnection with what changed in between. */
  onChange(listener: (changes: RowChange[]) => void): () => void {
    this.#changeListeners.add(listener);
    return () => void this.#changeListeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#connection?.destroy(new Error('The client was closed'));
    this.#wakeRetry();
    for (const done of this.#waitingForReplica) done();
    await this.#running;
  }

  async #run(addresses: string[]): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    for (let attempt = 0; !this.#isClosed; attempt++) {
      const address = addresses[attempt % addresses.length]!;
      try {
        const connection = this.#connect(address);
        await this.#monitor(connection);
        retryMs = FIRST_RETRY_MS;
        await connection.closed;
      } catch (error) {
        this.#lastFault = new Error(`No use of ${address}`, { cause: error });
        this.#connection?.destroy(this.#lastFault);
      }
      this.#connection = undefined;
      // Kept through a failed attempt, so that the next success can tell what changed since.
      this.#stale = this.#replica ?? this.#stale;
      this.#replica = undefined;
      if (this.#isClosed) return;
      await this.#pause(retryMs * (0.5 + Math.random() / 2));
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    }
  }

  #connect(address: string): JsonRpcConnection {
    const connection = new JsonRpcConnection({
      address,
      probeMs: this.#options.probeMs,
      onNotification: (method, params) => {
        if (method === 'update2') this.#tell(this.#replica?.apply(params[1]) ?? []);
        // The database was converted to another schema, or is gone.
        if (method === 'monitor_canceled') connection.destroy(new Error('The server ended the monitor'));
      },
    });
    this.#connection = connection;
    return connection;
  }

  async #monitor(connection: JsonRpcConnection): Promise<void> {
    const { schema, database, limitMs } = this.#options;
    const requests = Object.fromEntries(
      Object.entries(schema).map(([table, columns]) => [table, [{ columns: Object.keys(columns) }]]),
    );
    await connection.call('monitor_cond', [database, 'replica', requests], limitMs, (initial) => {
      const replica = new Replica(schema);
      replica.apply(initial);
      this.#replica = replica;
      this.#tell(differences(schema, this.#stale, replica));
      this.#stale = undefined;
      for (const done of this.#waitingForReplica) done();
    });
  }

  #tell(changes: RowChange[]): void {
    for (const listener of [...this.#changeListeners]) listener(changes);
  }

  async #drained(): Promise<void> {
    const connection = this.#connection;
    if (connection?.isCongested !== true) return;
    await Promise.race([connection.closed, new Promise<void>((resolve) => connection.onceDrained(resolve))]);
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wakeRetry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #unavailable(): Unavailable {
    return new Unavailable('The network engine does not answer.', { cause: this.#lastFault });
  }
}

/** What a listener has missed between two replicas. */
function differences<S extends Schema>(schema: S, before: Replica<S> | undefined, after: Replica<S>): RowChange[] {
  const changes: RowChange[] = [];
  for (const table of Object.keys(schema)) {
    for (const [uuid, row] of after.rows(table)) {
      changes.push({ table, uuid, before: before?.find(table, uuid), after: row });
    }
    for (const [uuid, row] of before?.rows(table) ?? []) {
      if (after.find(table, uuid) === undefined) changes.push({ table, uuid, before: row, after: undefined });
    }
  }
  return changes;
}

/** One result for each operation, and one more when the commit failed (RFC 7047, 4.1.3). */
function throwIfRefused(results: unknown): void {
  if (!Array.isArray(results)) throw new Error(`Not the results of a transaction: ${JSON.stringify(results)}`);
  for (const result of results) {
    if (typeof result === 'object' && result !== null && typeof result.error === 'string') {
      throw new TransactionRefused(result.error, String(result.details ?? ''));
    }
  }
}
