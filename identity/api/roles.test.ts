import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { somebody } from '../testing/somebody.ts';

const v3 = '/identity/v3';

test('a role is created, found by parts of its name, changed and deleted', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const { role } = await admin.post(`${v3}/roles`, { role: { name: 'Wächter_☃', description: 'sees all' } });
  t.deepEqual(role, {
    id: role.id,
    name: 'Wächter_☃',
    description: 'sees all',
    domain_id: null,
    options: {},
    links: { self: `http://cloud.test/identity/v3/roles/${role.id}` },
  });
  const list = async (query: string) => (await admin.get(`${v3}/roles?${query}`)).roles;
  t.deepEqual(await list(`name=${encodeURIComponent('Wächter_☃')}`), [role]);
  t.deepEqual(await list(`name__icontains=${encodeURIComponent('CHTER_')}`), [role]);
  t.deepEqual(await list('name__contains=%25'), [], 'a wildcard of SQL stands for itself');
  t.deepEqual(
    (await list('name__startswith=m')).map((one: { name: string }) => one.name),
    ['manager', 'member'],
  );
  const changed = await admin.patch(`${v3}/roles/${role.id}`, { role: { name: 'warden', description: null } });
  t.deepEqual(changed.role, { ...role, name: 'warden', description: null });
  t.deepEqual((await admin.get(`${v3}/roles/${role.id}`)).role, changed.role);
  await admin.delete(`${v3}/roles/${role.id}`);
  await admin.get(`${v3}/roles/${role.id}`, 404);
  await admin.patch(`${v3}/roles/${role.id}`, { role: { name: 'again' } }, 404);
  await admin.delete(`${v3}/roles/${role.id}`, 404);
});

test('attributes that the API does not know are kept and shown', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const { role } = await admin.post(`${v3}/roles`, { role: { name: 'x', color: 'red', nested: { deep: [1, null] } } });
  t.like(role, { name: 'x', color: 'red', nested: { deep: [1, null] } });
  const changed = await admin.patch(`${v3}/roles/${role.id}`, { role: { color: 'blue', size: 7 } });
  t.deepEqual(changed.role, { ...role, color: 'blue', size: 7 });
  t.deepEqual((await admin.get(`${v3}/roles?name=x`)).roles, [changed.role]);
  await admin.patch(`${v3}/roles/${role.id}`, { role: { id: 'f'.repeat(32) } }, 400);
  await admin.patch(`${v3}/roles/${role.id}`, { role: { big: 'x'.repeat(70_000) } }, 400);
  await admin.post(`${v3}/roles`, { role: { name: 'y', nul: '\0' } }, 400);
});

test('roles are listed in pages', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const names: string[] = [];
  let next: string | null = `${v3}/roles?limit=2`;
  for (let pages = 0; next !== null && pages < 10; pages += 1) {
    const page: { roles: { name: string }[]; links: { next: string | null } } = await admin.get(next);
    t.true(page.roles.length <= 2);
    names.push(...page.roles.map((role) => role.name));
    next = page.links.next?.replace('http://cloud.test', '') ?? null;
  }
  t.deepEqual(names, ['admin', 'manager', 'member', 'reader', 'service']);
});

