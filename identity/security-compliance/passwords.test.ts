import test from 'ava';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';

const days = 86_400;

async function logIn(cloud: TestCloud, password: string) {
  const user = { id: cloud.as('member').userId, password };
  return cloud.anonymous.request({
    method: 'POST',
    path: '/identity/v3/auth/tokens',
    body: { auth: { identity: { methods: ['password'], password: { user } } } },
  });
}

/** The user's own change; gives the message of a refusal. */
async function change(cloud: TestCloud, from: string, to: string, status = 204): Promise<string> {
  const body = { user: { original_password: from, password: to } };
  const answer = await cloud.anonymous.post(`/identity/v3/users/${cloud.as('member').userId}/password`, body, status);
  return answer?.error.message ?? '';
}

async function reset(cloud: TestCloud, password: string, status = 200) {
  const path = `/identity/v3/users/${cloud.as('member').userId}`;
  return cloud.as('admin').patch(path, { user: { password } }, status);
}

const exempt = (cloud: TestCloud, option: string) =>
  cloud
    .db('users')
    .where({ id: cloud.as('member').userId })
    .update({ options: { [option]: true } });

/** As if the password had been set longer ago. */
const age = (cloud: TestCloud, seconds: number) =>
  cloud
    .db('users')
    .where({ id: cloud.as('member').userId })
    .update({
      password_changed_at: cloud.db.raw('password_changed_at - make_interval(secs => ?)', [seconds]),
      password_expires_at: cloud.db.raw('password_expires_at - make_interval(secs => ?)', [seconds]),
    });

test('a password that is not as the operator wants it is refused with what is wanted, whoever sets it', async (t) => {
  const cloud = await startTestCloud(t, {
    passwordRegex: '^(?=.*\\d).{8,}$',
    passwordRegexDescription: 'eight characters, one of them a digit',
  });
  const refusal = /requirements: eight characters, one of them a digit/;
  t.regex(await change(cloud, 'member-password', 'canary', 400), refusal);
  t.regex((await reset(cloud, 'canary', 400)).error.message, refusal);
  const user = { name: 'new', password: 'canary' };
  const answer = await cloud.as('admin').post('/identity/v3/users', { user }, 400);
  t.regex(answer.error.message, refusal);
  t.notRegex(JSON.stringify(answer), /canary/);
  t.is((await logIn(cloud, 'member-password')).status, 201); // one of before stays good
  await change(cloud, 'member-password', 'long enough 1');
  t.is((await logIn(cloud, 'long enough 1')).status, 201);
});

test('the last passwords may not come back when users choose, but may when an administrator resets', async (t) => {
  const cloud = await startTestCloud(t, { uniqueLastPasswordCount: 2 });
  await change(cloud, 'member-password', 'second');
  t.regex(await change(cloud, 'second', 'second', 400), /must be unique is 2/);
  await change(cloud, 'second', 'member-password', 400);
  await change(cloud, 'second', 'third');
  await change(cloud, 'third', 'second', 400);
  await change(cloud, 'third', 'member-password'); // two others came after it
  await reset(cloud, 'third');
  await reset(cloud, 'third');
  t.is((await logIn(cloud, 'third')).status, 201);
  t.true((await cloud.db('former_passwords')).length <= 1);
});

test('without a demand no former password is kept', async (t) => {
  const cloud = await startTestCloud(t);
  await change(cloud, 'member-password', 'second');
  await change(cloud, 'second', 'member-password');
  await change(cloud, 'member-password', 'member-password');
  t.deepEqual(await cloud.db('former_passwords'), []);
});

test('a password that a user chose must be kept for a while; one from an administrator need not', async (t) => {
  const cloud = await startTestCloud(t, { minimumPasswordAge: 3 });
  await reset(cloud, 'first');
  await change(cloud, 'first', 'second');
  t.regex(await change(cloud, 'second', 'third', 400), /3 day\(s\) .* again in 2 day\(s\)/);
  await age(cloud, 3 * days);
  await change(cloud, 'second', 'third');
  await reset(cloud, 'fourth');
  await change(cloud, 'fourth', 'fifth');
});

