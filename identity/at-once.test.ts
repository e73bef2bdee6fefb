/** Removals that happen at once, each of which takes away what the other looks at: they wait, and never for one another. */
import test from 'ava';
import { startTestCloud, type TestCloud } from '../tests/cloud.ts';
import { startFederation } from '../tests/federation/ground.ts';
import { roleId, v3 } from './testing.ts';

/** Until so many statements wait for others. */
async function untilWaiting(cloud: TestCloud, count: number): Promise<void> {
  for (;;) {
    const { rows } = await cloud.db.raw(
      `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
    );
    if (rows[0].n >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const noDeadlock = (cloud: TestCloud) => !cloud.logLines.some((line) => line.includes('deadlock'));

test('a domain and a role that its groups have are deleted at once', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'going' } });
  const { role } = await admin.post(`${v3}/roles`, { role: { name: 'going' } });
  const { group } = await admin.post(`${v3}/groups`, { group: { name: 'going', domain_id: domain.id } });
  await admin.put(`${v3}/domains/${domain.id}/groups/${group.id}/roles/${role.id}`, undefined, 204);
  await admin.patch(`${v3}/domains/${domain.id}`, { domain: { enabled: false } });

  const blocker = await cloud.db.transaction();
  await blocker('roles').where({ id: role.id }).forUpdate().select('id');
  const ofRole = admin.request({ method: 'DELETE', path: `${v3}/roles/${role.id}` });
  await untilWaiting(cloud, 1);
  const ofDomain = admin.request({ method: 'DELETE', path: `${v3}/domains/${domain.id}` });
  await untilWaiting(cloud, 2);
  await blocker.rollback();
  t.deepEqual([(await ofRole).status, (await ofDomain).status], [204, 204]);
  t.true(noDeadlock(cloud));
});

for (const what of ['identity_providers/staff', 'identity_providers/staff/protocols/openid'])
  test(`somebody logs in while what vouches for them is deleted: ${what}`, async (t) => {
    const { cloud, issuer, logIn, groupWithRole } = await startFederation(t, { provider: { authorization_ttl: 60 } });
    const admin = cloud.as('admin');
    await groupWithRole('staff', 'member');
    const { body } = await logIn(await issuer.accessToken({ groups: ['staff'] }));
    const { id } = body.token.user;

    const blocker = await cloud.db.transaction();
    await blocker('users').where({ id }).forUpdate().select('id');
    const login = logIn(await issuer.accessToken({ groups: ['staff'], preferred_username: 'renamed' }));
    await untilWaiting(cloud, 1);
    const removal = admin.request({ method: 'DELETE', path: `${v3}/OS-FEDERATION/${what}` });
    await untilWaiting(cloud, 2);
    await blocker.rollback();
    t.true((await login).status < 500, (await login).text);
    t.is((await removal).status, 204, (await removal).text);
    t.true(noDeadlock(cloud));
    t.is(await cloud.db('users').where({ id }).first('id'), undefined);
  });

test('somebody logs in for the first time while the domain that they would be in is deleted', async (t) => {
  const { cloud, issuer, logIn, groupWithRole } = await startFederation(t);
  const admin = cloud.as('admin');
  const { groupId } = await groupWithRole('staff', 'member');
  const { identity_provider: provider } = await admin.get(`${v3}/OS-FEDERATION/identity_providers/staff`);

  const blocker = await cloud.db.transaction();
  await blocker('groups').where({ id: groupId }).forUpdate().select('id');
  const login = logIn(await issuer.accessToken({ groups: ['staff'] }));
  await untilWaiting(cloud, 1);
  await cloud.db('domains').where({ id: provider.domain_id }).update({ enabled: false });
  const removal = admin.request({ method: 'DELETE', path: `${v3}/domains/${provider.domain_id}` });
  await untilWaiting(cloud, 2);
  await blocker.rollback();
  t.is((await login).status, 401, (await login).text);
  t.is((await removal).status, 204, (await removal).text);
  t.true(noDeadlock(cloud));
  t.is(await cloud.db('users').where({ domain_id: provider.domain_id }).first('id'), undefined);
});

test('a user is deleted beside the identity provider that vouched for them', async (t) => {
  const { cloud, issuer, logIn, groupWithRole } = await startFederation(t, { provider: { authorization_ttl: 60 } });
  const admin = cloud.as('admin');
  await groupWithRole('staff', 'member');
  const { body } = await logIn(await issuer.accessToken({ groups: ['staff'] }));
  const { id } = body.token.user;

  const blocker = await cloud.db.transaction();
  await blocker('federated_users').where({ user_id: id }).forUpdate().select('user_id');
  const ofUser = admin.request({ method: 'DELETE', path: `${v3}/users/${id}` });
  await untilWaiting(cloud, 1);
  const ofProvider = admin.request({ method: 'DELETE', path: `${v3}/OS-FEDERATION/identity_providers/staff` });
  await untilWaiting(cloud, 2);
  await blocker.rollback();
  t.deepEqual([(await ofUser).status, (await ofProvider).status], [204, 204]);
  t.true(noDeadlock(cloud));
});

test('a transaction that the database ends for another’s sake is to be tried again', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { role } = await admin.post(`${v3}/roles`, { role: { name: 'going' } });
  const other = await cloud.db.transaction();
  await other.raw("set local deadlock_timeout = '1h'"); // so that the request is the one that is ended
  await other('roles').where({ id: role.id }).forUpdate().select('id');
  const removal = admin.request({ method: 'DELETE', path: `${v3}/roles/${role.id}` });
  await untilWaiting(cloud, 1);
  const crossing = other.raw('lock table role_implications in share row exclusive mode').then(() => undefined);
  const answer = await removal;
  await crossing;
  await other.rollback();
  t.is(answer.status, 503, answer.text);
  t.is(answer.headers['retry-after'], '2');
  await admin.delete(`${v3}/roles/${await roleId(admin, 'going')}`, 204);
});
