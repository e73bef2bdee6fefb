import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { generateSshKeypair } from '../keypairs/keypair.ts';
import { atVersion } from '../testing.ts';

test('keypairs are imported or generated, belong to their user, and are told apart by microversion', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, stranger] = [cloud.as('member'), cloud.as('stranger')];
  const path = '/compute/v2.1/os-keypairs';
  const { publicKey } = await generateSshKeypair('me');
  const { keypair } = await member.post(path, { keypair: { name: 'my key', public_key: publicKey } }, 200);
  t.is(keypair.public_key, publicKey);
  t.false('private_key' in keypair);
  await member.post(path, { keypair: { name: 'my key', public_key: publicKey } }, 409);
  const generated = await member.request({
    method: 'POST',
    path,
    body: { keypair: { name: 'new' } },
    headers: { 'x-openstack-nova-api-version': '2.2' },
  });
  t.is(generated.status, 201);
  t.regex(generated.body.keypair.private_key, /^-----BEGIN OPENSSH PRIVATE KEY-----/);
  t.is(generated.body.keypair.type, 'ssh');
  t.like((await member.get(`${path}/my%20key`)).keypair, { name: 'my key', deleted: false, user_id: member.userId });
  for (const name of ['a/b', 'ü', '', 'x'.repeat(256), ' x'])
    await member.post(path, { keypair: { name, public_key: publicKey } }, 400);
  await member.post(path, { keypair: { name: 'bad', public_key: 'ssh-rsa nonsense' } }, 400);
  await stranger.get(`${path}/my%20key`, 404);
  t.deepEqual((await stranger.get(path)).keypairs, []);
  t.is((await member.get(path)).keypairs.length, 2);
  await member.get(`${path}/a%2Fb`, 404);
  await member.delete(`${path}/my%20key`, 202);
  await member.delete(`${path}/my%20key`, 404);
});

test('keypairs of others are for administrators, from 2.10 on; lists have pages from 2.35 on, and nothing is generated from 2.92 on', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member, stranger] = [cloud.as('admin'), cloud.as('member'), cloud.as('stranger')];
  const path = '/compute/v2.1/os-keypairs';
  const { publicKey } = await generateSshKeypair('me');
  const key = (name: string, more: object = {}) => ({ keypair: { name, public_key: publicKey, ...more } });

  await atVersion(admin, '2.9').post(path, key('a', { user_id: member.userId }), 400);
  const at10 = atVersion(admin, '2.10');
  for (const name of ['a', 'b', 'c']) await at10.post(path, key(name, { user_id: member.userId }), 201);
  await at10.post(path, key('a', { user_id: 'nobody-of-that-id' }), 400);
  await atVersion(stranger, '2.10').post(path, key('a', { user_id: member.userId }), 403);
  t.is((await at10.get(`${path}/a?user_id=${member.userId}`)).keypair.user_id, member.userId);
  await at10.get(`${path}/a`, 404);
  await atVersion(stranger, '2.10').get(`${path}/a?user_id=${member.userId}`, 403);
  await atVersion(member, '2.10').get(`${path}/a?user_id=${member.userId}`);
  t.is((await at10.get(`${path}?user_id=${member.userId}`)).keypairs.length, 3);

  const mine = atVersion(member, '2.35');
  const first = await mine.get(`${path}?limit=2`);
  t.deepEqual(namesOf(first), ['a', 'b']);
  t.regex(first.keypairs_links[0].href, /\/os-keypairs\?limit=2&marker=b$/);
  t.deepEqual(namesOf(await mine.get(`${path}?limit=2&marker=b`)), ['c']);
  await mine.get(`${path}?marker=zzz`, 400);
  t.deepEqual(namesOf(await atVersion(member, '2.34').get(`${path}?limit=2`)), ['a', 'b', 'c']);
  await atVersion(member, '2.74').get(`${path}?strange=1`);
  await atVersion(member, '2.75').get(`${path}?strange=1`, 400);

  await atVersion(member, '2.91').post(path, key('me@home.org'), 400);
  await atVersion(member, '2.92').post(path, key('me@home.org'), 201);
  await atVersion(member, '2.92').post(path, { keypair: { name: 'new' } }, 400);
  await atVersion(member, '2.91').post(path, { keypair: { name: 'new' } }, 201);
  await atVersion(member, '2.2').post(path, key('x', { type: 'x509' }), 400);
  await atVersion(member, '2.1').post(path, key('x', { type: 'ssh' }), 400);
  await at10.delete(`${path}/a?user_id=${member.userId}`);
  await member.get(`${path}/a`, 404);
});

function namesOf({ keypairs }: { keypairs: { keypair: { name: string } }[] }): string[] {
  return keypairs.map(({ keypair }) => keypair.name);
}
