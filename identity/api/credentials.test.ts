import { createHash } from 'node:crypto';
import test from 'ava';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { listTotpSecrets } from '../credentials/store.ts';
import { somebody } from '../testing/somebody.ts';
import { v3 } from '../testing.ts';
import { readMasterKey } from '../tokens/keys.ts';

const credentials = `${v3}/credentials`;
const canary = 'canary-of-a-credential';
const pair = (access: string, more: object = {}) => JSON.stringify({ access, secret: canary, ...more });

function asked(cloud: TestCloud, more: object = {}) {
  const member = cloud.as('member');
  return { user_id: member.userId, project_id: member.projectId, type: 'cert', blob: canary, ...more };
}

const make = async (cloud: TestCloud, more: object = {}) =>
  (await cloud.as('member').post(credentials, { credential: asked(cloud, more) })).credential;

test('a credential is kept, shown, changed and deleted by its user', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const made = await make(cloud);
  t.like(made, { ...asked(cloud), links: { self: `http://cloud.test${credentials}/${made.id}` } });
  t.deepEqual((await member.get(`${credentials}/${made.id}`)).credential, made);
  const { credential } = await member.patch(`${credentials}/${made.id}`, { credential: { blob: 'other' } });
  t.deepEqual(credential, { ...made, blob: 'other' });
  await member.delete(`${credentials}/${made.id}`);
  await cloud.as('admin').get(`${credentials}/${made.id}`, 404);
});

test('what is kept is sealed, and nothing tells it', async (t) => {
  const cloud = await startTestCloud(t);
  await make(cloud);
  await make(cloud, { type: 'ec2', blob: pair('one') });
  const rows = JSON.stringify(await cloud.db('credentials'));
  t.false(rows.includes(canary));
  t.false(cloud.logLines.some((line) => line.includes(canary)));
});

test('lists are of the own, or of everybody for administrators', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member, reader] = [cloud.as('admin'), cloud.as('member'), cloud.as('reader')];
  const one = await make(cloud);
  const two = await make(cloud, { type: 'ec2', blob: pair('two') });
  const listed = async (client: typeof admin, query = '') =>
    (await client.get(`${credentials}${query}`)).credentials.map(({ id }: { id: string }) => id);
  t.deepEqual(await listed(member), [one.id, two.id]);
  t.deepEqual(await listed(member, '?type=ec2'), [two.id]);
  t.deepEqual(await listed(member, `?user_id=${reader.userId}`), []);
  t.deepEqual(await listed(reader), []);
  t.deepEqual(await listed(reader, `?user_id=${member.userId}`), []);
  t.deepEqual(await listed(admin, `?user_id=${member.userId}`), [one.id, two.id]);
  t.deepEqual(await listed(admin), [one.id, two.id]);
  t.deepEqual(await listed(member, '?limit=1'), [one.id]);
  await reader.get(`${credentials}/${one.id}`, 403);
  await reader.delete(`${credentials}/${one.id}`, 403);
});

