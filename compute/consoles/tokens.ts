/** Rows of consoles: given out, used once, open, over. A row that is gone ends the console that is open by it. */
import { createHash, randomBytes } from 'node:crypto';
import type { ProjectContext } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { TooManyRequests } from '../../common/errors.ts';
import { standingOf, standsSql } from '../../identity/tokens/standing.ts';
import type { Server } from '../servers/server.ts';
import type { ConsoleType } from './console.ts';
import { consoleLimits } from './limits.ts';

/** What one console is of. */
export interface ConsoleRow {
  id: string;
  serverId: string;
  hostId: string;
  hostName: string;
  type: ConsoleType;
  userId: string;
}

export interface ConsoleSettings {
  /** How long an address can be used after it was given out. */
  tokenSeconds: number;
  perServer: number;
  perUser: number;
}

/** The topic by which processes hear that consoles of a server may be over. */
export const consolesTopic = 'consoles';

const alive = `console_tokens.seen_at > now() - interval '${consoleLimits.lostAfterSeconds} seconds'`;

/** What 32 random bytes are as text. */
export function isToken(text: string): boolean {
  return /^[\w-]{43}$/.test(text);
}

/** Gives out a token for one console of a server that is on a host. Only its hash is kept. */
export async function issueConsoleToken(
  db: Knex,
  ctx: ProjectContext,
  { id, hostId }: Pick<Server, 'id' | 'hostId'>,
  type: ConsoleType,
  { tokenSeconds }: ConsoleSettings,
): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  const { endedBy, epoch } = await standingOf(db, ctx);
  await forgetOld(db, ctx.userId);
  await db('console_tokens').insert({
    token_hash: hashOf(token),
    server_id: id,
    host_id: hostId,
    console_type: type,
    user_id: ctx.userId,
    ended_by: endedBy,
    epoch,
    expires_at: db.raw("now() + ? * interval '1 second'", [tokenSeconds]),
  });
  return token;
}

/** What was never used and never will be, what its process left behind, and all but the latest of who asks without end. */
async function forgetOld(db: Knex, userId: string): Promise<void> {
  await db.raw(
    `delete from console_tokens where id in (
       select id from console_tokens
        where (taken_at is null and expires_at < now()) or (taken_at is not null and not (${alive}))
           or id in (select id from console_tokens where user_id = ? and taken_at is null order by created_at desc offset ?)
          for update skip locked)`,
    [userId, consoleLimits.unusedPerUser - 1],
  );
}

/** The row of a token that could still be used; undefined for any other. */
export async function findConsoleToken(db: Knex, token: string): Promise<ConsoleRow | undefined> {
  if (!isToken(token)) return undefined;
  const row = await usable(db)
    .where({ token_hash: hashOf(token) })
    .first();
  return row && fromRow(row);
}

/**
 * Uses a token up: from now on its row is an open console. A serial port has one reader, so a new console of it ends the one
 * before. Undefined for a token that was used, has expired, or whose server or rights have changed since.
 * Throws `TooManyRequests` when as many are open as may be; the token stays usable then.
 */
export async function takeConsoleToken(
  db: Knex,
  token: string,
  settings: ConsoleSettings,
): Promise<ConsoleRow | undefined> {
  if ((await findConsoleToken(db, token)) === undefined) return undefined; // who guesses makes nobody wait
  return db.transaction(async (trx) => {
    await trx.raw('select pg_advisory_xact_lock(hashtext(?))', ['consoles are counted']);
    const row = await usable(trx)
      .where({ token_hash: hashOf(token) })
      .first();
    if (row === undefined) return undefined;
    const taken = fromRow(row);
    if (taken.type === 'serial') await endOthers(trx, taken);
    await refuseTooMany(trx, taken, settings);
    await trx('console_tokens').where({ id: taken.id }).update({ taken_at: trx.fn.now(), seen_at: trx.fn.now() });
    return taken;
  });
}

async function endOthers(trx: Knex, { serverId, type }: ConsoleRow): Promise<void> {
  const ended = await trx('console_tokens')
    .where({ server_id: serverId, console_type: type })
    .whereNotNull('taken_at')
    .delete();
  if (ended > 0) await notify(trx, consolesTopic, serverId);
}

async function refuseTooMany(trx: Knex, row: ConsoleRow, { perServer, perUser }: ConsoleSettings): Promise<void> {
  const [open] = await trx('console_tokens')
    .whereRaw(alive)
    .select(
      trx.raw('count(*) filter (where server_id = ?)::int as "ofServer"', [row.serverId]),
      trx.raw('count(*) filter (where user_id = ?)::int as "ofUser"', [row.userId]),
    );
  if (open.ofServer < perServer && open.ofUser < perUser) return;
  throw new TooManyRequests('Too many consoles are open. Close some of them.', consoleLimits.lostAfterSeconds);
}

function usable(db: Knex): Knex.QueryBuilder {
  return db('console_tokens')
    .join('servers', 'servers.id', 'console_tokens.server_id')
    .join('compute_hosts', 'compute_hosts.id', 'console_tokens.host_id')
    .whereRaw('servers.host_id = console_tokens.host_id')
    .whereNull('taken_at')
    .whereRaw('expires_at > now()')
    .whereRaw(standsSql('console_tokens'))
    .select('console_tokens.*', 'compute_hosts.name as host_name');
}

/** Says that these are open, and gives those among them that may be: of the others the row, or the right, is gone. */
export async function keepConsoles(db: Knex, ids: string[]): Promise<Set<string>> {
  const rows = await db('console_tokens')
    .whereRaw('id = any(?)', [ids])
    .whereRaw(standsSql('console_tokens'))
    .update({ seen_at: db.fn.now() })
    .returning('id');
  return new Set(rows.map((row) => row.id));
}

export async function forgetConsole(db: Knex, id: string): Promise<void> {
  await db('console_tokens').where({ id }).delete();
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function fromRow(row: Record<string, string>): ConsoleRow {
  return {
    id: row.id,
    serverId: row.server_id,
    hostId: row.host_id,
    hostName: row.host_name,
    type: row.console_type,
    userId: row.user_id,
  } as ConsoleRow; // the columns' types are the migration's to guarantee
}
