import { randomUUID } from 'node:crypto';
import test from 'ava';
import { type FederationGround, startFederation, usualRules } from '../../../tests/federation/ground.ts';

const providers = '/identity/v3/OS-FEDERATION/identity_providers';

/** The unscoped token of a login that has to succeed. */
async function enter({ issuer, logIn }: FederationGround, claims: Record<string, unknown> = {}): Promise<string> {
  const answer = await logIn(await issuer.accessToken(claims));
  if (answer.status !== 201) throw new Error(answer.text);
  return String(answer.headers['x-subject-token']);
}

const isGood = async ({ cloud }: FederationGround, token: string): Promise<boolean> => {
  const headers = { 'x-auth-token': token, 'x-subject-token': token };
  const { status } = await cloud.anonymous.request({ method: 'GET', path: '/identity/v3/auth/tokens', headers });
  return status === 200;
};

for (const [what, end] of [
  [
    'disabling the identity provider',
    (admin) => admin.patch(`${providers}/staff`, { identity_provider: { enabled: false } }),
  ],
  [
    'listening no more to its issuer',
    (admin) => admin.patch(`${providers}/staff`, { identity_provider: { remote_ids: ['x'] } }),
  ],
  ['deleting the identity provider', (admin) => admin.delete(`${providers}/staff`)],
  ['deleting the protocol', (admin) => admin.delete(`${providers}/staff/protocols/openid`)],
] as [string, (admin: ReturnType<FederationGround['cloud']['as']>) => Promise<unknown>][])
  test(`${what} ends every token of its users, and nobody’s else`, async (t) => {
    const ground = await startFederation(t);
    const { cloud, scope, groupWithRole } = ground;
    const { projectId } = await groupWithRole('staff', 'member');
    const unscoped = await enter(ground, { groups: ['staff'] });
    const scoped = String((await scope(unscoped, { project: { id: projectId } })).headers['x-subject-token']);
    t.true(await isGood(ground, scoped));
    await end(cloud.as('admin'));
    t.false(await isGood(ground, unscoped));
    t.false(await isGood(ground, scoped));
    t.true(await isGood(ground, await cloud.as('member').token()));
    t.not((await ground.logIn(await ground.issuer.accessToken())).status, 201);
  });

test('what an identity provider does not lose ends nobody’s token', async (t) => {
  const ground = await startFederation(t);
  const token = await enter(ground);
  const { issuer } = ground.issuer;
  await ground.cloud
    .as('admin')
    .patch(`${providers}/staff`, { identity_provider: { description: 'd', remote_ids: [issuer, 'more'] } });
  t.true(await isGood(ground, token));
});

test('users for whom nobody vouches any more are gone, others stay', async (t) => {
  const ground = await startFederation(t);
  const { cloud } = ground;
  await enter(ground);
  await enter(ground, { sub: 'kept', preferred_username: 'kept' });
  const { user_id: kept } = await cloud.db('federated_users').where({ unique_id: 'kept' }).first();
  const admin = cloud.as('admin');
  await admin.put(`${providers}/other`, { identity_provider: {} }, 201);
  await admin.put(`${providers}/other/protocols/openid`, { protocol: { mapping_id: 'usual' } }, 201);
  const other = { user_id: kept, identity_provider_id: 'other', protocol_id: 'openid', unique_id: 'k' };
  await cloud.db('federated_users').insert(other);
  await admin.delete(`${providers}/staff`);
  t.deepEqual(await cloud.db('users').where({ is_shadow: true }).pluck('id'), [kept]);
});

test('a disabled shadow user gets in no more', async (t) => {
  const ground = await startFederation(t);
  const token = await enter(ground);
  const { id } = await ground.cloud.db('users').where({ is_shadow: true }).first();
  await ground.cloud.as('admin').patch(`/identity/v3/users/${id}`, { user: { enabled: false } });
  t.false(await isGood(ground, token));
  t.is((await ground.logIn(await ground.issuer.accessToken())).status, 401);
});

test('a mapping that is gone lets nobody in', async (t) => {
  const ground = await startFederation(t);
  await ground.cloud.as('admin').delete('/identity/v3/OS-FEDERATION/mappings/usual');
  const answer = await ground.logIn(await ground.issuer.accessToken());
  t.is(answer.status, 401);
});

test('an attribute that has to name the identity provider does', async (t) => {
  const ground = await startFederation(t);
  const path = `${providers}/staff/protocols/openid`;
  const ask = async (remote_id_attribute: string) => {
    await ground.cloud.as('admin').patch(path, { protocol: { remote_id_attribute } });
    return (await ground.logIn(await ground.issuer.accessToken({ tenant: 'other' }))).status;
  };
  t.is(await ask('HTTP_OIDC_ISS'), 201);
  t.is(await ask('OIDC-tenant'), 403);
  t.is(await ask('OIDC-absent'), 403);
});

