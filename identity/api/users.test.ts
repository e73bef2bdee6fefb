import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { somebody } from '../testing/somebody.ts';

const v3 = '/identity/v3';

test('a user’s options are set one by one and cleared with null', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const options = {
    ignore_password_expiry: true,
    ignore_lockout_failure_attempts: false,
    multi_factor_auth_rules: [['password', 'totp'], ['token']],
  };
  const { user } = await admin.post(`${v3}/users`, { user: { name: 'optional', options } });
  t.deepEqual(user.options, options);
  const at = `${v3}/users/${user.id}`;
  const change = async (options: object, status = 200) =>
    (await admin.patch(at, { user: { options } }, status)).user?.options;
  t.deepEqual(await change({ ignore_password_expiry: null, lock_password: true, multi_factor_auth_rules: null }), {
    ignore_lockout_failure_attempts: false,
    lock_password: true,
  });
  for (const bad of [
    { unknown: true },
    { lock_password: 'yes' },
    { multi_factor_auth_rules: [[]] },
    { multi_factor_auth_rules: ['password'] },
    { multi_factor_auth_rules: [['totp', 'totp']] },
    { multi_factor_auth_rules: [['totp'], ['totp']] },
  ])
    await change(bad, 400);
  await change({ immutable: true });
  await admin.patch(at, { user: { name: 'other' } }, 403);
  await admin.delete(at, 403);
  await change({ immutable: false });
  await admin.delete(at);
});

test('attributes that nobody knows are kept with a user, and never a password', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const { user } = await admin.post(`${v3}/users`, {
    user: { name: ' Åsa ', email: 'a@example.org', project_id: 'x', original_password: 'secret', password: 'secret' },
  });
  t.like(user, { name: 'Åsa', email: 'a@example.org', project_id: 'x', password_expires_at: null, options: {} });
  t.notRegex(JSON.stringify(user), /secret/);
  const { user: changed } = await admin.patch(`${v3}/users/${user.id}`, { user: { description: 'd', phone: '1' } });
  t.deepEqual(changed, { ...user, description: 'd', phone: '1' });
  t.deepEqual((await admin.get(`${v3}/users/${user.id}`)).user, changed);
  t.deepEqual((await admin.get(`${v3}/users?name=${encodeURIComponent('Åsa')}`)).users, [changed]);
});

test('what a user cannot be is refused', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  for (const user of [
    { name: '' },
    { name: 'x'.repeat(256) },
    { name: 'a\nb' },
    { name: 'u', enabled: 'True' },
    { name: 'u', default_project_id: 'default' },
    { name: 'u', federated: [{ idp_id: 'nobody', protocols: [{ protocol_id: 'p', unique_id: 'u' }] }] },
    { name: 'u', email: 'nul\0' },
    { name: 'u', nested: { 'nul\0': 1 } },
    { name: 'u', password: '' },
  ])
    await admin.post(`${v3}/users`, { user }, 400);
  await admin.post(`${v3}/users`, { user: { name: 'u', domain_id: '0'.repeat(32) } }, 404);
  const { user } = await admin.post(`${v3}/users`, { user: { name: 'u', default_project_id: '0'.repeat(32) } });
  const at = `${v3}/users/${user.id}`;
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'elsewhere' } });
  await admin.patch(at, { user: { domain_id: domain.id } }, 400);
  await admin.patch(at, { user: { id: '0'.repeat(32) } }, 400);
  await admin.patch(at, { user: { default_project_id: domain.id } }, 400);
  await admin.patch(at, { user: { name: 'member' } }, 409);
  await admin.patch(at, { user: {} }, 400);
  await admin.patch(at, { user: { domain_id: 'default', id: user.id } });
  t.is((await admin.post(`${v3}/users`, { user: { name: 'U' } })).user.name, 'U');
});

