import test from 'ava';
import { type Client, startTestCloud } from '../tests/cloud.ts';
import { v3 } from './testing.ts';

const programs = ({ userId }: Client) => `${v3}/users/${userId}/application_credentials`;
const rules = (count: number, of = '') =>
  Array.from({ length: count }, (_, i) => ({ service: 'compute', method: 'GET', path: `/${of}${i}` }));

/** The statuses of many requests at once, in order of size. */
async function statuses(client: Client, path: string, bodies: object[]): Promise<number[]> {
  const answers = await Promise.all(bodies.map((body) => client.request({ method: 'POST', path, body })));
  return answers.map(({ status }) => status).toSorted();
}

test('a user has so many application credentials and no more, however many are asked for at once', async (t) => {
  const cloud = await startTestCloud(t, { applicationCredentialsPerUser: 2 });
  const member = cloud.as('member');
  const asked = (name: string) => ({ application_credential: { name } });
  t.deepEqual(await statuses(member, programs(member), ['a', 'b', 'c', 'd'].map(asked)), [201, 201, 403, 403]);
  const { error } = await member.post(programs(member), asked('e'), 403);
  t.regex(error.message, /application credentials.*2/);
  const [one] = (await member.get(programs(member))).application_credentials;
  await member.delete(`${programs(member)}/${one.id}`);
  await member.post(programs(member), asked('e'));
  const admin = cloud.as('admin');
  await admin.post(programs(admin), asked('a'));
});

test('an application credential has so many access rules, and a user has', async (t) => {
  const cloud = await startTestCloud(t, { accessRulesPerApplicationCredential: 3, accessRulesPerUser: 4 });
  const member = cloud.as('member');
  const make = (name: string, access_rules: object[], status = 201) =>
    member.post(programs(member), { application_credential: { name, access_rules } }, status);
  await make('too many', rules(4), 403);
  await make('a', rules(3));
  await make('b', rules(3));
  await make('c', rules(2, 'others/'), 403);
  t.is((await cloud.db('access_rules')).length, 3, 'what was refused left nothing');
  await make('c', rules(1, 'others/'));
});

test('access rules may be named by id, by what they say, and twice', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const [first, second] = rules(2);
  const make = async (name: string, access_rules: object[]) =>
    (await member.post(programs(member), { application_credential: { name, access_rules } })).application_credential;
  const [{ id }] = (await make('a', [first as object])).access_rules;
  t.is((await make('b', [{ id }, second as object, first as object, { id }])).access_rules.length, 2);
  t.is((await make('c', [{ id }])).access_rules[0].id, id);
});

test('a user has so many credentials, and fewer that passcodes are compared with', async (t) => {
  const cloud = await startTestCloud(t, { credentialsPerUser: 3, totpSecretsPerUser: 2, ec2CredentialsPerUser: 1 });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const path = `${v3}/credentials`;
  const asked = (type: string) => ({ credential: { user_id: member.userId, type, blob: 'GEZDGNBVGY3TQOJQ' } });
  t.deepEqual(
    await statuses(
      member,
      path,
      Array.from({ length: 4 }, () => asked('totp')),
    ),
    [201, 201, 403, 403],
  );
  const { credential: other } = await member.post(path, asked('cert'));
  await member.post(path, asked('cert'), 403);
  await member.patch(`${path}/${other.id}`, { credential: { type: 'totp' } }, 403);
  await member.patch(`${path}/${other.id}`, { credential: { blob: 'another' } });
  const theirs = { credential: { ...asked('totp').credential, user_id: admin.userId } };
  const { credential: moving } = await admin.post(path, theirs);
  await admin.patch(`${path}/${moving.id}`, { credential: { user_id: member.userId } }, 403);
  t.is((await admin.get(`${path}/${moving.id}`)).credential.user_id, admin.userId);

  const pairs = `${v3}/users/${member.userId}/credentials/OS-EC2`;
  await member.post(pairs, { tenant_id: member.projectId });
  await member.post(pairs, { tenant_id: member.projectId }, 403);
});

test('a user gives so many trusts; zero is any number', async (t) => {
  for (const [limit, statusOfThird] of [
    [2, 403],
    [0, 201],
  ] as const) {
    const cloud = await startTestCloud(t, { trustsPerUser: limit });
    const [member, reader] = [cloud.as('member'), cloud.as('reader')];
    const between = { trustor_user_id: member.userId, trustee_user_id: reader.userId, project_id: member.projectId };
    const body = { trust: { ...between, impersonation: false, roles: [{ name: 'member' }] } };
    for (const status of [201, 201, statusOfThird]) await member.post(`${v3}/OS-TRUST/trusts`, body, status);
  }
});