/** The roles of a token for a project, or 401. */
const rolesOn = async ({ scope }: FederationGround, token: string, project: object) => {
  const answer = await scope(token, { project });
  return answer.status === 201
    ? answer.body.token.roles.map(({ name }: { name: string }) => name).sort()
    : answer.status;
};

/** CVE-2017-2673: a federated user had, on each mapped project, the roles of all of them. */
test('roles are exactly those of the mapped projects and groups', async (t) => {
  const projects = [
    { name: 'a', roles: [{ name: 'reader' }] },
    { name: 'b', roles: [{ name: 'member' }, { name: 'reader' }] },
    { name: '{0}', roles: [{ name: 'manager' }] },
    { name: 'none', roles: [] },
  ];
  const rules = [...usualRules, { local: [{ projects }], remote: [{ type: 'OIDC-preferred_username' }] }];
  const ground = await startFederation(t, { rules, provider: { domain_id: 'default' } });
  const groups = {
    one: await ground.groupWithRole('one', 'reader'),
    two: await ground.groupWithRole('two', 'admin'),
  };
  await ground.cloud.as('admin').post('/identity/v3/projects', { project: { name: 'untouched' } }, 201);
  const ada = await enter(ground, { groups: ['one'] });
  const bob = await enter(ground, { sub: 'subject-2', preferred_username: 'bob', groups: ['two'] });
  const domain = { id: 'default' };
  const table = async (token: string) =>
    Promise.all([
      ...['a', 'b', 'ada', 'bob', 'none', 'untouched'].map((name) => rolesOn(ground, token, { name, domain })),
      ...[groups.one, groups.two].map(({ projectId: id }) => rolesOn(ground, token, { id })),
    ]);
  const manager = ['manager', 'member', 'reader'];
  const shared = [['reader'], ['member', 'reader']];
  t.deepEqual(await table(ada), [...shared, manager, 401, 401, 401, ['reader'], 401]);
  t.deepEqual(await table(bob), [...shared, 401, manager, 401, 401, 401, ['admin', ...manager]]);
  t.is((await ground.scope(bob, { domain })).status, 401);
  t.is((await ground.scope(bob, { system: { all: true } })).status, 401);
});

test('a project is made once, in the domain of the identity provider unless the mapping says another', async (t) => {
  const local = [{ projects: [{ name: 'made', roles: [{ name: 'member' }] }] }];
  const rules = [...usualRules, { local, remote: [{ type: 'OIDC-sub' }] }];
  const ground = await startFederation(t, { rules });
  await enter(ground);
  await enter(ground, { sub: 'subject-2' });
  const { domain_id } = await ground.cloud.db('identity_providers').first();
  t.deepEqual(await ground.cloud.db('projects').where({ name: 'made' }).pluck('domain_id'), [domain_id]);
  t.is(
    (await ground.cloud.db('role_assignments').join('projects', 'projects.id', 'project_id').where({ name: 'made' }))
      .length,
    2,
  );
});

for (const [what, local] of [
  ['a role that is not there', { projects: [{ name: 'p', roles: [{ name: 'member' }, { name: 'no such role' }] }] }],
  [
    'a project’s name that is too long',
    {
      projects: [
        { name: 'p', roles: [] },
        { name: 'x'.repeat(65), roles: [] },
      ],
    },
  ],
  ['a domain that is not there', { user: { name: 'x', domain: { name: 'nowhere' } } }],
] as const)
  test(`a mapping with ${what} lets nobody in, says so, and leaves nothing`, async (t) => {
    const rules = [{ local: [local], remote: [{ type: 'OIDC-sub' }] }, ...usualRules];
    const ground = await startFederation(t, { rules });
    const projects = (await ground.cloud.db('projects')).length;
    const answer = await ground.logIn(await ground.issuer.accessToken());
    t.is(answer.status, 401);
    t.regex(answer.body.error.message, /its mapping gives you no identity here: /);
    t.is((await ground.cloud.db('projects')).length, projects);
    t.is((await ground.cloud.db('users').where({ is_shadow: true })).length, 0);
  });

