import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';

test('a password buys a token that says who, where and what, with a catalog', async (t) => {
  const cloud = await startTestCloud(t);
  const answer = await cloud.anonymous.request({
    method: 'POST',
    path: '/identity/v3/auth/tokens',
    body: {
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: 'member', domain: { name: 'Default' }, password: 'member-password' } },
        },
        scope: { project: { name: 'p1', domain: { id: 'default' } } },
      },
    },
  });
  t.is(answer.status, 201);
  t.regex(String(answer.headers['x-subject-token']), /^[\w-]+\.[\w-]+\.[\w-]+$/);
  const { token } = answer.body;
  t.is(token.project.id, cloud.as('member').projectId);
  t.is(token.user.name, 'member');
  t.deepEqual(
    token.roles.map((role: { name: string }) => role.name),
    ['member', 'reader'],
  );
  t.regex(token.expires_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  t.true(token.catalog.some((service: { type: string }) => service.type === 'compute'));
});

test('every way to fail a login gets the same answer', async (t) => {
  const cloud = await startTestCloud(t);
  const attempt = (user: object, scope?: unknown) =>
    cloud.anonymous.request({
      method: 'POST',
      path: '/identity/v3/auth/tokens',
      body: {
        auth: { identity: { methods: ['password'], password: { user } }, ...(scope !== undefined && { scope }) },
      },
    });
  const domain = { id: 'default' };
  const answers = [
    await attempt({ name: 'member', domain, password: 'wrong' }),
    await attempt({ name: 'no such user', domain, password: 'wrong' }),
    await attempt({ name: 'member', domain: { id: 'elsewhere' }, password: 'member-password' }),
    await attempt({ name: 'member', domain, password: 'member-password' }, { project: { name: 'p2', domain } }),
    await attempt({ name: 'member', domain, password: 'member-password' }, { system: { all: true } }),
  ];
  for (const answer of answers) {
    t.is(answer.status, 401);
    t.deepEqual(answer.body, answers[0]?.body);
  }
});

test('a token ends at once when it is revoked, and with it those bought with it', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const first = await member.token();
  const bought = await cloud.anonymous.request({
    method: 'POST',
    path: '/identity/v3/auth/tokens',
    body: { auth: { identity: { methods: ['token'], token: { id: first } } } },
  });
  t.is(bought.status, 201);
  const second = String(bought.headers['x-subject-token']);
  const check = (token: string) =>
    cloud.anonymous.request({ method: 'GET', path: '/identity/v3/auth/projects', headers: { 'x-auth-token': token } });
  t.is((await check(second)).status, 200);
  const revoked = await member.request({
    method: 'DELETE',
    path: '/identity/v3/auth/tokens',
    headers: { 'x-subject-token': first },
  });
  t.is(revoked.status, 204);
  t.is(revoked.text, '');
  t.is((await check(first)).status, 401);
  t.is((await check(second)).status, 401);
});

test('taking a role away, a new password and a disabled project each end the tokens they concern', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { roles } = await admin.get('/identity/v3/roles?name=member');
  const member = cloud.as('member');
  await member.get('/identity/v3/auth/projects');
  await admin.delete(`/identity/v3/projects/${member.projectId}/users/${member.userId}/roles/${roles[0].id}`);
  await member.get('/identity/v3/auth/projects', 401);

  const reader = cloud.as('reader');
  await reader.get('/identity/v3/auth/projects');
  await admin.patch(`/identity/v3/users/${reader.userId}`, { user: { password: 'another-password' } });
  await reader.get('/identity/v3/auth/projects', 401);

  const stranger = cloud.as('stranger');
  await stranger.get('/identity/v3/auth/projects');
  await admin.patch(`/identity/v3/projects/${stranger.projectId}`, { project: { enabled: false } });
  await stranger.get('/identity/v3/auth/projects', 401);
});

test('forged tokens are refused: altered, truncated, unsigned, of another key', async (t) => {
  const cloud = await startTestCloud(t);
  const token = await cloud.as('member').token();
  const [header = '', payload = '', signature = ''] = token.split('.');
  const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');
  const richer = Buffer.from(
    JSON.stringify({ ...JSON.parse(Buffer.from(payload, 'base64url').toString()), rol: ['admin'] }),
  ).toString('base64url');
  for (const forged of [
    `${header}.${richer}.${signature}`,
    `${header}.${payload}.${signature.slice(2)}`,
    `${unsigned}.${payload}.`,
    'gAAAAABnotours',
    '.',
  ]) {
    const answer = await cloud.anonymous.request({
      method: 'GET',
      path: '/identity/v3/auth/projects',
      headers: { 'x-auth-token': forged },
    });
    t.is(answer.status, 401);
    t.is(answer.body.error.code, 401);
  }
});

test('no token outlives a revocation that happened while it was being issued', async (t) => {
  const cloud = await startTestCloud(t);
  const { userId } = cloud.as('member');
  const logIn = (identity: object) =>
    cloud.anonymous.request({ method: 'POST', path: '/identity/v3/auth/tokens', body: { auth: { identity } } });
  const works = async (token: string) => {
    const headers = { 'x-auth-token': token };
    return (
      (await cloud.anonymous.request({ method: 'GET', path: '/identity/v3/auth/projects', headers })).status === 200
    );
  };
  const gather = async (identity: object, revoke: () => Promise<unknown>) => {
    const tokens: string[] = [];
    let isOver = false;
    const loop = async () => {
      while (!isOver) {
        const answer = await logIn(identity);
        if (answer.status === 201) tokens.push(String(answer.headers['x-subject-token']));
        else return;
      }
    };
    const loops = [loop(), loop(), loop(), loop()];
    while (tokens.length < 4) await new Promise((resolve) => setImmediate(resolve));
    await revoke();
    isOver = true;
    await Promise.all(loops);
    return tokens;
  };

  const parent = await cloud.as('member').token();
  const bought = await gather({ methods: ['token'], token: { id: parent } }, () =>
    cloud
      .as('admin')
      .request({ method: 'DELETE', path: '/identity/v3/auth/tokens', headers: { 'x-subject-token': parent } }),
  );
  for (const token of bought) t.false(await works(token));

  const password = { user: { id: userId, password: 'member-password' } };
  const loggedIn = await gather({ methods: ['password'], password }, () =>
    cloud.as('admin').patch(`/identity/v3/users/${userId}`, { user: { password: 'another-password' } }),
  );
  for (const token of loggedIn) t.false(await works(token));
});
