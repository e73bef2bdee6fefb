import test from 'ava';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { ask, attempt, byPassword, loginOf, roleId, rolesOf, v3 } from '../testing.ts';

const trusts = `${v3}/OS-TRUST/trusts`;

/** What the member hands to somebody without any rights of their own. */
function asked(cloud: TestCloud, more: object = {}) {
  const member = cloud.as('member');
  const users = { trustor_user_id: member.userId, trustee_user_id: cloud.as('nobody').userId };
  return { ...users, project_id: member.projectId, impersonation: false, roles: [{ name: 'member' }], ...more };
}

const make = async (cloud: TestCloud, more: object = {}) =>
  (await cloud.as('member').post(trusts, { trust: asked(cloud, more) })).trust;

const logIn = (cloud: TestCloud, id: string, as: 'nobody' | 'stranger' | 'member' = 'nobody') =>
  attempt(cloud, byPassword(cloud, as), { 'OS-TRUST:trust': { id } });

test('a trustee acts with the trustor’s role, as themselves or as the trustor', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, nobody] = [cloud.as('member'), cloud.as('nobody')];
  const trust = await make(cloud);
  t.like(trust, { trustor_user_id: member.userId, trustee_user_id: nobody.userId, remaining_uses: null });
  t.like(trust, { expires_at: null, deleted_at: null, redelegation_count: 0, redelegated_trust_id: null });
  t.is(trust.links.self, `http://cloud.test${trusts}/${trust.id}`);
  t.is(trust.roles[0].name, 'member');
  const login = loginOf(await logIn(cloud, trust.id));
  t.is(login.said.user.id, nobody.userId);
  t.is(login.said.project.id, member.projectId);
  t.deepEqual(rolesOf(login), ['member', 'reader']);
  t.deepEqual(login.said['OS-TRUST:trust'], {
    ...{ id: trust.id, impersonation: false },
    ...{ trustor_user: { id: member.userId }, trustee_user: { id: nobody.userId } },
  });
  t.is((await ask(cloud, login.token, 'GET', '/compute/v2.1/servers')).status, 200);
  const headers = { 'x-auth-token': login.token, 'x-subject-token': login.token };
  const { body } = await cloud.anonymous.request({ method: 'GET', path: `${v3}/auth/tokens`, headers });
  t.deepEqual(body.token, login.said);

  const posing = loginOf(await logIn(cloud, (await make(cloud, { impersonation: true })).id));
  t.is(posing.said.user.id, member.userId);
  const exchanged = { methods: ['token'], token: { id: posing.token } };
  t.is((await attempt(cloud, exchanged)).status, 403, 'it is for nothing else');
});

test('a trust is for its trustee, and a trust of nobody looks the same to others', async (t) => {
  const cloud = await startTestCloud(t);
  const trust = await make(cloud);
  const refused = await logIn(cloud, trust.id, 'stranger');
  t.is(refused.status, 401);
  t.deepEqual((await logIn(cloud, 'a'.repeat(32), 'stranger')).body, refused.body);
  t.is((await logIn(cloud, trust.id, 'member')).status, 401, 'not even its trustor');
  await cloud.as('stranger').get(`${trusts}/${trust.id}`, 404);
  await cloud.as('stranger').delete(`${trusts}/${trust.id}`, 404);
  await cloud.as('nobody').get(`${trusts}/${trust.id}`);
  await cloud.as('nobody').delete(`${trusts}/${trust.id}`, 404);
  await cloud.as('admin').get(`${trusts}/${trust.id}`);
});

test('its roles are shown one by one, and none that it does not hand on', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { id } = await make(cloud);
  const { roles } = await member.get(`${trusts}/${id}/roles`);
  const role = await roleId(admin, 'member');
  t.like(roles, {
    length: 1,
    0: { id: role, name: 'member', links: { self: `http://cloud.test${v3}/roles/${role}` } },
  });
  t.is((await member.get(`${trusts}/${id}/roles/${role}`)).role.id, role);
  t.is((await member.request({ method: 'HEAD', path: `${trusts}/${id}/roles/${role}` })).status, 200);
  await member.get(`${trusts}/${id}/roles/${await roleId(admin, 'reader')}`, 404);
});

test('lists are of the own trusts, or all for administrators', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, nobody] = [cloud.as('member'), cloud.as('nobody')];
  const { id } = await make(cloud, { expires_at: '2099-01-01T00:00:00Z' });
  const listed = async (client: typeof member, query: string) =>
    (await client.get(`${trusts}${query}`)).trusts.map((trust: { id: string }) => trust.id);
  t.deepEqual(await listed(member, `?trustor_user_id=${member.userId}`), [id]);
  t.deepEqual(await listed(nobody, `?trustee_user_id=${nobody.userId}`), [id]);
  t.deepEqual(await listed(nobody, `?trustor_user_id=${nobody.userId}`), []);
  t.deepEqual(await listed(cloud.as('admin'), ''), [id]);
  for (const query of ['', `?trustor_user_id=${nobody.userId}`, `?trustee_user_id=${nobody.userId}`])
    await member.get(`${trusts}${query}`, 403);
  const [shown] = (await member.get(`${trusts}?trustor_user_id=${member.userId}`)).trusts;
  t.false('roles' in shown);
  t.is(shown.expires_at, '2099-01-01T00:00:00.000000Z');
});

