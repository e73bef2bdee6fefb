/** What a token can be for, and what becomes of it when it is exchanged. */
import test from 'ava';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';

const v3 = '/identity/v3';
const domain = { id: 'default' };

interface Auth {
  identity?: object;
  scope?: unknown;
}

const byPassword = (name: string, password = `${name}-password`) => ({
  methods: ['password'],
  password: { user: { name, domain, password } },
});
const byToken = (id: string) => ({ methods: ['token'], token: { id } });

async function authenticate(cloud: TestCloud, { identity = byPassword('member'), scope }: Auth, query = '') {
  const body = { auth: { identity, ...(scope !== undefined && { scope }) } };
  const answer = await cloud.anonymous.request({ method: 'POST', path: `${v3}/auth/tokens${query}`, body });
  return { status: answer.status, text: String(answer.headers['x-subject-token']), token: answer.body?.token };
}

test('without a scope a token is for the default project, or for none where there is none', async (t) => {
  const cloud = await startTestCloud(t);
  t.is((await authenticate(cloud, {})).token.project.id, cloud.as('member').projectId);
  const unscoped = (await authenticate(cloud, { identity: byPassword('nobody') })).token;
  t.false('project' in unscoped);
  t.false('roles' in unscoped);
  t.false('catalog' in unscoped);
});

test('asked for no scope, a token has none, whatever the default project is', async (t) => {
  const cloud = await startTestCloud(t);
  for (const scope of ['unscoped', { unscoped: {} }]) {
    const { status, token } = await authenticate(cloud, { scope });
    t.is(status, 201);
    t.false('project' in token);
    t.false('roles' in token);
  }
});

test('a default project that was disabled, or that one has no role on, gives an unscoped token', async (t) => {
  const cloud = await startTestCloud(t);
  const { projectId, userId } = cloud.as('member');
  await cloud.as('admin').patch(`${v3}/projects/${projectId}`, { project: { enabled: false } });
  t.false('project' in (await authenticate(cloud, {})).token);
  t.is((await authenticate(cloud, { scope: { project: { id: projectId } } })).status, 401);
  const foreign = cloud.as('stranger').projectId;
  await cloud.as('admin').patch(`${v3}/users/${userId}`, { user: { default_project_id: foreign } });
  t.false('project' in (await authenticate(cloud, {})).token);
});

test('domain and system are scopes of their own, by id or name, with the roles given there', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { userId } = cloud.as('member');
  const { roles } = await admin.get(`${v3}/roles?name=manager`);
  for (const place of ['domains/default', 'system'])
    await admin.put(`${v3}/${place}/users/${userId}/roles/${roles[0].id}`, undefined, 204);
  const names = (token: { roles: { name: string }[] }) => token.roles.map((role) => role.name);
  for (const scope of [{ domain: { id: 'default' } }, { domain: { name: 'Default' } }]) {
    const { token } = await authenticate(cloud, { scope });
    t.deepEqual(token.domain, { id: 'default', name: 'Default' });
    t.deepEqual(names(token), ['manager', 'member', 'reader']);
    t.false('project' in token);
  }
  const { token } = await authenticate(cloud, { scope: { system: { all: true } } });
  t.deepEqual(token.system, { all: true });
  t.deepEqual(names(token), ['manager', 'member', 'reader']);
});

test('a token bought with a token has its own id, names the first, and lives no longer', async (t) => {
  const cloud = await startTestCloud(t);
  const { projectId } = cloud.as('member');
  const first = await authenticate(cloud, { scope: 'unscoped' });
  const second = await authenticate(cloud, { identity: byToken(first.text), scope: { project: { id: projectId } } });
  const third = await authenticate(cloud, { identity: byToken(second.text), scope: 'unscoped' });
  t.is(second.token.expires_at, first.token.expires_at);
  t.is(third.token.expires_at, first.token.expires_at);
  t.is(second.token.audit_ids[1], first.token.audit_ids[0]);
  t.is(third.token.audit_ids[1], first.token.audit_ids[0]);
  t.deepEqual(third.token.methods.toSorted(), ['password', 'token']);
});

test('an exchange goes on only so often', async (t) => {
  const cloud = await startTestCloud(t);
  let { text, status } = await authenticate(cloud, {});
  let exchanges = 0;
  for (; status === 201 && exchanges < 50; exchanges += 1)
    ({ text, status } = await authenticate(cloud, { identity: byToken(text) }));
  t.is(status, 401);
  t.is(exchanges, 16);
});

test('two methods about two users are no proof', async (t) => {
  const cloud = await startTestCloud(t);
  const { text } = await authenticate(cloud, { identity: byPassword('stranger') });
  const identity = { ...byPassword('member'), methods: ['password', 'token'], token: { id: text } };
  t.is((await authenticate(cloud, { identity })).status, 401);
});

test('the catalog is left out when it is not wanted', async (t) => {
  const cloud = await startTestCloud(t);
  t.true('catalog' in (await authenticate(cloud, {})).token);
  t.false('catalog' in (await authenticate(cloud, {}, '?nocatalog')).token);
});

test('what is missing in a scope or a user is told by name', async (t) => {
  const cloud = await startTestCloud(t);
  const cases: [Auth, string][] = [
    [{ scope: { project: { name: 'p1' } } }, 'domain'],
    [{ scope: { project: {} } }, 'project'],
    [{ scope: { domain: {} } }, 'domain'],
    [{ identity: { methods: ['password'] } }, 'password'],
    [{ identity: { methods: ['password'], password: { user: { name: 'member', password: 'x' } } } }, 'domain'],
    [{ identity: { methods: ['password'], password: { user: { password: 'x' } } } }, 'user'],
  ];
  for (const [auth, word] of cases) {
    const body = { auth: { identity: byPassword('member'), ...auth } };
    const answer = await cloud.anonymous.request({ method: 'POST', path: `${v3}/auth/tokens`, body });
    t.is(answer.status, 400, JSON.stringify(auth));
    t.true(answer.body.error.message.includes(word), answer.body.error.message);
  }
});
