/** That the answer to a login tells nothing but whether it succeeded, and what becomes of those who try too often. */
import test from 'ava';
import { type Answer, startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { derived } from '../users/hashing.ts';

const path = '/identity/v3/auth/tokens';

// Those that count hashes run by themselves: the count is the whole process's.

function logIn(cloud: TestCloud, user: object, { from, scope }: { from?: string; scope?: unknown } = {}) {
  const identity = { methods: ['password'], password: { user } };
  return cloud.anonymous.request({
    method: 'POST',
    path,
    body: { auth: { identity, ...(scope !== undefined && { scope }) } },
    ...(from !== undefined && { headers: { 'x-forwarded-for': from } }),
  });
}

/** What a stranger sees of an answer; the request id and the time differ with each. */
function visible({ status, headers, body }: Answer) {
  const { date, 'x-openstack-request-id': id, ...rest } = headers;
  return { status, headers: rest, body };
}

test.serial('unknown, disabled, inactive, locked and wrong cost one hash each and get the same answer', async (t) => {
  const cloud = await startTestCloud(t, {
    lockoutFailureAttempts: 3,
    lockoutDuration: 0,
    disableUserAccountDaysInactive: 30,
  });
  const { db } = cloud;
  const make = async (name: string) => {
    const user = { name, password: 'right' };
    return (await cloud.as('admin').post('/identity/v3/users', { user })).user.id as string;
  };
  const [disabled, inactive, locked, homeless, passwordless] = await Promise.all(
    ['disabled', 'inactive', 'locked', 'homeless', 'passwordless'].map(make),
  );
  await make('right');
  await db('domains').insert({ id: 'off', name: 'off', enabled: false });
  await db('users').where({ id: disabled }).update({ enabled: false });
  await db('users').where({ id: homeless }).update({ domain_id: 'off' });
  await db('users').where({ id: passwordless }).update({ password_hash: null });
  await db('users')
    .where({ id: inactive })
    .update({ created_at: new Date(0) });
  await db('user_logins').insert({ user_id: locked, failures: 3, last_failure_at: db.fn.now() });

  const named = (name: string, password = 'right') => ({ name, domain: { id: 'default' }, password });
  const answers: Record<string, Answer> = {};
  const statements: Record<string, number> = {};
  let asked = 0;
  db.on('query', () => {
    asked += 1;
  });
  const attempts: Record<string, object> = {
    'wrong password': named('right', 'wrong'),
    'unknown name': named('nobody at all'),
    'unknown id': { id: 'ffffffffffffffffffffffffffffffff', password: 'right' },
    'unknown domain': { name: 'right', domain: { name: 'nowhere' }, password: 'right' },
    'disabled, right': named('disabled'),
    'disabled, wrong': named('disabled', 'wrong'),
    'inactive, right': named('inactive'),
    'inactive, wrong': named('inactive', 'wrong'),
    'locked, right': named('locked'),
    'locked, wrong': named('locked', 'wrong'),
    'domain disabled': { id: homeless, password: 'right' },
    'no password': named('passwordless', 'right'),
    'no password, empty': named('passwordless', ''),
  };
  for (const [what, user] of Object.entries(attempts)) {
    const before = { derived: derived.count, asked };
    answers[what] = await logIn(cloud, user);
    statements[what] = asked - before.asked;
    t.is(derived.count - before.derived, 1, what);
    t.deepEqual(visible(answers[what]), visible(answers['wrong password'] as Answer), what);
  }
  t.is(answers['wrong password']?.status, 401);
  // Nor does the number of statements tell anything to who does not know the password.
  for (const what of [
    'unknown name',
    'unknown id',
    'unknown domain',
    'disabled, wrong',
    'locked, wrong',
    'no password',
  ])
    t.is(statements[what], statements['wrong password'], what);

  for (const id of [disabled, locked, inactive, 'ffffffffffffffffffffffffffffffff']) {
    const before = derived.count;
    const body = { user: { original_password: 'right', password: 'other' } };
    const answer = await cloud.anonymous.request({ method: 'POST', path: `/identity/v3/users/${id}/password`, body });
    t.is(derived.count - before, 1);
    t.deepEqual(visible(answer), visible(answers['wrong password'] as Answer));
  }
});

test.serial('who fails too often is answered 429 without a look, and told when to come again', async (t) => {
  const cloud = await startTestCloud(t, { failedLoginsPerAccount: 3, trustedProxies: '127.0.0.1' });
  const id = cloud.as('member').userId;
  const [right, wrong] = [
    { id, password: 'member-password' },
    { id, password: 'wrong' },
  ];
  const from = '198.51.100.7';
  for (let i = 0; i < 3; i += 1) t.is((await logIn(cloud, wrong, { from })).status, 401);
  const before = derived.count;
  for (const user of [wrong, right]) {
    const refused = await logIn(cloud, user, { from });
    t.is(refused.status, 429);
    t.is(refused.body.error.code, 429);
    t.is(refused.body.error.title, 'Too Many Requests');
    t.regex(String(refused.headers['retry-after']), /^[1-9]\d?$/);
  }
  const change = { user: { original_password: 'member-password', password: 'other' } };
  const headers = { 'x-forwarded-for': from };
  const changed = await cloud.anonymous.request({
    method: 'POST',
    path: `/identity/v3/users/${id}/password`,
    body: change,
    headers,
  });
  t.is(changed.status, 429);
  t.is(derived.count, before);
  // Neither the user elsewhere nor others there are kept out.
  t.is((await logIn(cloud, right, { from: '198.51.100.8' })).status, 201);
  t.is((await logIn(cloud, { id: cloud.as('reader').userId, password: 'reader-password' }, { from })).status, 201);
});

test('an unknown user is counted as a known one is', async (t) => {
  const cloud = await startTestCloud(t, { failedLoginsPerAccount: 2 });
  const nobody = { name: 'nobody at all', domain: { id: 'default' }, password: 'x' };
  const known = { name: 'member', domain: { id: 'default' }, password: 'x' };
  for (const user of [nobody, known]) {
    const statuses = [];
    for (let i = 0; i < 3; i += 1) statuses.push((await logIn(cloud, user)).status);
    t.deepEqual(statuses, [401, 401, 429]);
  }
});

test.serial('guesses that arrive at once are counted before they are looked at', async (t) => {
  const cloud = await startTestCloud(t, { failedLoginsPerAccount: 3 });
  const wrong = { id: cloud.as('member').userId, password: 'wrong' };
  const before = derived.count;
  const answers = await Promise.all(Array.from({ length: 30 }, () => logIn(cloud, wrong)));
  t.true(answers.some(({ status }) => status === 429));
  t.true(derived.count - before < 3 + 16); // as many more as are derived at once
});

test('many addresses are one guesser when they are one network, and a whole address may be refused', async (t) => {
  const cloud = await startTestCloud(t, { failedLoginsPerAddress: 4, trustedProxies: '127.0.0.1' });
  const guess = (n: number) =>
    logIn(cloud, { name: `user-${n}`, domain: { id: 'default' }, password: 'x' }, { from: `2001:db8::${n}` });
  for (let n = 1; n <= 4; n += 1) t.is((await guess(n)).status, 401);
  t.is((await guess(5)).status, 429);
});

test('logins that succeed are not limited', async (t) => {
  const cloud = await startTestCloud(t, { failedLoginsPerAccount: 2, failedLoginsPerAddress: 2 });
  const user = { id: cloud.as('member').userId, password: 'member-password' };
  for (let i = 0; i < 6; i += 1) t.is((await logIn(cloud, user)).status, 201);
});

test('a right password without a role on the scope is no guess', async (t) => {
  const cloud = await startTestCloud(t, { lockoutFailureAttempts: 1, failedLoginsPerAccount: 1 });
  const user = { id: cloud.as('member').userId, password: 'member-password' };
  const refused = await logIn(cloud, user, { scope: { system: { all: true } } });
  t.is(refused.status, 401);
  t.is((await logIn(cloud, user)).status, 201);
});

test('one user by many words is guessed at no more often, and nothing tells that it is one', async (t) => {
  const cloud = await startTestCloud(t, { failedLoginsPerAccount: 2 });
  const id = cloud.as('member').userId;
  const named = (more: object) => ({ name: 'member', domain: { id: 'default', ...more } });
  for (const name of ['x', 'y'])
    t.is((await logIn(cloud, { ...named({ name }), password: 'wrong' })).status, 401, 'the name decides nothing');
  t.is((await logIn(cloud, { ...named({ name: 'z' }), password: 'wrong' })).status, 429);
  for (const words of [{ id }, { name: 'member', domain: { name: 'Default' } }])
    t.is((await logIn(cloud, { ...words, password: 'member-password' })).status, 401);
  const other = { id: cloud.as('reader').userId, password: 'reader-password' };
  t.is((await logIn(cloud, other)).status, 201);
});

test('wrong passcodes of a user are counted wherever they come from, and only passcodes wait for them', async (t) => {
  const cloud = await startTestCloud(t, { failedPasscodesPerUser: 3, trustedProxies: '127.0.0.1' });
  const id = cloud.as('member').userId;
  const guess = (n: number, user: object) =>
    cloud.anonymous.request({
      ...{ method: 'POST', path: '/identity/v3/auth/tokens' },
      body: { auth: { identity: { methods: ['totp'], totp: { user: { ...user, passcode: '000000' } } } } },
      headers: { 'x-forwarded-for': `192.0.2.${n}` },
    });
  for (const user of [{ id }, { name: 'nobody of here', domain: { id: 'default' } }]) {
    for (let n = 1; n <= 3; n += 1) t.is((await guess(n, user)).status, 401);
    t.is((await guess(4, user)).status, 429);
  }
  t.is((await logIn(cloud, { id, password: 'member-password' })).status, 201);
});
