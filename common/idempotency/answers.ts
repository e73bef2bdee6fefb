import { createHash } from 'node:crypto';
import type { Context } from '../context.ts';
import type { Knex } from '../database/database.ts';
import { joinAll } from '../database/joining.ts';
import { Conflict, KeyReused, TooManyRequests } from '../errors.ts';
import type { Reconciler } from '../reconcile/loop.ts';

/** What an HTTP answer is made of again. `content`: what its JSON is made of. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  content: unknown;
}

/** What a key stands for: the same key with anything else is a mistake. */
export interface KeyedRequest {
  key: string;
  method: string;
  /** With its query. */
  path: string;
  /** The microversion, on which the form of the answer depends. */
  version: string;
  body: unknown;
}

export interface AnswersDeps {
  db: Knex;
  /** Answers hold passwords and private keys. */
  seal: (text: string) => string;
  unseal: (sealed: string) => string;
}

const keptHours = 24;
/** Of one user: a key costs nothing, and each is kept for a day. */
const mostOfAUser = 10_000;

interface Kept {
  asked: string;
  answer: Answer;
}

/**
 * Makes an answer once for a key: `make` does all its work in the transaction that keeps the answer, so whatever dies and whenever,
 * either both are there or neither. `isFirst`: it was made now. An error is nobody's answer: nothing was done, and the key is free.
 * Throws `Conflict` while the first request is under way, `KeyReused`, `TooManyRequests`.
 */
export async function answerOnce<A extends Answer>(
  deps: AnswersDeps,
  ctx: Context,
  request: KeyedRequest,
  make: () => Promise<A>,
): Promise<{ isFirst: true; answer: A } | { isFirst: false; answer: Answer }> {
  const id = { user_id: ctx.userId, acting_as: actingAs(ctx), key: request.key };
  const asked = digestOf(request);
  const before = await findAnswer(deps, id, asked);
  if (before) return { isFirst: false, answer: before };
  return deps.db.transaction(async (trx) => {
    await takeKey(trx, id);
    const meanwhile = await findAnswer({ ...deps, db: trx }, id, asked);
    if (meanwhile) return { isFirst: false, answer: meanwhile };
    await checkNumber(trx, ctx.userId);
    const answer = await joinAll(trx, make);
    const { status, headers, content } = answer;
    await trx('idempotent_answers')
      .insert({
        ...id,
        method: request.method,
        path: request.path.split('?')[0],
        status,
        sealed: deps.seal(JSON.stringify({ asked, answer: { status, headers, content } } satisfies Kept)),
        created_at: trx.fn.now(),
      })
      .onConflict(['user_id', 'acting_as', 'key']) // of one that has had its time
      .merge();
    return { isFirst: true, answer };
  });
}

/** Forgets answers that have had their time. */
export function answersReconciler({ db }: Pick<AnswersDeps, 'db'>): Reconciler {
  return {
    name: 'idempotent-answers',
    pending: async () => [],
    reconcile: async () => undefined,
    async sweep() {
      await db('idempotent_answers').where('created_at', '<', hoursAgo(db)).delete();
      return [];
    },
  };
}

type Id = { user_id: string; acting_as: string; key: string };

async function findAnswer(
  { db, unseal }: Pick<AnswersDeps, 'db' | 'unseal'>,
  id: Id,
  asked: string,
): Promise<Answer | undefined> {
  const row = await db('idempotent_answers').where(id).where('created_at', '>=', hoursAgo(db)).first('sealed');
  if (row === undefined) return undefined;
  const kept = JSON.parse(unseal(row.sealed)) as Kept;
  if (kept.asked !== asked)
    throw new KeyReused(
      `The Idempotency-Key ${id.key} was used for another request in the last ${keptHours} hours; a new request needs a new key.`,
    );
  return kept.answer;
}

/** Held until the end of the transaction. Whoever comes second does not wait: that would keep a connection from others. */
async function takeKey(trx: Knex, { user_id, acting_as, key }: Id): Promise<void> {
  const name = JSON.stringify(['idempotent', user_id, acting_as, key]);
  const { rows } = await trx.raw('select pg_try_advisory_xact_lock(hashtextextended(?, 0)) as taken', [name]);
  if (!rows[0].taken)
    throw new Conflict(
      `The first request with the Idempotency-Key ${key} is still under way; ask again for its answer.`,
    );
}

async function checkNumber(trx: Knex, userId: string): Promise<void> {
  const some = trx('idempotent_answers').where({ user_id: userId }).limit(mostOfAUser).select('key').as('some');
  const [counted] = await trx.from(some).count({ keys: '*' });
  if (Number(counted?.keys) >= mostOfAUser)
    throw new TooManyRequests(
      `The answers of ${mostOfAUser} keys are kept for you, which is the most; each is for ${keptHours} hours.`,
      3600,
    );
}

/** Who gets an answer again: the same user with the same rights. What a delegate did is no business of others, the user included. */
function actingAs({ projectId, domainId, system, delegation }: Context): string {
  const scope = projectId ? `project ${projectId}` : domainId ? `domain ${domainId}` : system ? 'system' : 'unscoped';
  return delegation ? `${scope} by ${delegation.type} ${delegation.id}` : scope;
}

function digestOf({ method, path, version, body }: KeyedRequest): string {
  return createHash('sha256')
    .update(JSON.stringify([method, path, version, body ?? null]))
    .digest('base64');
}

const hoursAgo = (db: Knex) => db.raw("now() - ? * interval '1 hour'", [keptHours]);
