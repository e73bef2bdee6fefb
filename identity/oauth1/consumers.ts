/** Programs that users may let act for them: their ids and secrets. */
import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { newHexId } from '../../common/ids.ts';
import { Secret } from '../../common/secret.ts';
import { seal, unseal } from '../sealing.ts';
import type { TokenDeps } from '../tokens/deps.ts';
import { revoke, type Subject } from '../tokens/revocations.ts';

export interface Consumer {
  id: string;
  description: string | null;
}

export type ConsumerDeps = Pick<TokenDeps, 'db' | 'master' | 'revocations' | 'tokenSeconds'>;

const columns = ['id', 'description'];

/** The secret is told here and never again. */
export async function createConsumer(
  { db, master }: Pick<ConsumerDeps, 'db' | 'master'>,
  description: string | null,
): Promise<{ consumer: Consumer; secret: Secret }> {
  const secret = new Secret(newHexId());
  const [consumer] = await db<Consumer>('oauth1_consumers')
    .insert({ id: newHexId(), description, sealed_secret: seal(secret.reveal(), master, 'oauth1') } as object)
    .returning(columns as (keyof Consumer)[]);
  return { consumer: consumer as Consumer, secret };
}

/** All of them, in the order of their ids, as a query to take a page of. */
export function consumersQuery(db: Knex): Knex.QueryBuilder {
  return db('oauth1_consumers').select(columns);
}

export async function getConsumer(db: Knex, id: string): Promise<Consumer> {
  const found = await db('oauth1_consumers').where({ id }).first(columns);
  if (found === undefined) throw new NotFound('consumer', id);
  return found;
}

export async function updateConsumer(db: Knex, id: string, description: string | null): Promise<Consumer> {
  const [changed] = await db('oauth1_consumers').where({ id }).update({ description }).returning(columns);
  if (changed === undefined) throw new NotFound('consumer', id);
  return changed;
}

/** With everything that it was allowed: its tokens, and ours made with them. */
export async function deleteConsumer({ db, revocations, tokenSeconds }: ConsumerDeps, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    // The row first: whoever makes an access token of this consumer waits for us, and then finds none.
    await trx('oauth1_consumers').where({ id }).forUpdate().first('id');
    const tokens: string[] = await trx('oauth1_access_tokens').where({ consumer_id: id }).pluck('id');
    const removed = await trx('oauth1_consumers').where({ id }).delete();
    if (removed === 0) throw new NotFound('consumer', id);
    await revoke(
      trx,
      tokens.map((token): Subject => `access_token:${token}`),
      tokenSeconds,
    );
  });
  await revocations.refresh();
}

/** For checking signatures only. */
export async function findConsumerSecret(
  { db, master }: Pick<ConsumerDeps, 'db' | 'master'>,
  id: string,
): Promise<Secret | undefined> {
  const row = await db('oauth1_consumers').where({ id }).first('sealed_secret');
  return row && new Secret(unseal(row.sealed_secret, master, 'oauth1'));
}
