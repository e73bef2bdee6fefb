import test from 'ava';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { ask, attempt, byCredential, byPassword, loginOf, roleId, v3 } from '../testing.ts';

async function explained(cloud: TestCloud, token: string, explain: object, status = 200) {
  const answer = await ask(cloud, token, 'POST', `${v3}/explain`, { explain });
  if (answer.status !== status) throw new Error(`${answer.status}: ${answer.text}`);
  return status === 200 ? answer.body.explanation : answer.body.error;
}

async function readingCredential(cloud: TestCloud, more: object = {}) {
  const member = cloud.as('member');
  const application_credential = { name: 'reading', roles: [{ name: 'reader' }], ...more };
  const path = `${v3}/users/${member.userId}/application_credentials`;
  return (await member.post(path, { application_credential })).application_credential;
}

test('of an application credential one is told what a token with it would have, and what it would not', async (t) => {
  const cloud = await startTestCloud(t);
  const accessRule = { service: 'compute', method: 'GET', path: '/v2.1/servers' };
  const { id } = await readingCredential(cloud, { access_rules: [accessRule] });
  const question = { rule: 'os_compute_api:servers:create', application_credential: { id } };
  for (const persona of ['member', 'admin'] as const) {
    const answer = await explained(cloud, await cloud.as(persona).token(), question);
    t.false(answer.allowed);
    t.like(answer, { user: { name: 'member' }, scope: { project: { id: cloud.as('member').projectId } } });
    t.deepEqual(
      answer.roles.map(({ name }: { name: string }) => name),
      ['reader'],
    );
    t.is(answer.roles[0].from[0].role.name, 'member');
    t.like(answer.application_credential, { id, name: 'reading', unrestricted: false });
    t.like(answer.application_credential.access_rules[0], accessRule);
    t.deepEqual(answer.application_credential.withheld_roles, [
      { id: await roleId(cloud.as('admin'), 'member'), name: 'member' },
    ]);
  }
  const scope = { unscoped: {} };
  await explained(cloud, await cloud.as('member').token(), { ...question, scope }, 400);
  await explained(cloud, await cloud.as('admin').token(), { ...question, user: { id: 'x' } }, 400);
});

test('an application credential that has expired gives no token', async (t) => {
  const cloud = await startTestCloud(t);
  const { id } = await readingCredential(cloud);
  await cloud.db('application_credentials').where({ id }).update({ expires_at: '2020-01-01' });
  const question = { rule: 'get_network', application_credential: { id } };
  const answer = await explained(cloud, await cloud.as('member').token(), question);
  t.like(answer, { allowed: false, token_obtainable: false });
  t.regex(answer.summary, /has expired/);
});

test('somebody else’s application credential is as one that does not exist', async (t) => {
  const cloud = await startTestCloud(t);
  const { id } = await readingCredential(cloud);
  const absent = 'f'.repeat(32);
  const asked = async (persona: 'stranger' | 'admin', credentialId: string, status: number) => {
    const question = { rule: 'get_network', application_credential: { id: credentialId } };
    return explained(cloud, await cloud.as(persona).token(), question, status);
  };
  t.is((await asked('stranger', id, 403)).message, (await asked('stranger', absent, 403)).message);
  await asked('admin', absent, 404);
});

test('who acts through an application credential is told of that token, and not what its giver may do', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id, secret } = await readingCredential(cloud);
  const { token } = loginOf(await attempt(cloud, byCredential({ id, secret })));
  const own = await explained(cloud, token, { rule: 'os_compute_api:servers:create' });
  t.false(own.allowed);
  t.deepEqual(
    own.roles.map(({ name }: { name: string }) => name),
    ['reader'],
  );
  for (const more of [
    { scope: { project: { id: member.projectId } } },
    { user: { id: member.userId } },
    { scope: { system: { all: true } } },
    { application_credential: { id } },
  ])
    await explained(cloud, token, { rule: 'get_network', ...more }, 403);
});

test('the roles of a trust’s token come from the trustor', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, nobody] = [cloud.as('member'), cloud.as('nobody')];
  const trust = {
    ...{ trustor_user_id: member.userId, trustee_user_id: nobody.userId, project_id: member.projectId },
    ...{ impersonation: false, roles: [{ name: 'reader' }] },
  };
  const { id } = (await member.post(`${v3}/OS-TRUST/trusts`, { trust })).trust;
  const { token } = loginOf(await attempt(cloud, byPassword(cloud, 'nobody'), { 'OS-TRUST:trust': { id } }));
  const { allowed, user, roles } = await explained(cloud, token, { rule: 'get_network' });
  t.true(allowed);
  t.is(user.id, nobody.userId);
  t.is(roles[0].name, 'reader');
  t.is(roles[0].from[0].role.name, 'member');
});

test('a reader of the system may ask about everybody', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, reader] = [cloud.as('admin'), cloud.as('reader')];
  const role = await roleId(admin, 'reader');
  await admin.put(`${v3}/system/users/${reader.userId}/roles/${role}`, undefined, 204);
  const { token } = loginOf(await attempt(cloud, byPassword(cloud, 'reader'), { system: { all: true } }));
  const scope = { project: { id: cloud.as('member').projectId } };
  const question = { rule: 'os_compute_api:servers:create', user: { id: cloud.as('member').userId }, scope };
  t.true((await explained(cloud, token, question)).allowed);
});
