import { randomBytes } from 'node:crypto';
import type { Context } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Forbidden, NotFound } from '../../common/errors.ts';
import { newHexId } from '../../common/ids.ts';
import type { IdentityDeps } from '../deps.ts';
import { readAccess } from '../tokens/access.ts';
import { isDelegated, refuseDelegated } from '../tokens/delegated.ts';
import { holdKeepers, refuseAbove, type UserLimits } from '../user-limits.ts';
import { getUser } from '../users/store.ts';
import { type Credential, idOfAccessKey, type KeyPair, parseKeyPair, refuseOtherBonds } from './credential.ts';
import {
  type CredentialFilter,
  findCredential,
  findOwner,
  insertCredential,
  removeCredential,
  updateCredential,
  type Vault,
} from './store.ts';

export interface AskedCredential {
  userId: string;
  projectId: string | null;
  type: string;
  blob: string;
}

type Deps = Pick<IdentityDeps, 'db' | 'master' | 'userLimits'>;

/**
 * Keeps a credential. A key pair made with an application credential is good for what that one is. Throws `BadRequest` for a
 * blob that its type cannot have, `Conflict` for an access key that is taken, `NotFound` for a user or a project that the
 * caller does not know, `Forbidden` to a delegated token, and for a user who has as many as may be.
 */
export async function createCredential(deps: Deps, ctx: Context, asked: AskedCredential): Promise<Credential> {
  refuseDelegated(ctx, 'credentials');
  const isKeyPair = asked.type.toLowerCase() === 'ec2';
  if (isKeyPair && asked.projectId === null) throw new BadRequest('A credential of type ec2 needs a project_id.');
  if (isDelegated(ctx)) refuseBeyond(ctx, asked, isKeyPair);
  return deps.db.transaction(async (trx) => {
    await holdKeepers(trx, [asked.userId]);
    await getUser(trx, asked.userId);
    if (asked.projectId !== null) await checkProject(trx, ctx, asked.userId, asked.projectId);
    const credential = isKeyPair
      ? await keyPairOf(trx, ctx, asked)
      : { ...asked, id: newHexId(), applicationCredentialId: null, trustId: null };
    await insertCredential({ ...deps, db: trx }, credential);
    await refuseTooMany(trx, deps.userLimits, credential);
    return credential;
  });
}

/** Each passcode is compared with all of a user's secrets. */
async function refuseTooMany(trx: Knex, limits: UserLimits, { userId, type }: Pick<Credential, 'userId' | 'type'>) {
  const own = () => trx('credentials').where({ user_id: userId });
  if (type === 'ec2') return refuseAbove(limits.keyPairs, own().where({ type }), 'credentials of type ec2');
  if (type === 'totp') await refuseAbove(limits.totpSecrets, own().where({ type }), 'credentials of type totp');
  await refuseAbove(limits.credentials, own().whereNot({ type: 'ec2' }), 'credentials');
}

/** A new pair of an access key and a secret for a user on a project, as EC2 and S3 tools log in with. Throws as above. */
export async function createKeyPair(deps: Deps, ctx: Context, userId: string, projectId: string): Promise<Credential> {
  const blob = JSON.stringify({ access: newHexId(), secret: randomBytes(20).toString('hex'), trust_id: null });
  return createCredential(deps, ctx, { userId, projectId, type: 'ec2', blob });
}

/** What an application credential makes is for its own user and project, and nothing that is good for more: no one-time passwords. */
function refuseBeyond({ userId, projectId }: Context, asked: AskedCredential, isKeyPair: boolean): void {
  if (asked.userId !== userId || asked.projectId !== projectId)
    throw new Forbidden('With an application credential, credentials can be made for its own user and project only.');
  if (!isKeyPair) throw new Forbidden('With an application credential, only credentials of type ec2 can be made.');
}

/** A project on which the user has nothing is not there for them. */
async function checkProject(db: Knex, ctx: Context, userId: string, projectId: string): Promise<void> {
  if (ctx.isAdmin) return;
  const access = await readAccess(db, { userId, scope: { type: 'project', id: projectId } });
  const isTokens = ctx.projectId === projectId && ctx.userId === userId;
  if (!access?.roles.length && !isTokens) throw new NotFound('project', projectId);
}

async function keyPairOf(trx: Knex, { delegation }: Context, asked: AskedCredential): Promise<Credential> {
  const pair = parseKeyPair(asked.blob);
  if (pair.access_token_id != null) throw new BadRequest('There are no OAuth1 access tokens here.');
  const through = delegation?.type === 'application_credential' ? delegation.id : null;
  if (through !== null && pair.app_cred_id != null && pair.app_cred_id !== through)
    throw new Forbidden('The credential is made with another application credential.');
  const bound: KeyPair = through === null ? pair : { ...pair, app_cred_id: through };
  await checkBonds(trx, bound, asked);
  return {
    ...asked,
    id: idOfAccessKey(pair.access),
    type: 'ec2',
    blob: through === null ? asked.blob : JSON.stringify(bound),
    applicationCredentialId: bound.app_cred_id ?? null,
    trustId: bound.trust_id ?? null,
  };
}