test('a reader of the system sees which credentials there are, and none of their secrets', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const seed = await make(cloud, { type: 'totp', blob: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' });
  await make(cloud, { type: 'ec2', blob: pair('seen') });
  const reader = await somebody(t, cloud, { role: 'reader', on: 'system' });
  const keys = `/users/${member.userId}/credentials/OS-EC2`;

  const { credentials: listed } = await reader.get('/credentials?type=totp');
  t.deepEqual(listed, [{ ...seed, blob: null }]);
  t.is((await reader.get(`/credentials/${seed.id}`)).credential.blob, null);
  for (const path of [keys, `${keys}/seen`, '/credentials'])
    t.false(JSON.stringify(await reader.get(path)).includes(canary), path);
  t.like((await reader.get(`${keys}/seen`)).credential, { access: 'seen', secret: null });

  const own = { user_id: reader.userId, type: 'cert', blob: canary };
  const { credential } = await reader.post('/credentials', { credential: own });
  t.is((await reader.get(`/credentials/${credential.id}`)).credential.blob, canary);
  for (const one of [admin, member]) {
    t.is((await one.get(`${credentials}/${seed.id}`)).credential.blob, seed.blob);
    t.is((await one.get(`${v3}${keys}/seen`)).credential.secret, canary);
  }
});

test('a credential of type ec2 is known by the digest of its access key, which nobody has twice', async (t) => {
  const cloud = await startTestCloud(t);
  const made = await make(cloud, { type: 'ec2', blob: pair('an access key') });
  t.is(made.id, createHash('sha256').update('an access key').digest('hex'));
  const again = { credential: asked(cloud, { type: 'EC2', blob: pair('an access key') }) };
  await cloud.as('member').post(credentials, again, 409);
});

test('whose a credential is, and what for, is not changed by its user (CVE-2020-12691)', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member, stranger] = [cloud.as('admin'), cloud.as('member'), cloud.as('stranger')];
  const made = await make(cloud, { type: 'ec2', blob: pair('mine') });
  const patch = (credential: object, status = 200, client = member) =>
    client.patch(`${credentials}/${made.id}`, { credential }, status);
  await patch({ user_id: stranger.userId }, 403);
  await patch({ project_id: stranger.projectId }, 403);
  await patch({ user_id: stranger.userId }, 403, stranger);
  for (const bond of ['trust_id', 'app_cred_id', 'access_token_id'])
    await patch({ blob: pair('mine', { [bond]: 'a'.repeat(32) }) }, 400);
  await patch({ blob: 'no JSON' }, 400);
  await patch({}, 400);
  t.deepEqual((await member.get(`${credentials}/${made.id}`)).credential, made);
  const moved = await patch({ project_id: stranger.projectId, blob: pair('yours'), type: 'ec2' }, 200, admin);
  t.like(moved.credential, { id: made.id, project_id: stranger.projectId, blob: pair('yours') });
});

test('what cannot be is refused, and nothing of it is kept', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member, stranger] = [cloud.as('admin'), cloud.as('member'), cloud.as('stranger')];
  const absent = 'a'.repeat(32);
  for (const [more, status] of [
    [{ user_id: stranger.userId }, 403],
    [{ user_id: absent }, 403],
    [{ project_id: stranger.projectId }, 404],
    [{ project_id: absent }, 404],
    [{ type: '' }, 400],
    [{ blob: { access: 'a' } }, 400],
    [{ type: 'ec2', blob: pair('a'), project_id: null }, 400],
    [{ type: 'ec2', blob: 'no JSON' }, 400],
    [{ type: 'ec2', blob: 'null' }, 400],
    [{ type: 'ec2', blob: '{"access":"a"}' }, 400],
    [{ type: 'ec2', blob: pair('a', { app_cred_id: absent }) }, 404],
    [{ type: 'ec2', blob: pair('a', { trust_id: absent }) }, 404],
    [{ type: 'ec2', blob: pair('a', { access_token_id: absent }) }, 400],
  ] as const)
    await member.post(credentials, { credential: asked(cloud, more) }, status);
  await admin.post(credentials, { credential: asked(cloud, { user_id: absent }) }, 404);
  t.deepEqual(await cloud.db('credentials'), []);
});

test('the seeds of one-time passwords are there for logging in', async (t) => {
  const cloud = await startTestCloud(t);
  const { userId } = cloud.as('member');
  await make(cloud, { type: 'totp', blob: 'GEZDGNBVGY3TQOJQ', project_id: null });
  const master = await readMasterKey(`${cloud.config.dataDir}/master.key`);
  const seedsOf = async (id: string) =>
    (await listTotpSecrets({ db: cloud.db, master }, id)).map(({ secret }) => secret.reveal());
  t.deepEqual(await seedsOf(userId), ['GEZDGNBVGY3TQOJQ']);
  t.deepEqual(await seedsOf(cloud.as('reader').userId), []);
});
