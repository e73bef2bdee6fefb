import test from 'ava';
import { startFederation } from '../../tests/federation/ground.ts';
import { clientId } from '../../tests/federation/issuer.ts';

const names = (roles: { name: string }[]) => roles.map(({ name }) => name).sort();

test('an access token buys an unscoped token, and that one of a project with the roles of the mapped groups', async (t) => {
  const { cloud, issuer, logIn, scope, groupWithRole } = await startFederation(t);
  const staff = await groupWithRole('staff', 'member');
  const operators = await groupWithRole('operators', 'admin');
  const answer = await logIn(await issuer.accessToken({ groups: ['staff', 'unknown here'] }));
  t.is(answer.status, 201, answer.text);
  const { token } = answer.body;
  t.deepEqual(token.methods, ['openid']);
  t.is(token.user.name, 'ada');
  t.deepEqual(token.user['OS-FEDERATION'], {
    identity_provider: { id: 'staff' },
    protocol: { id: 'openid' },
    groups: [{ id: staff.groupId }],
  });
  t.false('project' in token);

  const unscoped = String(answer.headers['x-subject-token']);
  const scoped = await scope(unscoped, { project: { id: staff.projectId } });
  t.is(scoped.status, 201, scoped.text);
  t.deepEqual(names(scoped.body.token.roles), ['member', 'reader']);
  t.truthy(scoped.body.token.user['OS-FEDERATION']);
  t.is((await scope(unscoped, { project: { id: operators.projectId } })).status, 401, 'a group that was not mapped');
  t.is((await scope(unscoped, { system: { all: true } })).status, 401);

  const { user } = await cloud.as('admin').get(`/identity/v3/users/${token.user.id}`);
  t.is(user.name, 'ada');
  const protocols = [{ protocol_id: 'openid', unique_id: 'subject-1' }];
  t.deepEqual(user.federated, [{ idp_id: 'staff', protocols }]);
  const headers = { 'x-auth-token': unscoped };
  const open = await cloud.anonymous.request({ method: 'GET', path: '/identity/v3/auth/projects', headers });
  t.deepEqual(
    open.body.projects.map(({ id }: { id: string }) => id),
    [staff.projectId],
  );
});

test('the next login is the same user, by another name and with other groups', async (t) => {
  const { cloud, issuer, logIn, scope, groupWithRole } = await startFederation(t);
  const staff = await groupWithRole('staff', 'member');
  const before = await logIn(await issuer.accessToken({ groups: ['staff'] }));
  const after = await logIn(await issuer.accessToken({ groups: [], preferred_username: 'ada.l' }));
  t.is(after.body.token.user.id, before.body.token.user.id);
  t.is(after.body.token.user.name, 'ada.l');
  t.is((await scope(String(after.headers['x-subject-token']), { project: { id: staff.projectId } })).status, 401);
  t.is((await cloud.db('federated_users')).length, 1);
});

test('many first logins at once make one user', async (t) => {
  const { cloud, issuer, logIn } = await startFederation(t);
  const text = await issuer.accessToken();
  const answers = await Promise.all(Array.from({ length: 8 }, () => logIn(text)));
  t.deepEqual(
    answers.map(({ status }) => status),
    Array(8).fill(201),
  );
  t.is(new Set(answers.map(({ body }) => body.token.user.id)).size, 1);
  t.is((await cloud.db('users').where({ is_shadow: true })).length, 1);
  t.is(issuer.keyRequests(), 1);
});

test('a shadow user takes nobody’s name and cannot be logged in to', async (t) => {
  const { cloud, issuer, logIn } = await startFederation(t, { provider: { domain_id: 'default' } });
  const answer = await logIn(await issuer.accessToken({ preferred_username: 'member' }));
  t.is(answer.status, 201, answer.text);
  t.is(answer.body.token.user.domain.id, 'default');
  t.not(answer.body.token.user.id, cloud.as('member').userId);
  await cloud.as('member').token(); // the user of here with that name still logs in
  await cloud.as('admin').post('/identity/v3/users', { user: { name: 'member' } }, 409);
  const other = await logIn(await issuer.accessToken({ sub: 'subject-2', preferred_username: 'member' }));
  t.is(other.status, 201, 'two of one name');
});

