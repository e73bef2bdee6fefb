import test from 'ava';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { ask, attempt, byCredential, byPassword, loginOf, roleId, rolesOf, v3 } from '../testing.ts';
import { derived } from '../users/hashing.ts';

const path = (cloud: TestCloud) => `${v3}/users/${cloud.as('member').userId}/application_credentials`;

async function make(cloud: TestCloud, asked: object = {}) {
  const body = { application_credential: { name: `c-${Math.random()}`, ...asked } };
  return (await cloud.as('member').post(path(cloud), body)).application_credential;
}

test('an application credential is made with a secret that is shown once, and logs in for the project', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const made = await make(cloud, { name: 'one', description: 'd', expires_at: '2099-11-20T14:34:48.838759' });
  t.regex(made.secret, /^[\w-]{86}$/);
  t.like(made, { name: 'one', description: 'd', unrestricted: false, project_id: member.projectId, system: null });
  t.is(made.expires_at, '2099-11-20T14:34:48.838759');
  t.false('access_rules' in made);
  const { secret, ...rest } = made;
  const { application_credential: shown } = await member.get(`${path(cloud)}/${made.id}`);
  t.deepEqual(shown, rest);
  const { application_credentials: all } = await member.get(path(cloud));
  t.deepEqual(all, [rest]);
  t.deepEqual((await member.get(`${path(cloud)}?name=other`)).application_credentials, []);

  const byId = loginOf(await attempt(cloud, byCredential({ id: made.id, secret })));
  t.is(byId.said.project.id, member.projectId);
  t.is(byId.said.user.id, member.userId);
  t.deepEqual(byId.said.methods, ['application_credential']);
  t.deepEqual(rolesOf(byId), ['member', 'reader']);
  t.deepEqual(byId.said.application_credential, { id: made.id, name: 'one', restricted: true });
  const byName = { name: 'one', user: { name: 'member', domain: { name: 'Default' } }, secret };
  t.is(loginOf(await attempt(cloud, byCredential(byName))).said.user.id, member.userId);
  const byUserId = { name: 'one', user: { id: member.userId }, secret };
  t.is(loginOf(await attempt(cloud, byCredential(byUserId))).said.user.id, member.userId);

  const validated = await ask(cloud, byId.token, 'GET', '/compute/v2.1/servers');
  t.is(validated.status, 200);
  const own = await cloud.anonymous.request({
    ...{ method: 'GET', path: `${v3}/auth/tokens` },
    headers: { 'x-auth-token': byId.token, 'x-subject-token': byId.token },
  });
  t.deepEqual(own.body.token, byId.said);
});

test('every way to fail with an application credential gets the same answer', async (t) => {
  const cloud = await startTestCloud(t);
  const made = await make(cloud, { name: 'one' });
  const chosen = await make(cloud, { name: 'two', secret: 'a secret of mine' });
  const user = { id: cloud.as('member').userId };
  const expired = await make(cloud, { name: 'three', expires_at: '2099-01-01T00:00:00Z' });
  await cloud.db('application_credentials').where({ id: expired.id }).update({ expires_at: '2020-01-01' });
  const answers = [
    await attempt(cloud, byCredential({ id: made.id, secret: 'wrong' })),
    await attempt(cloud, byCredential({ id: chosen.id, secret: 'wrong' })),
    await attempt(cloud, byCredential({ id: 'f'.repeat(32), secret: made.secret })),
    await attempt(cloud, byCredential({ name: 'none', user, secret: made.secret })),
    await attempt(cloud, byCredential({ name: 'one', user: { id: 'nobody' }, secret: made.secret })),
    await attempt(cloud, byCredential({ id: expired.id, secret: expired.secret })),
  ];
  for (const answer of answers) {
    t.is(answer.status, 401);
    t.deepEqual(answer.body, answers[0]?.body);
  }
});

