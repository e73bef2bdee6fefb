/**
 * The action log: at once the queue of what cannot be read off a state (a reboot), the os-instance-actions API, and the history
 * that a person reads.
 */
import type { Context } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import type { RebootType } from './server.ts';

export interface ActionParameters {
  /** Of a reboot. */
  type?: RebootType;
  /** The image that a snapshot or a backup fills. */
  imageId?: string;
  /** Of a backup: how many of its kind are kept. */
  rotation?: number;
  backupType?: string;
  /** Of a change of password; removed once that is done. */
  password?: string;
  /** Why the guest, or the host, would not: in words for whoever asked. */
  refusal?: string;
}

export interface ServerAction {
  number: number;
  serverId: string;
  action: string;
  parameters: ActionParameters;
  requestId: string;
  /** Null when the cloud itself acted, as it does to bring a lost guest back. */
  userId: string | null;
  projectId: string | null;
  /** The revision of the server that it brought about. */
  revision: number;
  message: string | null;
  startedAt: Date;
  finishedAt: Date | null;
  updatedAt: Date;
}

export interface ActionFilter {
  changesSince?: Date;
  changesBefore?: Date;
}

/** A step of an action as the host took it. */
export interface ActionEvent {
  event: string;
  startedAt: Date;
  finishedAt: Date | null;
  result: 'Success' | 'Error' | null;
  traceback: string | null;
  /** Where it was taken. */
  hostName: string | null;
}

export interface NewAction {
  serverId: string;
  action: string;
  parameters?: ActionParameters;
  revision: number;
  /** No host has to do anything about it. */
  isDone?: boolean;
  /** `Error` when nothing comes of it, as Nova has it. */
  message?: string;
}

/** Writes down what was asked, in the transaction that asks for it. */
export async function recordAction(trx: Knex, ctx: Context, asked: NewAction): Promise<void> {
  await trx('server_actions').insert({
    server_id: asked.serverId,
    action: asked.action,
    parameters: JSON.stringify(asked.parameters ?? {}),
    request_id: ctx.requestId,
    user_id: ctx.userId,
    project_id: ctx.projectId,
    revision: asked.revision,
    finished_at: asked.isDone ? trx.fn.now() : null,
    message: asked.message ?? null,
  });
}

/** Writes down what the cloud does of its own accord, and why. */
export async function recordOwnAction(
  db: Knex,
  done: NewAction & { requestId: string; projectId: string; message: string },
): Promise<void> {
  await db('server_actions').insert({
    server_id: done.serverId,
    action: done.action,
    request_id: done.requestId,
    project_id: done.projectId,
    revision: done.revision,
    message: done.message,
  });
}

/** Newest first. A marker is a request's id. Throws `BadRequest` when no action of the server was asked for by it. */
export async function listActions(
  db: Knex,
  serverId: string,
  { limit, marker }: PageRequest,
  { changesSince, changesBefore }: ActionFilter,
): Promise<{ actions: ServerAction[]; more: boolean }> {
  const query = db('server_actions').where({ server_id: serverId }).orderBy('number', 'desc');
  if (changesSince) query.where('updated_at', '>=', changesSince);
  if (changesBefore) query.where('updated_at', '<=', changesBefore);
  if (marker !== undefined) {
    const last = await db('server_actions')
      .where({ server_id: serverId, request_id: marker })
      .min({ number: 'number' })
      .first();
    if (last?.number == null) throw new BadRequest(`marker [${marker}] not found`);
    query.where('number', '<', last.number);
  }
  const rows = await query.limit(limit + 1);
  return { actions: rows.slice(0, limit).map(fromRow), more: rows.length > limit && limit > 0 };
}

/** The newest action of that request. Throws `NotFound`. */
export async function getAction(
  db: Knex,
  serverId: string,
  requestId: string,
): Promise<ServerAction & { events: ActionEvent[] }> {
  const row = await db('server_actions')
    .where({ server_id: serverId, request_id: requestId })
    .orderBy('number', 'desc')
    .first();
  if (row === undefined) throw new NotFound('Action for request_id', requestId);
  const events = await db('server_action_events').where({ action_number: row.number }).orderBy('started_at', 'desc');
  return {
    ...fromRow(row),
    events: events.map((event) => ({
      event: event.event,
      startedAt: event.started_at,
      finishedAt: event.finished_at,
      result: event.result,
      traceback: event.traceback,
      hostName: event.host_name,
    })),
  };
}