const notForUs: [string, Record<string, unknown>, Record<string, unknown>?][] = [
  ['expired', { exp: Math.floor(Date.now() / 1000) - 1 }],
  ['that never expires', { exp: undefined }],
  ['whose expiry is no number', { exp: '9999999999' }],
  ['of the future', { iat: Math.floor(Date.now() / 1000) + 600 }],
  ['that is not valid yet', { nbf: Math.floor(Date.now() / 1000) + 600 }],
  ['of another issuer', { iss: 'http://127.0.0.1:9/realms/test' }],
  ['of another realm', { iss: 'other' }],
  ['of no issuer', { iss: undefined }],
  ['for another client', { azp: 'other' }],
  ['for nobody', { azp: undefined, aud: undefined }],
  ['about nobody', { sub: undefined }],
  ['that tells who logged in and is for no API', { typ: 'ID', aud: clientId }],
  ['that refreshes', { typ: 'Refresh', aud: clientId }],
  ['of no kind', { typ: undefined }],
  ['of a key that is not there', {}, { kid: 'another' }],
];

test('a token that is not for this cloud, now, from this issuer is refused', async (t) => {
  const { cloud, issuer, logIn } = await startFederation(t);
  for (const [what, claims, header] of notForUs)
    t.is((await logIn(await issuer.accessToken(claims, header))).status, 401, what);
  t.is((await cloud.db('federated_users')).length, 0);
});

test('a token that is altered, cut, unsigned or no token at all is refused', async (t) => {
  const { cloud, issuer, logIn } = await startFederation(t);
  const [header = '', payload = '', signature = ''] = (await issuer.accessToken()).split('.');
  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const wrong = [
    await issuer.forgedToken(),
    `${header}.${encoded({ ...claims, sub: 'other' })}.${signature}`,
    `${encoded({ alg: 'none', kid: 'the-key' })}.${payload}.`,
    `${encoded({ alg: 'none', kid: 'the-key' })}.${payload}.${signature}`,
    `${encoded({ alg: 'HS256', kid: 'the-key' })}.${payload}.${signature}`,
    `${header}.${payload}.${signature}.${signature}`,
    `${header}.${payload}.${signature.slice(0, -4)}`,
    `${header}.${payload}`,
    `${header}.${encoded(null)}.${signature}`,
    'x.y.z',
    'x',
    `${header}.${'A'.repeat(20_000)}.${signature}`,
    String(await cloud.as('admin').token()),
  ];
  for (const text of wrong) {
    const answer = await logIn(text);
    t.is(answer.status, 401, text.slice(0, 60));
  }
  const path = '/identity/v3/OS-FEDERATION/identity_providers/staff/protocols/openid/auth';
  t.is((await cloud.anonymous.request({ method: 'GET', path })).status, 401);
  const basic = { authorization: 'Basic YTpi' };
  t.is((await cloud.anonymous.request({ method: 'GET', path, headers: basic })).status, 401);
});

test('made-up keys do not make us ask the issuer each time', async (t) => {
  const { issuer, logIn } = await startFederation(t);
  const began = performance.now();
  for (let i = 0; i < 10; i += 1) await logIn(await issuer.accessToken({}, { kid: `k${i}` }));
  const mostOften = 1 + Math.floor((performance.now() - began) / 10_000); // a slow machine takes longer than it is to wait
  t.true(issuer.keyRequests() >= 1 && issuer.keyRequests() <= mostOften, `${issuer.keyRequests()} times`);
});

test('a token for this cloud counts whoever asked for it, and so do those of a client that the operator named', async (t) => {
  const { issuer, logIn } = await startFederation(t);
  t.is((await logIn(await issuer.accessToken({ azp: 'other', aud: ['account', clientId] }))).status, 201);
  const named = await startFederation(t);
  t.is((await named.logIn(await named.issuer.accessToken({ azp: 'command-line' }))).status, 401);
});