test('groups of a login count for its application credentials, for as long as the identity provider’s', async (t) => {
  const ground = await startFederation(t, { provider: { authorization_ttl: 10 } });
  const { cloud, scope, groupWithRole } = ground;
  const { projectId } = await groupWithRole('staff', 'member');
  const project = { project: { id: projectId } };
  const scoped = await scope(await enter(ground, { groups: ['staff'] }), project);
  const token = String(scoped.headers['x-subject-token']);
  const userId = scoped.body.token.user.id;
  const made = await cloud.anonymous.request({
    method: 'POST',
    path: `/identity/v3/users/${userId}/application_credentials`,
    headers: { 'x-auth-token': token },
    body: { application_credential: { name: 'robot', secret: 'beep' } },
  });
  t.is(made.status, 201, made.text);
  const { id } = made.body.application_credential;
  const robot = () =>
    cloud.anonymous.request({
      method: 'POST',
      path: '/identity/v3/auth/tokens',
      body: {
        auth: { identity: { methods: ['application_credential'], application_credential: { id, secret: 'beep' } } },
      },
    });
  const first = await robot();
  t.deepEqual(first.body.token.roles.map(({ name }: { name: string }) => name).sort(), ['member', 'reader']);
  const robotToken = String(first.headers['x-subject-token']);
  t.true(await isGood(ground, robotToken));

  await enter(ground, { groups: [] });
  t.false(await isGood(ground, robotToken), 'a login without the group takes it from what was made of it');
  t.is((await robot()).status, 401);

  await enter(ground, { groups: ['staff'] });
  t.is((await robot()).status, 201);
  await cloud.db('federated_group_members').update({ expires_at: cloud.db.raw(`now() - interval '1 second'`) });
  t.is((await robot()).status, 401, 'and so does time');

  await enter(ground, { groups: ['staff'] });
  const last = String((await robot()).headers['x-subject-token']);
  await cloud.as('admin').patch(`${providers}/staff`, { identity_provider: { enabled: false } });
  t.false(await isGood(ground, last), 'and so does disabling the identity provider');
  t.is((await robot()).status, 401);
});

test('tokens tell of enabled service providers', async (t) => {
  const { cloud } = await startFederation(t);
  const asked = { auth_url: 'https://sp.test/auth', sp_url: 'https://sp.test/saml' };
  const path = '/identity/v3/OS-FEDERATION/service_providers/sp';
  await cloud.as('admin').put(path, { service_provider: asked }, 201);
  const own = async () => {
    const token = await cloud.as('member').token();
    const headers = { 'x-auth-token': token, 'x-subject-token': token };
    return (await cloud.anonymous.request({ method: 'GET', path: '/identity/v3/auth/tokens', headers })).body.token;
  };
  t.false('service_providers' in (await own()));
  await cloud.as('admin').patch(path, { service_provider: { enabled: true } });
  t.deepEqual((await own()).service_providers, [{ id: 'sp', ...asked }]);
});

test('who logs in while the identity provider is deleted is in, and then out, or is never in', async (t) => {
  const ground = await startFederation(t, { provider: { authorization_ttl: 10 } });
  await ground.groupWithRole('staff', 'member');
  const texts = await Promise.all(
    Array.from({ length: 12 }, (_, i) => ground.issuer.accessToken({ sub: `s${i}`, groups: ['staff'] })),
  );
  const [answers] = await Promise.all([
    Promise.all(texts.map((text) => ground.logIn(text))),
    ground.cloud.as('admin').delete(`${providers}/staff`),
  ]);
  for (const { status, text } of answers) t.true([201, 401, 404].includes(status), text);
  for (const { headers } of answers) t.false(await isGood(ground, String(headers['x-subject-token'] ?? 'none')));
  t.is((await ground.cloud.db('users').where({ is_shadow: true })).length, 0);
});

test('no token, code or secret reaches the log', async (t) => {
  const ground = await startFederation(t);
  const text = await ground.issuer.accessToken();
  await ground.logIn(text);
  await ground.logIn(`${text}x`);
  await ground.logIn(await ground.issuer.accessToken({ sub: undefined }));
  const signature = text.split('.')[2] ?? '';
  t.deepEqual(
    ground.cloud.logLines.filter((line) => line.includes(signature.slice(0, 40))),
    [],
  );
});

test('who is in many groups gets a token that can be sent, shown and ended; for too many it is told', async (t) => {
  const { cloud, issuer, logIn, scope, groupWithRole } = await startFederation(t, { config: { listenPort: 0 } });
  const names = Array.from({ length: 300 }, (_, i) => `group ${i}`);
  const rows = names.map((name) => ({ id: randomUUID().replaceAll('-', ''), domain_id: 'default', name }));
  await cloud.db('groups').insert(rows);
  const { projectId } = await groupWithRole('staff', 'member');
  const loggedIn = async (groups: string[]) => logIn(await issuer.accessToken({ groups: [...groups, 'staff'] }));

  const answer = await loggedIn(names.slice(0, 220));
  t.is(answer.status, 201, answer.text);
  const scoped = await scope(String(answer.headers['x-subject-token']), { project: { id: projectId } });
  t.is(scoped.status, 201, scoped.text);
  const token = String(scoped.headers['x-subject-token']);
  await cloud.server.start(); // its limit is of what listens
  const url = `${cloud.server.info.uri}/identity/v3/auth/tokens`;
  const headers = { 'x-auth-token': token, 'x-subject-token': token };
  t.is((await fetch(url, { headers })).status, 200);
  t.is((await fetch(url, { method: 'DELETE', headers })).status, 204);

  const refused = await loggedIn(names);
  t.is(refused.status, 403);
  t.regex(refused.body.error.message, /301 groups/);
});