/** What is asked for and not done, in the order in which it was asked for. */
export async function listUnfinished(db: Knex, serverId: string): Promise<ServerAction[]> {
  const rows = await db('server_actions').where({ server_id: serverId, finished_at: null }).orderBy('number');
  return rows.map(fromRow);
}

/** What is left of a request once nobody has to act on it: nothing that is secret. */
const withoutSecrets = "parameters - 'password'";
const outcomeSeconds = 20;

/**
 * Waits until the host has done what the request asked for, or has given up. Gives why nothing came of it; undefined when it
 * was done, or takes longer than anybody would wait for.
 */
export async function outcomeOf(db: Knex, serverId: string, requestId: string): Promise<string | undefined> {
  const deadline = performance.now() + outcomeSeconds * 1000;
  for (let pauseMs = 5; performance.now() < deadline; pauseMs = Math.min(pauseMs * 2, 200)) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const action = await getAction(db, serverId, requestId);
    if (action.finishedAt === null) continue;
    if (action.message !== 'Error') return undefined;
    return action.parameters.refusal ?? (await faultOf(db, serverId)) ?? 'the server has failed';
  }
  return undefined;
}

/** What its owner is told of it; not its details, nor what the events of an action say, which are for administrators. */
async function faultOf(db: Knex, serverId: string): Promise<string | undefined> {
  const row = await db('servers').where({ id: serverId, is_faulty: true }).first('fault_message');
  return row?.fault_message;
}

export async function finishAction(db: Knex, number: number): Promise<void> {
  await db('server_actions')
    .where({ number })
    .update({ parameters: db.raw(withoutSecrets), finished_at: db.fn.now(), updated_at: db.fn.now() });
}

/** Nothing came of it; its events say why, and `refusal` says it to whoever waits for the outcome. */
export async function failAction(db: Knex, number: number, refusal?: string): Promise<void> {
  await db('server_actions')
    .where({ number })
    .update({
      message: 'Error',
      parameters: db.raw(`(${withoutSecrets}) || ?::jsonb`, [JSON.stringify({ refusal })]),
      finished_at: db.fn.now(),
      updated_at: db.fn.now(),
    });
}

/** Marks everything done that led to `revision`, or as failed when there is a message; gives what it was, in its order. */
export async function finishActionsUpTo(
  db: Knex,
  serverId: string,
  revision: number,
  message: string | null,
): Promise<ServerAction[]> {
  const rows = await db('server_actions')
    .where({ server_id: serverId, finished_at: null })
    .where('revision', '<=', revision)
    .update({
      message: db.raw('coalesce(?, message)', [message]),
      parameters: db.raw(withoutSecrets),
      finished_at: db.fn.now(),
      updated_at: db.fn.now(),
    })
    .returning('*');
  return rows.map(fromRow).toSorted((a, b) => a.number - b.number);
}

/** Writes down a step that the host took for an action, successful when `error` is null; a repeated step replaces itself. */
export async function recordEvent(
  db: Knex,
  actionNumber: number,
  event: string,
  startedAt: Date,
  error: string | null,
  hostName: string,
): Promise<void> {
  await db('server_action_events')
    .insert({
      action_number: actionNumber,
      event,
      started_at: startedAt,
      finished_at: db.fn.now(),
      result: error === null ? 'Success' : 'Error',
      traceback: error,
      host_name: hostName,
    })
    .onConflict(['action_number', 'event'])
    .merge(['finished_at', 'result', 'traceback', 'host_name']);
}

// biome-ignore lint/suspicious/noExplicitAny: a row as PostgreSQL gives it; the migration guarantees its types
function fromRow(row: any): ServerAction {
  return {
    number: row.number,
    serverId: row.server_id,
    action: row.action,
    parameters: row.parameters,
    requestId: row.request_id,
    userId: row.user_id,
    projectId: row.project_id,
    revision: row.revision,
    message: row.message,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    updatedAt: row.updated_at,
  };
}
