/** Everybody who tries, each with a token of their own kind. */
import { join } from 'node:path';
import type { Context } from '../../common/context.ts';
import { contextOf } from '../../identity/plugin.ts';
import { readMasterKey, type SigningKeys, watchKeys } from '../../identity/tokens/keys.ts';
import { signToken, verifyToken } from '../../identity/tokens/token.ts';
import type { TestCloud } from '../cloud.ts';

export interface Caller {
  name: string;
  /** Empty: none is sent. */
  token: string;
  /** What the token says; null when it is not, or no longer, one. */
  ctx: Context | null;
}

export interface Callers {
  member: Caller;
  admin: Caller;
  reader: Caller;
  stranger: Caller;
  nobody: Caller;
  domainAdmin: Caller;
  systemAdmin: Caller;
  expired: Caller;
  revoked: Caller;
  none: Caller;
}

const v3 = '/identity/v3';

export async function makeCallers(cloud: TestCloud): Promise<Callers> {
  const master = await readMasterKey(join(cloud.config.dataDir, 'master.key'));
  const keys = await watchKeys(cloud.db, master, {
    subscribe: () => () => false,
    connected: () => true,
    stop: async () => undefined,
  });
  const known = async (name: string, token: string): Promise<Caller> => ({
    name,
    token,
    ctx: contextOf(await verifyToken(token, keys), 'req'),
  });
  const member = await cloud.as('member').token();
  return {
    member: await known('the owner', member),
    admin: await known('an administrator', await cloud.as('admin').token()),
    reader: await known('a reader of the same project', await cloud.as('reader').token()),
    stranger: await known('a member of another project', await cloud.as('stranger').token()),
    nobody: await known('somebody without a role', await cloud.as('nobody').token()),
    domainAdmin: await known(
      'an administrator of the domain',
      await scopedTo(cloud, 'domains/default', { domain: { id: 'default' } }),
    ),
    systemAdmin: await known(
      'an administrator of the system',
      await scopedTo(cloud, 'system', { system: { all: true } }),
    ),
    expired: { name: 'an expired token', token: await expired(cloud, member, keys), ctx: null },
    revoked: { name: 'a revoked token', token: await revoked(cloud), ctx: null },
    none: { name: 'no token', token: '', ctx: null },
  };
}

/** A user who is an administrator there, and nowhere else. */
async function scopedTo(cloud: TestCloud, place: string, scope: object): Promise<string> {
  const admin = cloud.as('admin');
  const name = `admin of ${place}`;
  const { user } = await admin.post(`${v3}/users`, { user: { name, password: 'a password' } });
  const { roles } = await admin.get(`${v3}/roles?name=admin`);
  await admin.put(`${v3}/${place}/users/${user.id}/roles/${roles[0].id}`, undefined, 204);
  const identity = { methods: ['password'], password: { user: { id: user.id, password: 'a password' } } };
  return await authenticate(cloud, { identity, scope });
}

async function expired(cloud: TestCloud, text: string, keys: SigningKeys): Promise<string> {
  const token = await verifyToken(text, keys);
  const signed = (expiresAt: Date) => signToken({ ...token, expiresAt }, keys.signing());
  const alive = await signed(new Date(Date.now() + 60_000));
  if ((await probe(cloud, alive)) !== 200)
    throw new Error('a token signed here is no token: an expired one would show nothing');
  return await signed(new Date(Date.now() - 1000));
}

async function revoked(cloud: TestCloud): Promise<string> {
  const id = await cloud.as('member').token();
  const identity = { methods: ['token'], token: { id } };
  const project = { id: cloud.as('member').projectId };
  const token = await authenticate(cloud, { identity, scope: { project } });
  if ((await probe(cloud, token)) !== 200) throw new Error('the token is none even before it is revoked');
  const headers = { 'x-auth-token': token, 'x-subject-token': token };
  await cloud.anonymous.request({ method: 'DELETE', path: `${v3}/auth/tokens`, headers });
  return token;
}

async function authenticate(cloud: TestCloud, auth: object): Promise<string> {
  const answer = await cloud.anonymous.request({ method: 'POST', path: `${v3}/auth/tokens`, body: { auth } });
  if (answer.status !== 201) throw new Error(`cannot log in: ${answer.text}`);
  return String(answer.headers['x-subject-token']);
}

async function probe(cloud: TestCloud, token: string): Promise<number> {
  const headers = { 'x-auth-token': token };
  return (await cloud.anonymous.request({ method: 'GET', path: `${v3}/auth/catalog`, headers })).status;
}