/** A key pair can only be bound to what its own user may log in with. */
async function checkBonds(trx: Knex, { app_cred_id, trust_id }: KeyPair, { userId, projectId }: AskedCredential) {
  if (app_cred_id != null && trust_id != null) throw new BadRequest('A key pair is bound to one thing at most.');
  if (app_cred_id != null) {
    const own = { id: app_cred_id, user_id: userId, project_id: projectId };
    if (!(await trx('application_credentials').where(own).first('id')))
      throw new NotFound('application credential', app_cred_id);
  }
  if (trust_id != null) {
    const own = { id: trust_id, trustee_user_id: userId, project_id: projectId };
    if (!(await trx('trusts').where(own).first('id'))) throw new NotFound('trust', trust_id);
  }
}

/**
 * Changes a credential. Whose it is, and for which project, only administrators change; under what it was made, nobody
 * (CVE-2020-12691). Throws `Forbidden` and `BadRequest` accordingly, `NotFound` as `getReachable`.
 */
export async function changeCredential(
  deps: Deps,
  ctx: Context,
  id: string,
  changes: Partial<AskedCredential>,
): Promise<Credential> {
  refuseDelegated(ctx, 'credentials');
  return deps.db.transaction(async (trx) => {
    const owner = await findOwner(trx, id);
    await holdKeepers(
      trx,
      [owner, changes.userId].filter((one) => one !== undefined),
    );
    await trx('credentials').where({ id }).forUpdate().first('id');
    const vault = { ...deps, db: trx };
    const before = await getReachable(vault, ctx, id);
    const differs = (key: keyof AskedCredential) => changes[key] !== undefined && changes[key] !== before[key];
    const mayMove = ctx.isAdmin && !isDelegated(ctx);
    if (!mayMove && (differs('userId') || differs('projectId')))
      throw new Forbidden('The user and the project of a credential can be changed by administrators only.');
    if (isDelegated(ctx) && differs('type'))
      throw new Forbidden('With an application credential, the type of a credential cannot be changed.');
    const after = { ...before, ...changes };
    if (after.type.toLowerCase() === 'ec2') {
      if (after.projectId === null) throw new BadRequest('A credential of type ec2 needs a project_id.');
      after.type = 'ec2';
      if (before.type === 'ec2') refuseOtherBonds(before.blob, after.blob);
      else refuseNewBonds(after.blob);
    }
    if (differs('userId') && (before.applicationCredentialId ?? before.trustId) !== null)
      throw new BadRequest('A key pair that is bound to an application credential or a trust stays with its user.');
    const changed = await updateCredential(vault, id, { ...changes, type: after.type });
    if (differs('userId') || differs('type')) await refuseTooMany(trx, deps.userLimits, changed);
    return changed;
  });
}

function refuseNewBonds(blob: string): void {
  const { trust_id, app_cred_id, access_token_id } = parseKeyPair(blob);
  if ((trust_id ?? app_cred_id ?? access_token_id) != null)
    throw new BadRequest('A key pair is bound to something when it is made, and not later.');
}

export async function deleteCredential(deps: Deps, ctx: Context, id: string): Promise<void> {
  refuseDelegated(ctx, 'credentials');
  await getReachable(deps, ctx, id);
  await removeCredential(deps.db, id);
}

/** A delegated token reaches what was made through it and nothing else: a secret that is good for more would be more. */
export function reachOf(ctx: Context): CredentialFilter | null {
  if (!isDelegated(ctx)) return {};
  if (ctx.delegation?.type === 'application_credential') return { applicationCredentialId: ctx.delegation.id };
  if (ctx.delegation?.type === 'trust') return { trustId: ctx.delegation.id };
  return null;
}

/** Readers of the system see that there is a credential; its secret would let them in as its owner. */
export function maySeeSecret({ userId, isAdmin }: Context, credential: Credential): boolean {
  return isAdmin || credential.userId === userId;
}

/** The credential, for somebody whom the policy lets see it. Throws `NotFound` where a delegated token does not reach. */
export async function getReachable(vault: Vault, ctx: Context, id: string): Promise<Credential> {
  const credential = await findCredential(vault, id);
  if (credential === undefined || !isWithin(ctx, credential)) throw new NotFound('credential', id);
  return credential;
}

function isWithin(ctx: Context, credential: Credential): boolean {
  const reach = reachOf(ctx);
  if (reach === null) return false;
  const { applicationCredentialId, trustId } = reach;
  if (applicationCredentialId !== undefined) return credential.applicationCredentialId === applicationCredentialId;
  return trustId === undefined || credential.trustId === trustId;
}
