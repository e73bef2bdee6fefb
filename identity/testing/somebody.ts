import { randomUUID } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import type { Answer, TestCloud } from '../../tests/cloud.ts';

const v3 = '/identity/v3';
const password = 'a password of somebody';

/** Asks as somebody, asserts the status and gives the body. `path` is below `/identity/v3`. */
export interface Somebody {
  userId: string;
  token: string;
  /** With another token, for another scope. */
  again(scope: object): Promise<Somebody>;
  get(path: string, status?: number): Promise<Answer['body']>;
  post(path: string, body: unknown, status?: number): Promise<Answer['body']>;
  put(path: string, body?: unknown, status?: number): Promise<Answer['body']>;
  patch(path: string, body: unknown, status?: number): Promise<Answer['body']>;
  delete(path: string, status?: number): Promise<Answer['body']>;
}

/** A new user of a domain with a role somewhere, and a token for that; `on` null is no scope. */
export async function somebody(
  t: ExecutionContext,
  cloud: TestCloud,
  {
    role,
    on,
    inDomain = 'default',
  }: { role?: string; on: { project: string } | { domain: string } | 'system' | null; inDomain?: string },
): Promise<Somebody> {
  const admin = cloud.as('admin');
  const { user } = await admin.post(`${v3}/users`, { user: { name: randomUUID(), password, domain_id: inDomain } });
  if (on !== null) {
    const { roles } = await admin.get(`${v3}/roles?name=${role}`);
    const place = on === 'system' ? 'system' : 'project' in on ? `projects/${on.project}` : `domains/${on.domain}`;
    await admin.put(`${v3}/${place}/users/${user.id}/roles/${roles[0].id}`, undefined, 204);
  }
  return withToken(t, cloud, user.id, await logIn(cloud, user.id, scopeOf(on)));
}

function scopeOf(on: { project: string } | { domain: string } | 'system' | null): object | undefined {
  if (on === null) return undefined;
  if (on === 'system') return { system: { all: true } };
  return 'project' in on ? { project: { id: on.project } } : { domain: { id: on.domain } };
}

/** A token for a user that `somebody` made; throws when they get none. */
export async function logIn(cloud: TestCloud, userId: string, scope?: object): Promise<string> {
  const identity = { methods: ['password'], password: { user: { id: userId, password } } };
  const answer = await cloud.anonymous.request({
    method: 'POST',
    path: `${v3}/auth/tokens`,
    body: { auth: { identity, ...(scope && { scope }) } },
  });
  if (answer.status !== 201) throw new Error(`cannot log in: ${answer.text}`);
  return String(answer.headers['x-subject-token']);
}

function withToken(t: ExecutionContext, cloud: TestCloud, userId: string, token: string): Somebody {
  const ask = async (method: string, path: string, body: unknown, status: number) => {
    const headers = { 'x-auth-token': token };
    const answer = await cloud.anonymous.request({
      method,
      path: `${v3}${path}`,
      headers,
      ...(body !== undefined && { body }),
    });
    t.is(answer.status, status, `${method} ${path}: ${answer.text}`);
    return answer.body;
  };
  return {
    userId,
    token,
    again: async (scope) => withToken(t, cloud, userId, await logIn(cloud, userId, scope)),
    get: (path, status = 200) => ask('GET', path, undefined, status),
    post: (path, body, status = 201) => ask('POST', path, body, status),
    put: (path, body, status = 204) => ask('PUT', path, body, status),
    patch: (path, body, status = 200) => ask('PATCH', path, body, status),
    delete: (path, status = 204) => ask('DELETE', path, undefined, status),
  };
}
