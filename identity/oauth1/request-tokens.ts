/** A consumer asks for a project; a user who may do something in it allows a part of that, and says so with a verifier. */
import { createHash, randomBytes } from 'node:crypto';
import type { Context } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Forbidden, NotFound } from '../../common/errors.ts';
import { newHexId } from '../../common/ids.ts';
import { Secret } from '../../common/secret.ts';
import { seal } from '../sealing.ts';
import { readAccess } from '../tokens/access.ts';
import { isDelegated } from '../tokens/delegated.ts';
import { refused, type TokenDeps } from '../tokens/deps.ts';
import type { SignedRequest } from './signature.ts';
import { checkSigned } from './signed.ts';

type Deps = Pick<TokenDeps, 'db' | 'master'>;

export interface IssuedPair {
  id: string;
  secret: Secret;
  expiresAt: Date;
}

/** Keystone's defaults: time to authorize, and how long an access token lasts. */
const requestSeconds = 8 * 3600;
const accessSeconds = 24 * 3600;

/** Throws `Unauthorized` for a signature that is not right, `NotFound` for a project that is not there. */
export async function requestToken(
  deps: Deps,
  request: SignedRequest | undefined,
  projectId: string,
): Promise<IssuedPair> {
  const { consumerId } = await checkSigned(deps, request, null);
  if (request?.parameters.has('oauth_token')) throw refused('a token is named that is not there yet');
  const { db, master } = deps;
  const project = await db('projects').where({ id: projectId }).first('id');
  if (project === undefined) throw new NotFound('project', projectId);
  await db('oauth1_request_tokens').where('expires_at', '<', db.fn.now()).delete();
  const secret = new Secret(newHexId());
  return db.transaction(async (trx) => {
    await holdConsumer(trx, consumerId);
    const [row] = await trx('oauth1_request_tokens')
      .insert({
        id: newHexId(),
        consumer_id: consumerId,
        project_id: projectId,
        sealed_secret: seal(secret.reveal(), master, 'oauth1'),
        expires_at: trx.raw('now() + make_interval(secs => ?)', [requestSeconds]),
      })
      .returning(['id', 'expires_at']);
    return { id: row.id, secret, expiresAt: row.expires_at };
  });
}

/** Until the end of the transaction nobody deletes it: whoever does then finds what was made meanwhile. */
async function holdConsumer(trx: Knex, id: string): Promise<void> {
  const held = await trx('oauth1_consumers').where({ id }).forKeyShare().first('id');
  if (held === undefined) throw refused('the consumer is gone');
}

/**
 * Lets the consumer act as the caller in the project it asked for, with these roles of theirs there. Throws `NotFound` for a
 * token that is gone, `Forbidden` for a caller who was only lent what they have, or who lacks one of the roles.
 * @returns the verifier, which the user carries to the consumer.
 */
export async function authorizeRequest(
  { db }: Pick<Deps, 'db'>,
  ctx: Context,
  id: string,
  roles: { id?: string; name?: string }[],
): Promise<Secret> {
  if (isDelegated(ctx)) throw new Forbidden('What was handed on to you, you cannot hand on to a consumer.');
  const row = await db('oauth1_request_tokens').where({ id }).where('expires_at', '>', db.fn.now()).first('project_id');
  if (row === undefined) throw new NotFound('request token', id);
  const scope = { type: 'project', id: row.project_id } as const;
  const held = (await readAccess(db, { userId: ctx.userId, scope }))?.roles ?? [];
  const roleIds = roles.map((asked) => {
    if (asked.id === undefined && asked.name === undefined) throw new BadRequest('Each role needs an id or a name.');
    const role = held.find(({ id, name }) => (asked.id === undefined ? name === asked.name : id === asked.id));
    if (role === undefined) throw new Forbidden('You can hand on only roles that you have in that project.');
    return role.id;
  });
  const verifier = new Secret(randomBytes(12).toString('base64url'));
  const changed = await db('oauth1_request_tokens')
    .where({ id })
    .update({ user_id: ctx.userId, role_ids: [...new Set(roleIds)], verifier_hash: hashOf(verifier.reveal()) });
  if (changed === 0) throw new NotFound('request token', id);
  return verifier;
}

/** What was authorized becomes an access token, once. Throws `Unauthorized`. */
export async function exchangeRequest(deps: Deps, request: SignedRequest | undefined): Promise<IssuedPair> {
  const { db, master } = deps;
  const id = request?.parameters.get('oauth_token') ?? '';
  const row = await db('oauth1_request_tokens').where({ id }).where('expires_at', '>', db.fn.now()).first();
  const { consumerId } = await checkSigned(deps, request, row);
  const verifierHash = hashOf(request?.parameters.get('oauth_verifier') ?? '');
  const secret = new Secret(newHexId());
  return db.transaction(async (trx) => {
    await holdConsumer(trx, consumerId);
    // Taken by whoever removes it: a request token is good for one access token, however often it is asked for.
    const [taken] = await trx('oauth1_request_tokens')
      .where({ id, verifier_hash: verifierHash })
      .delete()
      .returning(['consumer_id', 'user_id', 'project_id', 'role_ids']);
    if (taken === undefined) throw refused('not authorized, or a wrong verifier');
    const [made] = await trx('oauth1_access_tokens')
      .insert({
        ...taken,
        id: newHexId(),
        sealed_secret: seal(secret.reveal(), master, 'oauth1'),
        expires_at: trx.raw('now() + make_interval(secs => ?)', [accessSeconds]),
      })
      .returning(['id', 'expires_at']);
    return { id: made.id, secret, expiresAt: made.expires_at };
  });
}

function hashOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('hex');
}