test('users are found by what they are called, where they are and when their password expires', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'elsewhere' } });
  for (const name of ['100%', '100x', 'a_b', 'aXb', 'Case', 'case'])
    await admin.post(`${v3}/users`, { user: { name, domain_id: domain.id, enabled: name !== 'Case' } });
  const at = `domain_id=${domain.id}`;
  const found = async (query: string) =>
    (await admin.get(`${v3}/users?${at}&${query}`)).users.map((user: { name: string }) => user.name).sort();
  t.deepEqual(await found('name__startswith=100%25'), ['100%']);
  t.deepEqual(await found('name__contains=_'), ['a_b']);
  t.deepEqual(await found('name=case'), ['case']);
  t.deepEqual(await found('name__iequals=CASE'), ['Case', 'case']);
  t.deepEqual(await found('name__endswith=b'), ['aXb', 'a_b']);
  t.deepEqual(await found('enabled=False'), ['Case']);
  t.deepEqual(await found('unique_id=x'), []);

  await cloud.db('users').where({ name: 'case' }).update({ password_expires_at: '2030-01-02T03:04:05Z' });
  t.deepEqual(await found('password_expires_at=lt:2030-01-02T03:04:06Z'), ['case']);
  t.deepEqual(await found('password_expires_at=2030-01-02T03:04:05Z'), ['case']);
  t.deepEqual(
    await found('password_expires_at=gte:2029-01-01T00:00:00Z&password_expires_at=neq:2030-01-02T03:04:05Z'),
    [],
  );
  for (const bad of ['like:2030-01-02T03:04:05Z', 'lt:soon', 'constructor:2030-01-02T03:04:05Z', ''])
    await admin.get(`${v3}/users?password_expires_at=${bad}`, 400);
  await admin.get(`${v3}/users?name=%00`, 400);
  t.is((await admin.get(`${v3}/users?name=case`)).users[0].password_expires_at, '2030-01-02T03:04:05.000000');

  const first = await admin.get(`${v3}/users?${at}&limit=4`);
  t.is(first.users.length, 4);
  const { users, links } = await admin.get(new URL(first.links.next).pathname + new URL(first.links.next).search);
  t.is(users.length, 2);
  t.is(links.next, null);
});

test('managers of a domain have its users to themselves, and users see themselves', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'theirs' } });
  const on = { domain: domain.id };
  const manager = await somebody(t, cloud, { role: 'manager', on, inDomain: domain.id });
  const reader = await somebody(t, cloud, { role: 'reader', on, inDomain: domain.id });
  const { user } = await manager.post('/users', { user: { name: 'ours' } });
  t.is(user.domain_id, domain.id);
  for (const someone of [manager, reader]) {
    t.is((await someone.get('/users')).users.length, 3);
    t.deepEqual((await someone.get('/users?domain_id=default')).users, []);
    t.deepEqual((await someone.get(`/users/${user.id}`)).user, user);
    t.deepEqual((await someone.get(`/users/${user.id}/projects`)).projects, []);
  }
  await reader.post('/users', { user: { name: 'x' } }, 403);
  await reader.patch(`/users/${user.id}`, { user: { name: 'x' } }, 403);
  for (const id of [cloud.as('member').userId, '0'.repeat(32), 'a%00b']) {
    await manager.get(`/users/${id}`, 403);
    await manager.patch(`/users/${id}`, { user: { name: 'x' } }, 403);
    await manager.delete(`/users/${id}`, 403);
    await manager.get(`/users/${id}/groups`, 403);
  }
  await manager.post('/users', { user: { name: 'x', domain_id: 'default' } }, 403);
  await manager.patch(`/users/${user.id}`, { user: { name: 'renamed', password: 'new' } });
  await manager.delete(`/users/${user.id}`);
  await admin.get(`${v3}/users/${user.id}`, 404);

  const alone = await somebody(t, cloud, { on: null });
  for (const path of ['', '/projects', '/groups']) await alone.get(`/users/${alone.userId}${path}`);
  await alone.get('/users', 403);
  await alone.patch(`/users/${alone.userId}`, { user: { name: 'x' } }, 403);
});

test('the projects of a user are those that they reach, by themselves, by a group or from above', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const make = async (name: string, parent_id = 'default') =>
    (await admin.post(`${v3}/projects`, { project: { name, parent_id } })).project.id;
  const [own, shared, top] = [await make('own'), await make('shared'), await make('top')];
  await make('leaf', await make('below', top));
  const user = await somebody(t, cloud, { role: 'reader', on: { project: own } });
  const { group } = await admin.post(`${v3}/groups`, { group: { name: 'g' } });
  await admin.put(`${v3}/groups/${group.id}/users/${user.userId}`, undefined, 204);
  const { id: role_id } = await cloud.db('roles').where({ name: 'reader' }).first('id');
  await cloud.db('role_assignments').insert([
    { group_id: group.id, role_id, project_id: shared },
    { user_id: user.userId, role_id, project_id: top, inherited: true },
  ]);
  const names = async (query = '') =>
    (await user.get(`/users/${user.userId}/projects${query}`)).projects.map((one: { name: string }) => one.name);
  t.deepEqual(await names(), ['below', 'leaf', 'own', 'shared']);
  t.deepEqual(await names('?name__startswith=s'), ['shared']);
});