test('whoever no rule is about gets in nowhere, and is told so', async (t) => {
  const rules = [{ local: [{ user: { name: '{0}' } }], remote: [{ type: 'OIDC-email' }] }];
  const { cloud, issuer, logIn } = await startFederation(t, { rules });
  const answer = await logIn(await issuer.accessToken());
  t.is(answer.status, 401);
  t.regex(answer.body.error.message, /none of its rules is about you/);
  t.is((await cloud.db('federated_users')).length, 0);
});

test('an identity provider, or a protocol, that is not there is not found', async (t) => {
  const { cloud, issuer } = await startFederation(t);
  const headers = { authorization: `Bearer ${await issuer.accessToken()}` };
  for (const place of ['nobody/protocols/openid', 'staff/protocols/nothing']) {
    const path = `/identity/v3/OS-FEDERATION/identity_providers/${place}/auth`;
    t.is((await cloud.anonymous.request({ method: 'GET', path, headers })).status, 404);
  }
});

test('a mapped local user is themselves, with their own roles', async (t) => {
  const rules = [
    {
      local: [
        { user: { name: '{0}', type: 'local', domain: { id: 'default' } } },
        { group: { name: 'operators', domain: { id: 'default' } } },
      ],
      remote: [{ type: 'OIDC-preferred_username' }],
    },
  ];
  const { cloud, issuer, logIn, scope, groupWithRole } = await startFederation(t, { rules });
  const operators = await groupWithRole('operators', 'admin');
  const member = cloud.as('member');
  const answer = await logIn(await issuer.accessToken({ preferred_username: 'member' }));
  t.is(answer.body.token.user.id, member.userId);
  t.false('OS-FEDERATION' in answer.body.token.user);
  const unscoped = String(answer.headers['x-subject-token']);
  t.is((await scope(unscoped, { project: { id: member.projectId } })).status, 201);
  t.is((await scope(unscoped, { project: { id: operators.projectId } })).status, 401);
  t.is((await logIn(await issuer.accessToken({ preferred_username: 'nobody here' }))).status, 401);
});

test('what a mapped local user logged in with ends with the identity provider, and what was exchanged for it', async (t) => {
  const local = [{ user: { name: '{0}', type: 'local', domain: { id: 'default' } } }];
  const rules = [{ local, remote: [{ type: 'OIDC-preferred_username' }] }];
  const { cloud, issuer, logIn, scope } = await startFederation(t, { rules });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const provider = '/identity/v3/OS-FEDERATION/identity_providers/staff';
  const project = { project: { id: member.projectId } };
  const tokens = async () => {
    const answer = await logIn(await issuer.accessToken({ preferred_username: 'member' }));
    const unscoped = String(answer.headers['x-subject-token']);
    const scoped = await scope(unscoped, project);
    t.false('OS-FEDERATION' in scoped.body.token.user, 'they are nobody else than at any login');
    return { unscoped, scoped: String(scoped.headers['x-subject-token']) };
  };
  const own = await member.token();
  const status = async (token: string) =>
    (
      await cloud.anonymous.request({
        method: 'GET',
        path: '/identity/v3/auth/projects',
        headers: { 'x-auth-token': token },
      })
    ).status;
  const first = await tokens();
  t.is(await status(first.scoped), 200);
  await admin.patch(provider, { identity_provider: { enabled: false } });
  for (const token of [first.unscoped, first.scoped]) t.is(await status(token), 401);
  await admin.patch(provider, { identity_provider: { enabled: true } });
  const second = await tokens();
  await admin.delete(provider);
  for (const token of [second.unscoped, second.scoped]) t.is(await status(token), 401);
  t.is((await scope(second.unscoped, project)).status, 404);
  t.is(await status(own), 200, 'what they have of themselves stays');
});
