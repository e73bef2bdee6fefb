import knexModule, { type Knex } from 'knex';
import pg from 'pg';
import { joinedTransaction, joining } from './joining.ts';
import { PreparingClient } from './preparing.ts';

export type { Knex };

// bigint and numeric columns hold byte counts and sums here, all far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
pg.types.setTypeParser(pg.types.builtins.NUMERIC, Number);
pg.types.setTypeParser(
  pg.types.builtins.TIMESTAMPTZ,
  timeParser(pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ)),
);

/**
 * How to connect. A connection whose other end vanished without a word (a firewall, a lost machine) is noticed within half a
 * minute on both sides, where the kernels' defaults take two hours; PostgreSQL ignores these settings on a UNIX socket.
 */
export function connectionOptions(url: string, name: string) {
  return {
    connectionString: url,
    application_name: name,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5000,
    options: '-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4',
  };
}

/**
 * Reads `2006-01-02 15:04:05.123+00`, which is how every time comes: of a list of servers, times took a third of what its rows
 * took with the driver's own parser, which reads all that PostgreSQL could write. Anything else is left to that one.
 */
export function timeParser(otherwise: (text: string) => Date): (text: string) => Date {
  const pair = (text: string, at: number) => (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;
  return (text) => {
    if (!usualTime.test(text)) return otherwise(text);
    const year = pair(text, 0) * 100 + pair(text, 2);
    const ms = text.length === 22 ? 0 : Number(text.slice(20, -3).padEnd(3, '0'));
    return new Date(
      Date.UTC(year, pair(text, 5) - 1, pair(text, 8), pair(text, 11), pair(text, 14), pair(text, 17), ms),
    );
  };
}

const usualTime = /^[1-9]\d{3}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})?\+00$/;

/** Opens a pool. `max` connections are made as they are needed and closed when idle. What it does joins a transaction; see `joinAll`. */
export function openDatabase(url: string, { max = 10 }: { max?: number } = {}): Knex {
  const pool = knexModule.default({
    client: PreparingClient,
    connection: connectionOptions(url, 'cirrostack'),
    pool: { min: 0, max, idleTimeoutMillis: 10_000 },
    acquireConnectionTimeout: 10_000,
  });
  const db = joining(pool);
  const prepared = preparedPool(url, max);
  preparedPools.set(db, prepared);
  const destroy = pool.client.destroy.bind(pool.client); // what `db.destroy` calls
  pool.client.destroy = async (callback: unknown) => {
    if (!prepared.ending) await prepared.end();
    return destroy(callback);
  };
  return db;
}

const preparedPools = new WeakMap<Knex, pg.Pool>();

/** Connections of their own, as what is good for a prepared statement (see `preparedQuery`) is bad for all others. */
function preparedPool(url: string, max: number): pg.Pool {
  const { options, ...rest } = connectionOptions(url, 'cirrostack prepared');
  const pool = new pg.Pool({
    ...rest,
    options: `${options} -c plan_cache_mode=force_generic_plan`,
    max: Math.min(max, 6),
    idleTimeoutMillis: 10_000,
    connectionTimeoutMillis: 10_000,
  });
  pool.on('error', () => undefined); // an idle one broke; the next query gets another
  return pool;
}

/**
 * Runs a statement, with `:name` for its values, that PostgreSQL parses and plans once for each connection, whatever the
 * values: for large ones that are run often, where planning takes longer than running (of the one behind each token, 1.0 ms
 * of 1.35) and so does putting it together here. Write it so that one plan is right for all values, and give another form
 * another name; PostgreSQL by itself would go on planning, as it takes the plan for all for the dearer one.
 */
export async function preparedQuery(
  db: Knex,
  name: string,
  sql: string,
  values: Readonly<Record<string, unknown>>,
  // biome-ignore lint/suspicious/noExplicitAny: rows are what the statement says
): Promise<{ rows: any[] }> {
  const { text, names } = numbered(sql);
  const query = { name, text, values: names.map((key) => values[key]) };
  const pool = joinedTransaction() ? undefined : preparedPools.get(db);
  if (pool) return pool.query(query);
  const connection = await db.client.acquireConnection(); // of the transaction
  try {
    return await connection.query(query);
  } finally {
    await db.client.releaseConnection(connection);
  }
}

interface Numbered {
  text: string;
  names: string[];
}

const numberedStatements = new Map<string, Numbered>();

/** `:name` as PostgreSQL has it: `$1`. */
function numbered(sql: string): Numbered {
  const known = numberedStatements.get(sql);
  if (known) return known;
  const names: string[] = [];
  const text = sql.replace(/(?<!:):([a-zA-Z]\w*)/g, (_, name: string) => {
    if (!names.includes(name)) names.push(name);
    return `$${names.indexOf(name) + 1}`;
  });
  numberedStatements.set(sql, { text, names });
  return { text, names };
}

/** PostgreSQL's own word for it (SQLSTATE 23505), with the constraint that was hit. */
export function violatedConstraint(error: unknown): string | undefined {
  const { code, constraint } = error as { code?: string; constraint?: string };
  return code === '23505' || code === '23503' || code === '23514' || code === '23P01' ? constraint : undefined;
}

/** Only the conditions that were asked for: knex takes an undefined value for a mistake. */
export function given<T extends object>(conditions: T): Partial<T> {
  return Object.fromEntries(Object.entries(conditions).filter(([, value]) => value !== undefined)) as Partial<T>;
}
