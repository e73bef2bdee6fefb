import { createHash, createHmac } from 'node:crypto';
import test from 'ava';
import { type Client, startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { signatureOf } from '../ec2/signature.ts';
import { ask, attempt, byCredential, byPassword, loginOf, rolesOf, v3 } from '../testing.ts';

interface KeyPair {
  access: string;
  secret: string;
}

const keys = ({ userId }: Client) => `${v3}/users/${userId}/credentials/OS-EC2`;

const make = async (owner: Client): Promise<KeyPair & Record<string, string>> =>
  (await owner.post(keys(owner), { tenant_id: owner.projectId })).credential;

/** A request as a service describes it: signed by version 4 at that time. */
function signed({ access, secret }: KeyPair, { at = Date.now(), path = '/' } = {}) {
  const date = new Date(at).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const request = {
    ...{ verb: 'GET', host: 'cloud.test', path, params: { Action: 'List' } },
    headers: {
      host: 'cloud.test',
      'x-amz-date': date,
      authorization: `AWS4-HMAC-SHA256 Credential=${access}/${date.slice(0, 8)}/here/ec2/aws4_request, SignedHeaders=host;x-amz-date, Signature=s`,
    },
    bodyHash: createHash('sha256').digest('hex'),
  };
  const { bodyHash, ...rest } = request;
  return { access, signature: signatureOf(request, secret), ...rest, body_hash: bodyHash };
}

const validate = ({ anonymous }: TestCloud, token: string, credentials: object, kind = 'ec2tokens') =>
  anonymous.request({
    ...{ method: 'POST', path: `${v3}/${kind}`, body: { credentials } },
    headers: { ...(token !== '' && { 'x-auth-token': token }) },
  });

test('a key pair is made, shown, listed and deleted by its user', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const made = await make(member);
  t.like(made, { user_id: member.userId, tenant_id: member.projectId, trust_id: null });
  t.deepEqual((await member.get(`${keys(member)}/${made.access}`)).credential, made);
  const { credentials } = await member.get(keys(member));
  t.like(credentials, { length: 1, 0: made });
  const { credentials: all } = await member.get(`${v3}/credentials?type=ec2`);
  t.like(JSON.parse(all[0].blob), { access: made.access, secret: made.secret });

  const [reader, stranger] = [cloud.as('reader'), cloud.as('stranger')];
  await reader.get(keys(member), 403);
  await reader.get(`${keys(member)}/${made.access}`, 403);
  await reader.get(`${keys(reader)}/${made.access}`, 404);
  await reader.post(keys(reader), { tenant_id: reader.projectId }, 403);
  await stranger.post(keys(stranger), { tenant_id: member.projectId }, 404);
  await member.delete(`${keys(member)}/${made.access}`);
  await member.get(`${keys(member)}/${made.access}`, 404);
});

test('a service gets a token for whoever signed a request, with the user’s roles on the project', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, service] = [cloud.as('member'), await cloud.as('admin').token()];
  const pair = await make(member);
  const answer = await validate(cloud, service, signed(pair));
  t.is(answer.status, 200, answer.text);
  const login = loginOf(answer);
  t.is(login.said.user.id, member.userId);
  t.is(login.said.project.id, member.projectId);
  t.deepEqual(login.said.methods, ['ec2credential']);
  t.deepEqual(rolesOf(login), ['member', 'reader']);
  t.true(login.said.catalog.length > 0);
  t.is((await ask(cloud, login.token, 'GET', '/compute/v2.1/servers')).status, 200);
  const exchanged = await attempt(cloud, { methods: ['token'], token: { id: login.token } }, 'unscoped');
  t.is(exchanged.status, 403, 'it is for that project');
  const more = await ask(cloud, login.token, 'POST', keys(member), { tenant_id: member.projectId });
  t.is(more.status, 403, 'and makes no others');
});

test('only services and administrators ask, or a signed URL would be a token (CVE-2025-65073)', async (t) => {
  const cloud = await startTestCloud(t);
  const pair = await make(cloud.as('member'));
  for (const kind of ['ec2tokens', 's3tokens']) {
    t.is((await validate(cloud, '', signed(pair), kind)).status, 401);
    t.is((await validate(cloud, await cloud.as('member').token(), signed(pair), kind)).status, 403);
    const got = await cloud.as('admin').request({ method: 'GET', path: `${v3}/${kind}` });
    t.is(got.status, 405);
  }
});

test('a signature is good for the request it signs, for a quarter of an hour, and by whom it is (CVE-2020-12692)', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, admin] = [cloud.as('member'), cloud.as('admin')];
  const service = await admin.token();
  const [pair, other] = [await make(member), await make(member)];
  const request = signed(pair);
  const minute = 60_000;
  for (const bad of [
    { ...request, path: '/other' },
    { ...request, params: {} },
    { ...request, verb: 'PUT' },
    { ...request, headers: { ...request.headers, host: 'elsewhere' } },
    { ...request, body_hash: createHash('sha256').update('x').digest('hex') },
    { ...request, access: other.access },
    { ...request, access: 'a'.repeat(32) },
    { ...request, signature: '' },
    { ...request, signature: undefined },
    { ...request, access: undefined },
    signed(pair, { at: Date.now() - 16 * minute }),
    signed(pair, { at: Date.now() + 16 * minute }),
    { access: pair.access, signature: request.signature },
  ])
    t.is((await validate(cloud, service, bad)).status, 401, JSON.stringify(bad));
  t.is((await validate(cloud, service, signed(pair, { at: Date.now() - 14 * minute }))).status, 200);
  await member.delete(`${keys(member)}/${pair.access}`);
  t.is((await validate(cloud, service, request)).status, 401);
});

