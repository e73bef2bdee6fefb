/** What a user allowed a consumer: seen and ended by the user, and a proof when the consumer logs in with it. */
import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { refused, type TokenDeps } from '../tokens/deps.ts';
import type { Proof } from '../tokens/methods/proof.ts';
import { revoke } from '../tokens/revocations.ts';
import type { SignedRequest } from './signature.ts';
import { checkSigned } from './signed.ts';

export interface AccessToken {
  id: string;
  consumerId: string;
  userId: string;
  projectId: string;
  roleIds: string[];
  expiresAt: Date;
}

export interface AccessTokenRow {
  id: string;
  consumer_id: string;
  user_id: string;
  project_id: string;
  role_ids: string[];
  expires_at: Date;
}

const columns = ['id', 'consumer_id', 'user_id', 'project_id', 'role_ids', 'expires_at'];

export function accessTokenFromRow(row: AccessTokenRow): AccessToken {
  const { id, consumer_id: consumerId, user_id: userId, project_id: projectId } = row;
  return { id, consumerId, userId, projectId, roleIds: row.role_ids, expiresAt: row.expires_at };
}

/** Those of a user, as a query to take a page of. */
export function accessTokensQuery(db: Knex, userId: string): Knex.QueryBuilder {
  return db('oauth1_access_tokens').where({ user_id: userId }).select(columns);
}

export async function getAccessToken(db: Knex, userId: string, id: string): Promise<AccessToken> {
  const row = await accessTokensQuery(db, userId).where({ id }).first();
  if (row === undefined) throw new NotFound('access token', id);
  return accessTokenFromRow(row);
}

export async function rolesOf(db: Knex, { roleIds }: AccessToken): Promise<{ id: string; name: string }[]> {
  return db('roles').whereIn('id', roleIds).orderBy('name').select('id', 'name');
}

/** With all that it was used to get. */
export async function deleteAccessToken(
  { db, revocations, tokenSeconds }: Pick<TokenDeps, 'db' | 'revocations' | 'tokenSeconds'>,
  userId: string,
  id: string,
): Promise<void> {
  await db.transaction(async (trx) => {
    const removed = await trx('oauth1_access_tokens').where({ user_id: userId, id }).delete();
    if (removed === 0) throw new NotFound('access token', id);
    await revoke(trx, `access_token:${id}`, tokenSeconds);
  });
  await revocations.refresh();
}

/** The method `oauth1`: a request signed by the consumer with its access token. Throws `Unauthorized`. */
export async function proveOauth1(
  deps: Pick<TokenDeps, 'db' | 'master'>,
  request: SignedRequest | undefined,
): Promise<Proof> {
  const id = request?.parameters.get('oauth_token') ?? '';
  const row = await deps
    .db('oauth1_access_tokens')
    .where({ id })
    .where('expires_at', '>', deps.db.fn.now())
    .first([...columns, 'sealed_secret', deps.db.raw('(select epoch from token_epoch) as epoch')]);
  await checkSigned(deps, request, row);
  if (row === undefined) throw refused('no such access token');
  const { consumerId, userId, projectId, roleIds, expiresAt } = accessTokenFromRow(row);
  return {
    method: 'oauth1',
    userId,
    grant: {
      delegation: { type: 'oauth1', id, consumerId },
      userId,
      holderId: userId,
      scope: { type: 'project', id: projectId },
      roleIds,
      expiresAt,
      epoch: row.epoch,
    },
  };
}