test('a secret of one’s own choice logs in again and again, and nothing tells it', async (t) => {
  const cloud = await startTestCloud(t);
  const secret = 'canary-of-an-application-credential';
  const made = await make(cloud, { secret });
  t.is(made.secret, secret);
  for (let i = 0; i < 3; i += 1) loginOf(await attempt(cloud, byCredential({ id: made.id, secret })));
  t.is((await attempt(cloud, byCredential({ id: made.id, secret: `${secret}.` }))).status, 401);
  const row = await cloud.db('application_credentials').where({ id: made.id }).first();
  t.false(JSON.stringify(row).includes(secret));
  t.false(cloud.logLines.some((line) => line.includes(secret)));
});

test('an application credential cannot choose a scope', async (t) => {
  const cloud = await startTestCloud(t);
  const { id, secret } = await make(cloud);
  for (const scope of ['unscoped', { project: { id: cloud.as('member').projectId } }, { system: { all: true } }])
    t.is((await attempt(cloud, byCredential({ id, secret }), scope)).status, 401);
});

test('it has the chosen roles, what those imply, and of them what the user holds still', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { role } = await admin.post(`${v3}/roles`, { role: { name: 'extra' } });
  const grant = `${v3}/projects/${member.projectId}/users/${member.userId}/roles`;
  await admin.put(`${grant}/${role.id}`, undefined, 204);
  const fresh = loginOf(await attempt(cloud, byPassword(cloud, 'member'), { project: { id: member.projectId } })).token;
  const post = async (roles: object[], status = 201) => {
    const answer = await ask(cloud, fresh, 'POST', path(cloud), {
      application_credential: { name: `n-${Math.random()}`, roles },
    });
    t.is(answer.status, status, answer.text);
    return answer.body.application_credential;
  };
  const one = await post([{ name: 'reader' }]);
  t.deepEqual(
    one.roles.map((r: { name: string }) => r.name),
    ['reader'],
  );
  const two = await post([{ name: 'member' }, { id: role.id }]);
  const log = async ({ id, secret }: { id: string; secret: string }) => attempt(cloud, byCredential({ id, secret }));
  t.deepEqual(rolesOf(loginOf(await log(one))), ['reader']);
  const before = loginOf(await log(two));
  t.deepEqual(rolesOf(before), ['extra', 'member', 'reader']);
  await post([{ name: 'admin' }], 400);
  await post([{ id: await roleId(admin, 'admin') }], 400);
  await post([{ name: 'nothing' }], 400);

  await admin.delete(`${grant}/${await roleId(admin, 'member')}`);
  t.is((await ask(cloud, before.token, 'GET', `${v3}/auth/projects`)).status, 401, 'a role was lost');
  t.deepEqual(rolesOf(loginOf(await log(two))), ['extra']);
  t.is((await log(one)).status, 401, 'nothing is left of it');
});

test('what ends it ends its tokens', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const made = await make(cloud);
  const { token } = loginOf(await attempt(cloud, byCredential({ id: made.id, secret: made.secret })));
  const status = async () => (await ask(cloud, token, 'GET', '/compute/v2.1/servers')).status;
  t.is(await status(), 200);
  await member.delete(`${path(cloud)}/${made.id}`);
  t.is(await status(), 401);
  t.is((await attempt(cloud, byCredential({ id: made.id, secret: made.secret }))).status, 401);
  await member.get(`${path(cloud)}/${made.id}`, 404);
  await member.delete(`${path(cloud)}/${made.id}`, 404);

  const another = await make(cloud);
  await admin.patch(`${v3}/users/${member.userId}`, { user: { enabled: false } });
  t.is((await attempt(cloud, byCredential({ id: another.id, secret: another.secret }))).status, 401);
  await admin.delete(`${v3}/users/${member.userId}`);
  t.deepEqual(await cloud.db('application_credentials'), []);
  t.deepEqual(await cloud.db('access_rules'), []);
});