test('S3 signs a string, in its first version and its fourth', async (t) => {
  const cloud = await startTestCloud(t);
  const service = await cloud.as('admin').token();
  const { access, secret } = await make(cloud.as('member'));
  const check = async (text: string, signature: string) =>
    (await validate(cloud, service, { access, signature, token: Buffer.from(text).toString('base64') }, 's3tokens'))
      .status;
  const plain = 'GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/bucket/object';
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  t.is(await check(plain, createHmac('sha1', secret).update(plain).digest('base64')), 200);
  t.is(await check(`${plain}.`, createHmac('sha1', secret).update(plain).digest('base64')), 401);
  const four = (at: number, service: string) => {
    const date = new Date(at).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const scope = [date.slice(0, 8), 'here', service, 'aws4_request'];
    const text = `AWS4-HMAC-SHA256\n${date}\n${scope.join('/')}\n${'0'.repeat(64)}`;
    const key = scope.reduce<string | Buffer>((by, step) => hmac(by, step), `AWS4${secret}`);
    return check(text, hmac(key, text).toString('hex'));
  };
  t.is(await four(Date.now(), 's3'), 200);
  t.is(await four(Date.now(), 'ec2'), 401);
  t.is(await four(Date.now() - 8 * 24 * 3600_000, 's3'), 401);
});

test('a key pair made through an application credential is that and no more (CVE-2026-33551)', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, service] = [cloud.as('member'), await cloud.as('admin').token()];
  const path = `${v3}/users/${member.userId}/application_credentials`;
  const program = async (more: object) =>
    (await member.post(path, { application_credential: { name: `${Math.random()}`, ...more } })).application_credential;
  const restricted = await program({});
  const held = loginOf(await attempt(cloud, byCredential({ id: restricted.id, secret: restricted.secret })));
  const refused = await ask(cloud, held.token, 'POST', keys(member), { tenant_id: member.projectId });
  t.is(refused.status, 403);

  const free = await program({
    roles: [{ name: 'member' }],
    unrestricted: true,
    access_rules: [{ service: 'identity', method: 'POST', path: '/v3/users/*/credentials/OS-EC2' }],
  });
  const through = loginOf(await attempt(cloud, byCredential({ id: free.id, secret: free.secret }))).token;
  const made = await ask(cloud, through, 'POST', keys(member), { tenant_id: member.projectId });
  t.is(made.status, 201, made.text);
  const login = loginOf(await validate(cloud, service, signed(made.body.credential)));
  t.like(login.said.application_credential, { id: free.id, restricted: false });
  t.is((await ask(cloud, login.token, 'GET', '/compute/v2.1/servers')).status, 403, 'its access rules hold');
  await member.delete(`${path}/${free.id}`);
  t.is((await ask(cloud, login.token, 'POST', keys(member), { tenant_id: member.projectId })).status, 401);
  t.is((await validate(cloud, service, signed(made.body.credential))).status, 401);
  t.deepEqual(await cloud.db('credentials'), [], 'it went with it');
});

test('a key pair bound to a trust is for its trustee, and for the trust', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, admin, reader] = [cloud.as('member'), cloud.as('admin'), cloud.as('reader')];
  const service = await admin.token();
  const trust = {
    ...{ trustor_user_id: member.userId, trustee_user_id: reader.userId, project_id: member.projectId },
    ...{ impersonation: true, roles: [{ name: 'member' }] },
  };
  const { id } = (await member.post(`${v3}/OS-TRUST/trusts`, { trust })).trust;
  const pair = { access: 'bound', secret: 'a secret', trust_id: id };
  const credential = { project_id: member.projectId, type: 'ec2', blob: JSON.stringify(pair) };
  const stolen = { ...credential, user_id: cloud.as('stranger').userId };
  await admin.post(`${v3}/credentials`, { credential: stolen }, 404);
  await reader.post(`${v3}/credentials`, { credential: { ...credential, user_id: reader.userId } });
  const login = loginOf(await validate(cloud, service, signed(pair)));
  t.is(login.said['OS-TRUST:trust'].id, id);
  t.is(login.said.user.id, member.userId);
  const trusted = loginOf(await attempt(cloud, byPassword(cloud, 'reader'), { 'OS-TRUST:trust': { id } })).token;
  t.is((await ask(cloud, trusted, 'POST', keys(member), { tenant_id: member.projectId })).status, 403);
  await member.delete(`${v3}/OS-TRUST/trusts/${id}`);
  t.is((await validate(cloud, service, signed(pair))).status, 401);
});

test('a key pair is good while its user and its project are', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, admin] = [cloud.as('member'), cloud.as('admin')];
  const service = await admin.token();
  const pair = await make(member);
  const status = async () => (await validate(cloud, service, signed(pair))).status;
  for (const what of [`projects/${member.projectId}`, `users/${member.userId}`]) {
    const kind = what.startsWith('users') ? 'user' : 'project';
    await admin.patch(`${v3}/${what}`, { [kind]: { enabled: false } });
    t.is(await status(), 401, what);
    await admin.patch(`${v3}/${what}`, { [kind]: { enabled: true } });
    t.is(await status(), 200, what);
  }
  await admin.delete(`${v3}/users/${member.userId}`);
  t.is(await status(), 401);
  t.deepEqual(await cloud.db('credentials'), []);
});