test('a domain has roles of its own, which only those who see everything see', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { role } = await admin.post(`${v3}/roles`, { role: { name: 'member', domain_id: 'default' } });
  t.is(role.domain_id, 'default');
  t.deepEqual((await admin.get(`${v3}/roles?domain_id=default`)).roles, [role]);
  t.false((await admin.get(`${v3}/roles`)).roles.some((one: { id: string }) => one.id === role.id));
  await admin.post(`${v3}/roles`, { role: { name: 'member', domain_id: 'default' } }, 409);
  await admin.post(`${v3}/roles`, { role: { name: 'member', domain_id: 'f'.repeat(32) } }, 404);
  await admin.patch(`${v3}/roles/${role.id}`, { role: { domain_id: null } }, 400);
  t.is(
    (await admin.patch(`${v3}/roles/${role.id}`, { role: { name: 'guest', domain_id: 'default' } })).role.name,
    'guest',
  );
  await admin.patch(`${v3}/roles/${role.id}`, { role: { name: 'member' } });

  const manager = await somebody(t, cloud, { role: 'manager', on: { domain: 'default' } });
  const { roles } = await manager.get('/roles');
  t.deepEqual(
    roles.map((one: { name: string }) => one.name),
    ['admin', 'manager', 'member', 'reader', 'service'],
  );
  const named = (name: string) => roles.find((one: { name: string }) => one.name === name).id;
  await manager.get(`/roles/${named('member')}`);
  await manager.get(`/roles/${named('admin')}`, 403);
  await manager.get(`/roles/${'f'.repeat(32)}`, 403);
  await manager.get('/roles?domain_id=default', 403);
  await manager.get(`/roles/${role.id}`, 403);
  await manager.post('/roles', { role: { name: 'mine', domain_id: 'default' } }, 403);
  const auditor = await somebody(t, cloud, { role: 'reader', on: 'system' });
  await auditor.get(`/roles/${role.id}`);
  await auditor.get('/roles?domain_id=default');
  await auditor.delete(`/roles/${role.id}`, 403);
  for (const persona of ['member', 'nobody', 'stranger'] as const) await cloud.as(persona).get(`${v3}/roles`, 403);
});

test('an immutable role is neither changed nor deleted, until it is made mutable by that alone', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const { roles } = await admin.get(`${v3}/roles`);
  for (const role of roles) {
    t.deepEqual(role.options, { immutable: true }, role.name);
    await admin.delete(`${v3}/roles/${role.id}`, 403);
  }
  const path = `${v3}/roles/${roles[0].id}`;
  await admin.patch(path, { role: { description: 'other' } }, 403);
  await admin.patch(path, { role: { options: { immutable: true } } }, 403);
  await admin.patch(path, { role: { name: 'root', options: { immutable: false } } }, 403);
  t.deepEqual((await admin.get(path)).role, roles[0], 'nothing changed');
  t.deepEqual((await admin.patch(path, { role: { options: { immutable: null } } })).role.options, {});
  t.is((await admin.patch(path, { role: { description: 'other' } })).role.description, 'other');
  await admin.patch(path, { role: { options: { immutable: true } } });
  await admin.delete(path, 403);
});

test('what cannot be a role is refused', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const refused = [
    { name: '' },
    { name: '   ' },
    { name: 'a'.repeat(256) },
    { name: 'nul\0' },
    { name: 7 },
    { name: ['list'] },
    {},
    { name: 'x', description: 7 },
    { name: 'x', domain_id: 7 },
    { name: 'x', options: { immutable: 'yes' } },
    { name: 'x', options: { other: true } },
    { name: 'x', options: [] },
  ];
  for (const role of refused) await admin.post(`${v3}/roles`, { role }, 400);
  await admin.post(`${v3}/roles`, { name: 'x' }, 400);
  await admin.post(`${v3}/roles`, { role: { name: 'reader' } }, 409);
  const { role } = await admin.post(`${v3}/roles`, { role: { name: 'x' } });
  for (const change of refused.slice(0, 5)) await admin.patch(`${v3}/roles/${role.id}`, { role: change }, 400);
  await admin.patch(`${v3}/roles/${role.id}`, { role: {} }, 400);
  await admin.patch(`${v3}/roles/${role.id}`, { role: { name: 'reader' } }, 409);
  await admin.get(`${v3}/roles?name=%00`, 400);
  await admin.get(`${v3}/roles?limit=-1`, 400);
  await admin.get(`${v3}/roles?marker=nothing`, 400);
  await admin.get(`${v3}/roles/${encodeURIComponent("'; drop table roles; --")}`, 404);
  t.is((await cloud.db('roles').count('id as n').first())?.n, 6);
});

test('deleting a role ends the tokens of those who had it, or had it implied', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  await member.get(`${v3}/auth/projects`);
  const { roles } = await admin.get(`${v3}/roles?name=reader`);
  const path = `${v3}/roles/${roles[0].id}`;
  await admin.patch(path, { role: { options: { immutable: false } } });
  await admin.delete(path);
  await member.get(`${v3}/auth/projects`, 401);
});