test('one that was used before is none once its time is over', async (t) => {
  const cloud = await startTestCloud(t);
  const made = await make(cloud, { expires_at: new Date(Date.now() + 3_600_000).toISOString() });
  const logIn = async () => (await attempt(cloud, byCredential({ id: made.id, secret: made.secret }))).status;
  const soon = cloud.db.raw("now() + interval '3 seconds'"); // from here: making it may have taken its time
  await cloud.db('application_credentials').where({ id: made.id }).update({ expires_at: soon });
  let status = await logIn();
  t.is(status, 201);
  for (const end = Date.now() + 60_000; status === 201 && Date.now() < end; status = await logIn())
    await new Promise((resolve) => setTimeout(resolve, 100));
  t.is(status, 401);
});

test('access rules are kept once for a user, stay while they are used, and bind the token in every service', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const rule = { service: 'compute', method: 'GET', path: '/v2.1/servers/*' };
  const other = { service: 'network', method: 'GET', path: '/v2.0/**' };
  const one = await make(cloud, { access_rules: [rule, other] });
  t.like(one.access_rules, { length: 2 });
  const { id, ...said } = one.access_rules.find((r: { service: string }) => r.service === 'compute');
  t.deepEqual(said, rule);
  const two = await make(cloud, { access_rules: [{ id }, { ...rule }] });
  t.deepEqual(two.access_rules, [{ id, ...rule }]);
  const rules = `${v3}/users/${member.userId}/access_rules`;
  t.is((await member.get(rules)).access_rules.length, 2);
  t.is((await member.get(`${rules}?service=compute`)).access_rules[0].id, id);
  t.like((await member.get(`${rules}/${id}`)).access_rule, { id, ...rule });
  await member.delete(`${rules}/${id}`, 403);
  await cloud.as('reader').get(rules, 403);
  await member.get(`${rules}/${'a'.repeat(32)}`, 404);

  const login = loginOf(await attempt(cloud, byCredential({ id: two.id, secret: two.secret })));
  t.deepEqual(login.said.application_credential.access_rules, two.access_rules);
  const status = async (path: string) => (await ask(cloud, login.token, 'GET', path)).status;
  t.is(await status('/compute/v2.1/servers'), 403);
  t.is(await status(`/compute/v2.1/servers/${id}`), 404, 'it may look');
  t.is(await status('/network/v2.0/networks'), 403);
  t.is(await status(`${v3}/auth/projects`), 403);

  await member.delete(`${path(cloud)}/${one.id}`);
  await member.delete(`${path(cloud)}/${two.id}`);
  await member.delete(`${rules}/${id}`);
  t.is((await member.get(rules)).access_rules.length, 1);
});

test('others’ application credentials are not for anybody but administrators', async (t) => {
  const cloud = await startTestCloud(t);
  const made = await make(cloud);
  const [admin, stranger] = [cloud.as('admin'), cloud.as('stranger')];
  await admin.get(`${path(cloud)}/${made.id}`);
  await admin.post(path(cloud), { application_credential: { name: 'x' } }, 403);
  await stranger.get(path(cloud), 403);
  await stranger.get(`${path(cloud)}/${made.id}`, 403);
  await stranger.get(`${v3}/users/${stranger.userId}/application_credentials/${made.id}`, 404);
  await stranger.delete(`${v3}/users/${stranger.userId}/application_credentials/${made.id}`, 404);
  await admin.delete(`${path(cloud)}/${made.id}`);
});

