import type { Lifecycle, Request, ResponseObject, ResponseToolkit } from '@hapi/hapi';
import type { Context } from '../context.ts';
import type { Knex } from '../database/database.ts';
import { joinAll } from '../database/joining.ts';
import { BadRequest, type CloudError, Conflict, Forbidden, OverQuota } from '../errors.ts';
import { type Answer, type AnswersDeps, answerOnce } from '../idempotency/answers.ts';
import { failureOf } from './failure.ts';
import { format } from './microversion.ts';
import { type Route, takesKey } from './route.ts';

/** What was asked has no dry run: that is no answer of one. */
export class NoDryRun extends BadRequest {}

type Arriving = Parameters<Route['handler']>[0];

/** How a handler is run: as it is, at most once for a key, or as a dry run. */
export interface CarryingOut {
  answers: AnswersDeps;
  /** Of the service; for what a dry run tells. */
  overQuotaStatus: number;
}

export async function carryOut(
  { answers, overQuotaStatus }: CarryingOut,
  route: Route,
  incoming: Arriving,
  h: ResponseToolkit,
): Promise<Lifecycle.ReturnValue> {
  const ctx: Context | null = incoming.ctx;
  if (ctx === null || route.method === 'GET' || route.method === 'HEAD') return route.handler(incoming, h);
  if (asksForDryRun(incoming.request)) return tryOut(answers.db, route, incoming, h, overQuotaStatus);
  const key = route.method === 'POST' ? keyOf(incoming.request) : undefined; // others are the same when done twice
  if (key === undefined) return route.handler(incoming, h);
  if (!takesKey(route))
    throw new BadRequest(`No Idempotency-Key is taken here: ${route.withoutKey ?? 'the body is a stream'}.`);
  const { method, path, url } = incoming.request;
  const request = { key, method, path: path + url.search, version: format(incoming.version), body: incoming.body };
  const { isFirst, answer } = await answerOnce(answers, ctx, request, async () => {
    const made = asResponse(await route.handler(incoming, h), h);
    return { ...answerOf(made), made };
  });
  if (isFirst) return answer.made;
  const again = h.response(answer.content as object).code(answer.status);
  for (const [name, value] of Object.entries(answer.headers)) again.header(name, value);
  return again.header('idempotency-replayed', 'true');
}

/** Runs everything for real and takes it back, so that it cannot say other than what would be. */
async function tryOut(
  db: Knex,
  route: Route,
  incoming: Arriving,
  h: ResponseToolkit,
  overQuotaStatus: number,
): Promise<ResponseObject> {
  const { dryRun } = route;
  if (!dryRun) throw new NoDryRun('There is no dry run of this; nothing was done.');
  const trx = await db.transaction();
  let status = 0;
  const run = async () => {
    const made = asResponse(await route.handler(incoming, h), h);
    status = statusOf(made);
    return made.source;
  };
  try {
    const told = await joinAll(trx, () => dryRun(incoming, run));
    return h.response({ dry_run: { possible: true, status, ...told } });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const { status, message } = failureOf(error, { requestId: incoming.requestId, overQuotaStatus });
    return h.response({ dry_run: { possible: false, status, reason: message } });
  } finally {
    await trx.rollback();
  }
}

/** What the operation itself says against it; anything else is answered as it always is. */
function isRefusal(error: unknown): error is CloudError {
  if (error instanceof NoDryRun) return false;
  return [BadRequest, Forbidden, Conflict, OverQuota].some((type) => error instanceof type);
}

/** Throws `BadRequest` for a word that is neither: who meant a dry run must not get the real one. */
function asksForDryRun({ query, headers }: Request): boolean {
  const said = [query.dry_run, headers['x-dry-run']].filter((value) => value !== undefined).map(String);
  for (const word of said)
    if (!['true', 'false'].includes(word.toLowerCase())) throw new BadRequest('dry_run is true or false.');
  return said.some((word) => word.toLowerCase() === 'true');
}

function keyOf({ headers }: Request): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key))
    throw new BadRequest('An Idempotency-Key has 1 to 255 printable ASCII characters, without spaces.');
  return key;
}

function asResponse(made: Lifecycle.ReturnValue, h: ResponseToolkit): ResponseObject {
  return (isResponse(made) ? made : h.response(made as object)) as ResponseObject;
}

function isResponse(made: unknown): made is ResponseObject {
  return typeof made === 'object' && made !== null && 'statusCode' in made && 'variety' in made;
}

/** A handler that says none leaves it to hapi, which decides when it writes the answer. */
function statusOf({ statusCode, source }: ResponseObject): number {
  return (statusCode as number | null) ?? (source === null ? 204 : 200);
}

function answerOf(response: ResponseObject): Answer {
  if (response.variety !== 'plain') throw new Error('Only what is JSON or nothing can be answered again.');
  const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
  return { status: statusOf(response), headers: Object.fromEntries(headers), content: response.source };
}
