import test from 'ava';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';

const minute = 60;

/** One password login as `member`, by a wrong password or the right one. */
async function logIn(cloud: TestCloud, password = 'member-password') {
  const user = { id: cloud.as('member').userId, password };
  return cloud.anonymous.request({
    method: 'POST',
    path: '/identity/v3/auth/tokens',
    body: { auth: { identity: { methods: ['password'], password: { user } } } },
  });
}

const fail = (cloud: TestCloud) => logIn(cloud, 'wrong');

/** As if the last failure had been longer ago. */
const wait = (cloud: TestCloud, seconds: number) =>
  cloud.db('user_logins').update({
    last_failure_at: cloud.db.raw('last_failure_at - make_interval(secs => ?)', [seconds]),
  });

test('after so many failures the right password is refused too, until the time is over', async (t) => {
  const cloud = await startTestCloud(t, { lockoutFailureAttempts: 2, lockoutDuration: 5 * minute });
  t.is((await fail(cloud)).status, 401);
  t.is((await logIn(cloud)).status, 201); // forgets the failure
  t.is((await fail(cloud)).status, 401);
  const wrong = await fail(cloud);
  const locked = await logIn(cloud);
  t.is(locked.status, 401);
  t.deepEqual(locked.body, wrong.body);
  await wait(cloud, 4 * minute);
  await fail(cloud); // while locked it neither counts nor makes the lock longer
  await wait(cloud, 2 * minute);
  t.is((await fail(cloud)).status, 401);
  t.is((await logIn(cloud)).status, 201); // the failure before was the first of new ones
});

test('without a time, a lock lasts until an administrator enables the user', async (t) => {
  const cloud = await startTestCloud(t, { lockoutFailureAttempts: 2, lockoutDuration: 0 });
  await fail(cloud);
  await fail(cloud);
  await wait(cloud, 1000 * 86_400);
  t.is((await logIn(cloud)).status, 401);
  await cloud.as('admin').patch(`/identity/v3/users/${cloud.as('member').userId}`, { user: { enabled: true } });
  t.is((await logIn(cloud)).status, 201);
});

test('a lock ends no token and no login without a password', async (t) => {
  const cloud = await startTestCloud(t, { lockoutFailureAttempts: 1 });
  const token = await cloud.as('member').token();
  await fail(cloud);
  t.is((await logIn(cloud)).status, 401);
  await cloud.as('member').get('/identity/v3/auth/projects');
  const exchanged = await cloud.anonymous.request({
    method: 'POST',
    path: '/identity/v3/auth/tokens',
    body: { auth: { identity: { methods: ['token'], token: { id: token } } } },
  });
  t.is(exchanged.status, 201);
});

test('a user may be exempt from being locked out', async (t) => {
  const cloud = await startTestCloud(t, { lockoutFailureAttempts: 1 });
  const id = cloud.as('member').userId;
  await cloud
    .db('users')
    .where({ id })
    .update({ options: { ignore_lockout_failure_attempts: true } });
  for (let i = 0; i < 3; i += 1) await fail(cloud);
  t.is((await logIn(cloud)).status, 201);
});

test('a wrong old password counts as a failed login', async (t) => {
  const cloud = await startTestCloud(t, { lockoutFailureAttempts: 1 });
  const change = { user: { original_password: 'wrong', password: 'another' } };
  await cloud.anonymous.post(`/identity/v3/users/${cloud.as('member').userId}/password`, change, 401);
  t.is((await logIn(cloud)).status, 401);
});

test('of guesses that arrive at once no more count than of those one after the other', async (t) => {
  const cloud = await startTestCloud(t, { lockoutFailureAttempts: 3, lockoutDuration: 0 });
  const answers = await Promise.all([...Array.from({ length: 8 }, () => fail(cloud)), logIn(cloud)]);
  t.true(answers.every(({ status }) => status === 401));
});

test('by default nobody is locked out, and nothing is written of failures', async (t) => {
  const cloud = await startTestCloud(t);
  for (let i = 0; i < 8; i += 1) await fail(cloud);
  t.deepEqual(await cloud.db('user_logins').where('failures', '>', 0), []);
  t.is((await logIn(cloud)).status, 201);
});

test('who has not logged in for long is taken for disabled, until an administrator enables them', async (t) => {
  const cloud = await startTestCloud(t, { disableUserAccountDaysInactive: 30 });
  const id = cloud.as('member').userId;
  t.is((await logIn(cloud)).status, 201);
  const away = (days: number) =>
    cloud.db('user_logins').update({ last_active_on: cloud.db.raw('current_date - ?::int', [days]) });
  await away(29);
  t.is((await logIn(cloud)).status, 201); // and is active again
  t.is((await logIn(cloud)).status, 201);
  await away(31);
  const refused = await logIn(cloud);
  t.is(refused.status, 401);
  t.deepEqual(refused.body, (await fail(cloud)).body);
  const change = { user: { original_password: 'member-password', password: 'another' } };
  await cloud.anonymous.post(`/identity/v3/users/${id}/password`, change, 401);
  await cloud.as('admin').patch(`/identity/v3/users/${id}`, { user: { enabled: true } });
  t.is((await logIn(cloud)).status, 201);
  await away(31);
  await cloud
    .db('users')
    .where({ id })
    .update({ options: { ignore_user_inactivity: true } });
  t.is((await logIn(cloud)).status, 201);
});

test('a user who never logged in is inactive since they were made', async (t) => {
  const cloud = await startTestCloud(t, { disableUserAccountDaysInactive: 30 });
  await cloud.db('users').update({ created_at: cloud.db.raw(`now() - interval '31 days'`) });
  t.is((await logIn(cloud)).status, 401);
});

test('many logins of a day write down once that somebody was there', async (t) => {
  const cloud = await startTestCloud(t);
  const row = async () =>
    (
      await cloud.db.raw('select ctid::text, xmin::text from user_logins where user_id = ?', [
        cloud.as('member').userId,
      ])
    ).rows;
  t.is((await logIn(cloud)).status, 201);
  const before = await row();
  t.is(before.length, 1);
  t.is((await logIn(cloud)).status, 201);
  t.deepEqual(await row(), before);
});

test('who is inactive is disabled for everybody to see, and what they have ends', async (t) => {
  const cloud = await startTestCloud(t, { disableUserAccountDaysInactive: 30 });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  await member.token();
  const shown = async () => (await admin.get(`/identity/v3/users/${member.userId}`)).user.enabled;
  await cloud.db('user_logins').update({ last_active_on: cloud.db.raw('current_date - 31') });
  await cloud
    .db('users')
    .where({ id: member.userId })
    .update({ options: { ignore_user_inactivity: true } });
  await cloud.sweep();
  await cloud.settle();
  t.true(await shown());
  await cloud.db('user_logins').whereNot({ user_id: member.userId }).delete(); // the others were made today
  await cloud.db('users').where({ id: member.userId }).update({ options: {} });
  await cloud.sweep();
  await cloud.settle();
  t.false(await shown());
  await member.get('/identity/v3/auth/projects', 401);
  t.true((await admin.get('/identity/v3/users?enabled=true')).users.length > 2);
});
