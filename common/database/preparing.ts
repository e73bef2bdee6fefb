/** What is asked again and again is prepared: PostgreSQL then neither parses it again nor, mostly, plans it. */
import { hash } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Knex } from 'knex';

/**
 * Beside what else a transaction asks first: until it ends, its prepared statements are planned once for each connection. By
 * itself PostgreSQL plans each five times before it may decide that once is enough, which is most of them where a burst of
 * requests meets new connections. For transactions that find rows by their keys, where no plan is better for some values.
 */
export const planOnceSql = "set_config('plan_cache_mode', 'force_generic_plan', true)";

/** Once a statement has come so often, it will come again. Those of migrations, and of rare requests, never get there. */
const oftenEnough = 10;
/** Each takes some tens of kilobytes of every connection's process; beyond so many, none is prepared. */
const mostPrepared = 200;
/** Texts that are counted: where names or numbers of values become part of a text, there is no end of them. */
const mostCounted = 1000;

/** For `options` of queries whose text is put together as clients like, with filters and orders: a client could use up all names. */
export const neverPrepared = { isNeverPrepared: true };

interface Asked {
  sql: string;
  method?: string;
  bindings?: unknown[];
  options?: { isNeverPrepared?: boolean };
}

interface Builder {
  _single: { limit?: number; skipBinding?: Record<string, boolean> };
}

interface PgClient extends Knex.Client {
  queryCompiler(builder: Builder, bindings?: unknown): unknown;
  _query(connection: unknown, asked: Asked): Promise<unknown>;
}

// Its way to the connection is the only place that all statements pass, also those of transactions; knex has no types for it.
const KnexPgClient: new (config: Knex.Config) => PgClient = createRequire(import.meta.url)(
  'knex/lib/dialects/postgres/index.js',
);

/**
 * Knex's client for PostgreSQL with prepared statements. Of a server's creation, parsing and planning were two thirds of what
 * PostgreSQL did. PostgreSQL itself decides for each statement whether one plan is as good for all values as one for each.
 */
class Preparing extends KnexPgClient {
  /** `limit 1` as it stands, and not as a value: for any limit there is no plan as good as for that one. */
  override queryCompiler(builder: Builder, bindings?: unknown): unknown {
    const { _single: single } = builder;
    if (single.limit === 1) single.skipBinding = { ...single.skipBinding, limit: true };
    return super.queryCompiler(builder, bindings);
  }

  override async _query(connection: unknown, asked: Asked): Promise<unknown> {
    const name = nameOf(asked);
    if (name === undefined) return super._query(connection, asked);
    try {
      return await super._query(connection, { ...asked, options: { ...asked.options, name } as object });
    } catch (error) {
      if (isOutdated(error)) forgetNames();
      throw error;
    }
  }
}

export const PreparingClient = Preparing as unknown as typeof Knex.Client; // it is one, whose types say less

/** Knex's words for what it has put together to be read. */
const reading = new Set(['select', 'first', 'pluck']);
const counts = new Map<string, number>();
const names = new Map<string, string>();
let generation = 0;

/** Undefined for what is not, or not yet, to be prepared. */
function nameOf({ sql, method, bindings = [], options }: Asked): string | undefined {
  if (options?.isNeverPrepared) return undefined;
  const known = names.get(sql);
  if (known !== undefined) return known;
  // Without values, what is written by hand may be several statements, or begin a transaction.
  const isOne = bindings.length > 0 || (method !== undefined && reading.has(method));
  if (!isOne || names.size >= mostPrepared) return undefined;
  const count = (counts.get(sql) ?? 0) + 1;
  if (counts.size >= mostCounted) counts.clear();
  counts.set(sql, count);
  if (count < oftenEnough) return undefined;
  counts.delete(sql);
  const name = `${generation} ${hash('sha1', sql)}`;
  names.set(sql, name);
  return name;
}

/** Another process has migrated the database meanwhile: `select *` no longer gives the columns it was prepared for. */
function isOutdated(error: unknown): boolean {
  const { code, routine } = error as { code?: string; routine?: string };
  return code === '0A000' && routine === 'RevalidateCachedQuery';
}

/** Under other names they are prepared anew; a connection keeps the old ones for as long as it lives. */
function forgetNames(): void {
  generation += 1;
  names.clear();
}