test('a trust ends with its trust, a lost role, its trustor and its trustee', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member, nobody] = [cloud.as('admin'), cloud.as('member'), cloud.as('nobody')];
  const ids = [await make(cloud), await make(cloud), await make(cloud)].map(({ id }) => id);
  const [first, second, third] = await Promise.all(ids.map(async (id) => loginOf(await logIn(cloud, id)).token));
  const status = async (token = '') => (await ask(cloud, token, 'GET', '/compute/v2.1/servers')).status;

  await member.delete(`${trusts}/${ids[0]}`);
  t.is(await status(first), 401);
  t.is((await logIn(cloud, ids[0] ?? '')).status, 401);
  await member.get(`${trusts}/${ids[0]}`, 404);
  t.is(await status(second), 200);

  const grant = `${v3}/projects/${member.projectId}/users/${member.userId}/roles/${await roleId(admin, 'member')}`;
  await admin.delete(grant);
  t.is(await status(second), 401);
  t.not((await logIn(cloud, ids[1] ?? '')).status, 201);
  await admin.put(grant, undefined, 204);
  const again = loginOf(await logIn(cloud, ids[1] ?? '')).token;
  t.is(await status(again), 200);

  await admin.patch(`${v3}/users/${member.userId}`, { user: { enabled: false } });
  t.is(await status(again), 401);
  t.is((await logIn(cloud, ids[1] ?? '')).status, 401, 'the trustor is disabled');
  await admin.patch(`${v3}/users/${member.userId}`, { user: { enabled: true } });
  const last = loginOf(await logIn(cloud, ids[2] ?? '')).token;
  await admin.delete(`${v3}/users/${nobody.userId}`);
  t.is(await status(last), 401);
  t.is(await status(third), 401);
  t.deepEqual(await cloud.db('trusts'), []);
});

test('uses that are counted are used up, however many try at once', async (t) => {
  const cloud = await startTestCloud(t);
  const { id } = await make(cloud, { remaining_uses: 2 });
  const answers = await Promise.all([1, 2, 3, 4].map(() => logIn(cloud, id)));
  t.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 201, 401, 401]);
  t.is((await logIn(cloud, id)).status, 401);
  await cloud.as('member').get(`${trusts}/${id}`, 404);
});

test('a trust that may be handed on is handed on as often, and never as more', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const [nobody, reader] = [cloud.as('nobody'), cloud.as('reader')];
  const first = await make(cloud, {
    ...{ allow_redelegation: true, redelegation_count: 1, expires_at: '2099-01-01T00:00:00Z' },
  });
  t.is(first.redelegation_count, 1);
  const held = loginOf(await logIn(cloud, first.id)).token;
  const on = { trustor_user_id: nobody.userId, trustee_user_id: reader.userId };
  const hand = async (more: object, status = 201, token = held) => {
    const answer = await ask(cloud, token, 'POST', trusts, { trust: asked(cloud, { ...on, ...more }) });
    t.is(answer.status, status, answer.text);
    return answer.body.trust;
  };
  await hand({ impersonation: true }, 403);
  await hand({ expires_at: '2099-01-01T00:00:01Z' }, 403);
  await hand({ remaining_uses: 1 }, 403);
  await hand({ roles: [{ name: 'reader' }] }, 403);
  await hand({ allow_redelegation: true, redelegation_count: 1 }, 403);
  await hand({ trustor_user_id: member.userId }, 403);
  const second = await hand({ allow_redelegation: true });
  t.like(second, { redelegated_trust_id: first.id, redelegation_count: 0, expires_at: '2099-01-01T00:00:00.000000Z' });
  const login = loginOf(await attempt(cloud, byPassword(cloud, 'reader'), { 'OS-TRUST:trust': { id: second.id } }));
  t.is(login.said.user.id, reader.userId);
  t.deepEqual(rolesOf(login), ['member', 'reader']);
  await hand({ trustor_user_id: reader.userId, trustee_user_id: admin.userId }, 403, login.token);

  const status = async () => (await ask(cloud, login.token, 'GET', '/compute/v2.1/servers')).status;
  t.is(await status(), 200);
  t.is((await ask(cloud, held, 'DELETE', `${trusts}/${first.id}`)).status, 404, 'it is the member’s');
  await admin.patch(`${v3}/users/${nobody.userId}`, { user: { enabled: false } });
  t.is(await status(), 401, 'one in between is gone');
  await admin.patch(`${v3}/users/${nobody.userId}`, { user: { enabled: true } });
  await member.delete(`${trusts}/${first.id}`);
  t.deepEqual(await cloud.db('trusts'), [], 'what came of it goes with it');
});

test('only oneself hands on one’s own, and only what one has', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, stranger] = [cloud.as('member'), cloud.as('stranger')];
  for (const [more, status] of [
    [{ trustor_user_id: stranger.userId }, 403],
    [{ trustee_user_id: 'a'.repeat(32) }, 404],
    [{ project_id: stranger.projectId }, 404],
    [{ project_id: 'a'.repeat(32) }, 404],
    [{ roles: [{ name: 'admin' }] }, 404],
    [{ roles: [{ id: 'a'.repeat(32) }] }, 404],
    [{ roles: [] }, 403],
    [{ roles: [{}] }, 400],
    [{ expires_at: 'bad.123Z' }, 400],
    [{ expires_at: '2020-01-01T00:00:00Z' }, 400],
    [{ remaining_uses: 0 }, 400],
    [{ impersonation: 'no' }, 400],
    [{ allow_redelegation: true, remaining_uses: 3 }, 400],
    [{ allow_redelegation: true, redelegation_count: 4 }, 403],
  ] as const)
    await member.post(trusts, { trust: asked(cloud, more) }, status);
  t.deepEqual(await cloud.db('trusts'), []);
});
