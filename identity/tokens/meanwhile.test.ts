/** What happens while a token is made of another, and after one has expired. */
import test from 'ava';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { ask, attempt, byPassword, loginOf, v3 } from '../testing.ts';
import { readMasterKey, watchKeys } from './keys.ts';
import { signToken, verifyToken } from './token.ts';

/** Until an exchange waits for the lock that this transaction holds. */
async function untilSomebodyWaits(cloud: TestCloud): Promise<void> {
  for (;;) {
    const { rows } = await cloud.db.raw(
      `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
    );
    if (rows[0].n > 0) return;
  }
}

test('a token that is being made of another ends with it', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  await cloud.as('admin').token();
  const parent = loginOf(await attempt(cloud, byPassword(cloud, 'member'))).token;
  // The exchange has looked at its token, and its snapshot waits, as on a busy database.
  const blocker = await cloud.db.transaction();
  await blocker.raw('lock table role_implications in access exclusive mode');
  const identity = { methods: ['token'], token: { id: parent } };
  const exchange = attempt(cloud, identity, { project: { id: member.projectId } });
  await untilSomebodyWaits(cloud);
  await cloud.as('admin').patch(`${v3}/users/${member.userId}`, { user: { password: 'another one' } });
  await blocker.rollback();
  t.is((await exchange).status, 401);
});

/** A token as it would be had it been made so long ago. */
async function aged(cloud: TestCloud, text: string, seconds: number): Promise<string> {
  const keys = await watchKeys(cloud.db, await readMasterKey(`${cloud.config.dataDir}/master.key`), {
    subscribe: () => () => false,
    connected: () => true,
    stop: async () => undefined,
  });
  const token = await verifyToken(text, keys);
  return signToken({ ...token, expiresAt: new Date(Date.now() - seconds * 1000) }, keys.signing());
}

test('an expired token can be asked about for two days, while its user could still get it', async (t) => {
  const cloud = await startTestCloud(t);
  const { userId, projectId } = cloud.as('member');
  const admin = cloud.as('admin');
  const { token } = loginOf(await attempt(cloud, byPassword(cloud, 'member'), { project: { id: projectId } }));
  const shown = async (text: string, query = '?allow_expired=1') => {
    const headers = { 'x-subject-token': text };
    return (await admin.request({ method: 'GET', path: `${v3}/auth/tokens${query}`, headers })).status;
  };
  const recent = await aged(cloud, token, 3600);
  t.is(await shown(recent), 200);
  t.is(await shown(recent, ''), 404);
  t.is((await ask(cloud, recent, 'GET', `${v3}/auth/catalog`)).status, 401);
  t.is(await shown(await aged(cloud, token, 49 * 3600)), 404);

  // Without a revocation, as when that has been forgotten: it is kept for as long as tokens live.
  const given = await cloud.db('role_assignments').where({ user_id: userId });
  await cloud.db('role_assignments').where({ user_id: userId }).delete();
  t.is(await shown(recent), 404);
  await cloud.db('role_assignments').insert(given);
  t.is(await shown(recent), 200);
  await cloud.db('users').where({ id: userId }).update({ enabled: false });
  t.is(await shown(recent), 404);
});