test('an expired password buys no token, but says so and can be changed', async (t) => {
  const cloud = await startTestCloud(t, { passwordExpiresDays: 90 });
  await reset(cloud, 'first');
  const fresh = await logIn(cloud, 'first');
  t.is(fresh.status, 201);
  const expiry = Date.parse(`${fresh.body.token.user.password_expires_at}Z`);
  t.true(Math.abs(expiry - Date.now() - 90 * days * 1000) < 3600_000);
  const shown = await cloud.as('admin').request({
    method: 'GET',
    path: '/identity/v3/auth/tokens',
    headers: { 'x-subject-token': String(fresh.headers['x-subject-token']) },
  });
  t.is(shown.body.token.user.password_expires_at, fresh.body.token.user.password_expires_at);

  await age(cloud, 91 * days);
  const expired = await logIn(cloud, 'first');
  t.is(expired.status, 401);
  t.regex(expired.body.error.message, /password is expired and needs to be changed for user: \w+/);
  t.notRegex((await logIn(cloud, 'wrong')).body.error.message, /expired/);
  const { userId } = cloud.as('member');
  await cloud.db('users').where({ id: userId }).update({ enabled: false });
  t.notRegex((await logIn(cloud, 'first')).body.error.message, /expired/);
  await change(cloud, 'first', 'second', 401);
  await cloud.db('users').where({ id: userId }).update({ enabled: true });
  await change(cloud, 'first', 'second');
  t.is((await logIn(cloud, 'second')).status, 201);
});

test('a user may be exempt from expiry, when the password is set and later', async (t) => {
  const cloud = await startTestCloud(t, { passwordExpiresDays: 90 });
  await reset(cloud, 'first');
  await age(cloud, 91 * days);
  await exempt(cloud, 'ignore_password_expiry');
  t.is((await logIn(cloud, 'first')).status, 201);
  await change(cloud, 'first', 'second');
  t.is((await logIn(cloud, 'second')).body.token.user.password_expires_at, null);
});

test('a password from an administrator may be for choosing another only', async (t) => {
  const cloud = await startTestCloud(t, { changePasswordUponFirstUse: true });
  t.is((await logIn(cloud, 'member-password')).status, 201); // from before the demand
  await reset(cloud, 'first');
  t.regex((await logIn(cloud, 'first')).body.error.message, /expired/);
  await change(cloud, 'first', 'second');
  t.is((await logIn(cloud, 'second')).status, 201);
  await exempt(cloud, 'ignore_change_password_upon_first_use');
  await reset(cloud, 'third');
  t.is((await logIn(cloud, 'third')).status, 201);
  const made = await cloud.as('admin').post('/identity/v3/users', { user: { name: 'new', password: 'first' } });
  const { password_expires_at } = await cloud.db('users').where({ id: made.user.id }).first();
  t.true(password_expires_at <= new Date());
});

test('a locked password is changed by administrators alone', async (t) => {
  const cloud = await startTestCloud(t);
  await exempt(cloud, 'lock_password');
  t.regex(await change(cloud, 'member-password', 'second', 400), /contact your administrator/);
  t.notRegex(await change(cloud, 'wrong', 'second', 401), /administrator/);
  await reset(cloud, 'second');
  t.is((await logIn(cloud, 'second')).status, 201);
});

test('a hash of less work than today’s is made anew when its password is known', async (t) => {
  const cloud = await startTestCloud(t);
  const id = cloud.as('member').userId;
  // argon2id of "weak", 8 MiB and one pass
  const { argon2Sync } = await import('node:crypto');
  const nonce = Buffer.alloc(16, 7);
  const tag = argon2Sync('argon2id', {
    message: 'weak',
    nonce,
    memory: 8192,
    passes: 1,
    parallelism: 1,
    tagLength: 32,
  });
  const weak = `argon2id$8192,1,1$${nonce.toString('base64')}$${tag.toString('base64')}`;
  await cloud.db('users').where({ id }).update({ password_hash: weak });
  t.is((await logIn(cloud, 'wrong')).status, 401);
  t.is((await cloud.db('users').where({ id }).first()).password_hash, weak);
  t.is((await logIn(cloud, 'weak')).status, 201);
  t.regex((await cloud.db('users').where({ id }).first()).password_hash, /^argon2id\$19456,2,1\$/);
  t.is((await logIn(cloud, 'weak')).status, 201);
});

test('demands that contradict each other, or cannot be understood, let no process start', async (t) => {
  await t.throwsAsync(() => startTestCloud(t, { minimumPasswordAge: 5, passwordExpiresDays: 5 }), {
    message: /minimumPasswordAge/,
  });
  await t.throwsAsync(() => startTestCloud(t, { passwordRegex: '(' }), { message: /passwordRegex/ });
});