test('who reads a domain sees those of its users’ projects that are in it, and they themselves see all', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const make = async (name: string) => {
    const { domain } = await admin.post(`${v3}/domains`, { domain: { name } });
    const { project } = await admin.post(`${v3}/projects`, { project: { name: `of ${name}`, domain_id: domain.id } });
    return [domain.id, project.id];
  };
  const [[home, own], [, foreign]] = [await make('home'), await make('abroad')];
  const user = await somebody(t, cloud, { role: 'member', on: { project: own }, inDomain: home });
  const { roles } = await admin.get(`${v3}/roles?name=member`);
  for (const place of [`projects/${foreign}`, `domains/${home}`])
    await admin.put(`${v3}/${place}/users/${user.userId}/roles/${roles[0].id}`, undefined, 204);
  const reader = await somebody(t, cloud, { role: 'reader', on: { domain: home }, inDomain: home });
  const ofCloud = await somebody(t, cloud, { role: 'reader', on: 'system' });
  const ids = async (who: typeof user) =>
    (await who.get(`/users/${user.userId}/projects`)).projects.map((one: { id: string }) => one.id);
  t.deepEqual(await ids(reader), [own]);
  for (const who of [user, await user.again({ domain: { id: home } }), ofCloud])
    t.deepEqual((await ids(who)).toSorted(), [own, foreign].toSorted());
});

test('a user is who they are at identity providers, and is found by it', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  await cloud.db('identity_providers').insert({ id: 'corp', domain_id: 'default', enabled: true });
  await cloud.db('federation_protocols').insert({ identity_provider_id: 'corp', id: 'openid', mapping_id: 'm' });
  const federated = (unique_id: string) => [{ idp_id: 'corp', protocols: [{ protocol_id: 'openid', unique_id }] }];
  const { user } = await admin.post(`${v3}/users`, { user: { name: 'linked', federated: federated('one') } });
  t.deepEqual(user.federated, federated('one'));
  const found = async (query: string) => (await admin.get(`${v3}/users?${query}`)).users;
  t.deepEqual(await found('idp_id=corp&protocol_id=openid&unique_id=one'), [user]);
  t.deepEqual(await found('unique_id=two'), []);
  await admin.post(`${v3}/users`, { user: { name: 'other', federated: federated('one') } }, 409);
  t.deepEqual(await found('name=other'), []);
  const change = async (body: object) => (await admin.patch(`${v3}/users/${user.id}`, { user: body })).user.federated;
  t.deepEqual(await change({ federated: federated('two') }), federated('two'));
  t.deepEqual(await change({ federated: [] }), federated('two'));
  t.deepEqual((await admin.get(`${v3}/users/${user.id}`)).user.federated, federated('two'));

  // Whoever manages a domain can claim nobody of another domain's identity provider.
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'theirs' } });
  const manager = await somebody(t, cloud, { role: 'manager', on: { domain: domain.id }, inDomain: domain.id });
  const claim = { name: 'claims', federated: federated('three') };
  const { error } = await manager.post('/users', { user: claim }, 400);
  t.is(error.message, 'There is no protocol openid of an identity provider corp.');
  const own = [{ idp_id: 'own', protocols: [{ protocol_id: 'openid', unique_id: 'x' }] }];
  t.is(
    (await manager.post('/users', { user: { ...claim, federated: own } }, 400)).error.message,
    'There is no protocol openid of an identity provider own.',
  );
  await cloud.db('identity_providers').insert({ id: 'own', domain_id: domain.id, enabled: true });
  await cloud.db('federation_protocols').insert({ identity_provider_id: 'own', id: 'openid', mapping_id: 'm' });
  const claimed = await manager.post('/users', { user: { ...claim, federated: own } });
  await manager.patch(`/users/${claimed.user.id}`, { user: { federated: federated('three') } }, 400);
});