test('what cannot be is refused, and nothing of it is kept', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  await make(cloud, { name: 'taken' });
  for (const [asked, status] of [
    [{ name: 'taken' }, 409],
    [{}, 400],
    [{ name: '' }, 400],
    [{ name: 'x'.repeat(256) }, 400],
    [{ name: 'x', unrestricted: 'yes' }, 400],
    [{ name: 'x', roles: [{}] }, 400],
    [{ name: 'x', expires_at: 'soon' }, 400],
    [{ name: 'x', expires_at: '2026-02-30T00:00:00Z' }, 400],
    [{ name: 'x', expires_at: '2020-01-01T00:00:00Z' }, 400],
    [{ name: 'x', access_rules: [{ service: 'compute', method: 'FETCH', path: '/' }] }, 400],
    [{ name: 'x', access_rules: [{ service: 'compute', method: 'GET', path: 'servers' }] }, 400],
    [{ name: 'x', access_rules: [{ id: 'a'.repeat(32) }] }, 404],
    [{ name: 'x', unknown: 1 }, 400],
  ] as const)
    await member.post(path(cloud), { application_credential: asked }, status);
  t.is((await cloud.db('application_credentials')).length, 1);
  t.deepEqual(await cloud.db('access_rules'), []);
});

test('a token lives no longer than the application credential it was made with', async (t) => {
  const cloud = await startTestCloud(t);
  const soon = new Date(Date.now() + 90_000).toISOString();
  const made = await make(cloud, { expires_at: soon });
  const { said } = loginOf(await attempt(cloud, byCredential({ id: made.id, secret: made.secret })));
  t.true(said.expires_at <= `${made.expires_at}Z`, said.expires_at);
  t.true(Date.parse(said.expires_at) > Date.now());
});

test('who logs in while the application credential is deleted has nothing of it', async (t) => {
  const cloud = await startTestCloud(t);
  const { id, secret } = await make(cloud);
  const tokens: string[] = [];
  let isDeleted = false;
  const logIns = async () => {
    while (!isDeleted) {
      const answer = await attempt(cloud, byCredential({ id, secret }));
      if (answer.status === 201) tokens.push(loginOf(answer).token);
    }
  };
  const trying = Promise.all([logIns(), logIns(), logIns()]);
  while (tokens.length < 3) await new Promise((resolve) => setImmediate(resolve));
  await cloud.as('member').delete(`${path(cloud)}/${id}`);
  isDeleted = true;
  await trying;
  for (const token of tokens) t.is((await ask(cloud, token, 'GET', `${v3}/auth/projects`)).status, 401);
});

test.serial(
  'a wrong secret takes one slow hash, whether there is an application credential of that name or not',
  async (t) => {
    const cloud = await startTestCloud(t);
    const made = await make(cloud, { name: 'generated' });
    await make(cloud, { name: 'chosen', secret: 'a secret of mine' });
    const hashes = async (name: string, user: string, secret: string, status: number) => {
      const before = derived.count;
      const owner = { name: user, domain: { id: 'default' } };
      t.is((await attempt(cloud, byCredential({ name, user: owner, secret }))).status, status);
      return derived.count - before;
    };
    for (const [name, user] of [
      ['generated', 'member'],
      ['chosen', 'member'],
      ['none', 'member'],
      ['generated', 'nobody of here'],
    ] as const)
      t.is(await hashes(name, user, 'wrong', 401), 1, `${name} of ${user}`);
    t.is(await hashes('generated', 'member', made.secret, 201), 0);
  },
);

test('a user who came from elsewhere under the same name does not stand in the way', async (t) => {
  const cloud = await startTestCloud(t);
  const made = await make(cloud, { name: 'one' });
  const kept = await cloud.db('application_credentials').where({ id: made.id }).first();
  const [shadow, other] = ['0'.repeat(32), '1'.repeat(32)];
  await cloud.db('users').insert({ id: shadow, domain_id: 'default', name: 'member', is_shadow: true });
  const theirs = { ...kept, id: other, user_id: shadow, secret_hash: 'sha256$AAAA$AAAA' };
  await cloud.db('application_credentials').insert(theirs);
  await cloud.db('application_credentials').where({ id: made.id }).update({ name: 'one' }); // so that the other is found first
  const user = { name: 'member', domain: { id: 'default' } };
  const { said } = loginOf(await attempt(cloud, byCredential({ name: 'one', user, secret: made.secret })));
  t.is(said.user.id, cloud.as('member').userId);
});
