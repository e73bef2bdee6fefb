/** Who signed a request: which consumer, and with which token of its. */
import { randomBytes } from 'node:crypto';
import type { Knex } from '../../common/database/database.ts';
import { Secret } from '../../common/secret.ts';
import { unseal } from '../sealing.ts';
import { refused, type TokenDeps } from '../tokens/deps.ts';
import { findConsumerSecret } from './consumers.ts';
import { isSignedWith, type SignedRequest } from './signature.ts';

type Deps = Pick<TokenDeps, 'db' | 'master'>;

/** How far a client's clock may be off, either way. */
const clockSeconds = 300;
const longestNonce = 128;

/**
 * Checks the signature, that it was made a moment ago, and that it was not used before; `row` is the token that it names,
 * or null where it must name none. Throws `Unauthorized` and says no more.
 */
export async function checkSigned(
  deps: Deps,
  request: SignedRequest | undefined,
  row: { consumer_id: string; sealed_secret: string } | null | undefined,
): Promise<{ consumerId: string }> {
  if (request === undefined || row === undefined) throw refused('not signed, or no such token');
  const consumerId = request.parameters.get('oauth_consumer_key') ?? '';
  // The same work for a consumer that does not exist.
  const known = await findConsumerSecret(deps, consumerId);
  const token = row && new Secret(unseal(row.sealed_secret, deps.master, 'oauth1'));
  const isSigned = isSignedWith(request, known ?? new Secret(randomBytes(16).toString('hex')), token);
  if (!known || !isSigned || (row && row.consumer_id !== consumerId)) throw refused('signature');
  await useOnce(deps.db, consumerId, request);
  return { consumerId };
}

async function useOnce(db: Knex, consumerId: string, { parameters }: SignedRequest): Promise<void> {
  const nonce = parameters.get('oauth_nonce') ?? '';
  const signedAt = Number(parameters.get('oauth_timestamp'));
  if (!Number.isSafeInteger(signedAt) || nonce.length > longestNonce || nonce.includes('\0')) throw refused('nonce');
  await db('oauth1_nonces').where('expires_at', '<', db.fn.now()).delete();
  const { rows } = await db.raw(
    `insert into oauth1_nonces (consumer_id, nonce, signed_at, expires_at)
       select :consumerId, :nonce, :signedAt::bigint, to_timestamp(:signedAt::bigint) + make_interval(secs => :clockSeconds)
        where abs(extract(epoch from now()) - :signedAt::bigint) <= :clockSeconds
     on conflict do nothing returning nonce`,
    { consumerId, nonce, signedAt, clockSeconds },
  );
  if (rows.length === 0) throw refused('signed too long ago, or used before');
}
