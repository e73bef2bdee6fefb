import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { somebody } from '../testing/somebody.ts';

const v3 = '/identity/v3';

test('a group is created, found, changed, filled, emptied and deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { group } = await admin.post(`${v3}/groups`, { group: { name: ' Ops ☃ ', project_id: 'x' } });
  t.like(group, { name: 'Ops ☃', domain_id: 'default', description: '', project_id: 'x' });
  t.deepEqual((await admin.get(`${v3}/groups?name__contains=☃&domain_id=default`.replace('☃', '%E2%98%83'))).groups, [
    group,
  ]);
  const at = `${v3}/groups/${group.id}`;
  const { group: changed } = await admin.patch(at, { group: { description: 'd', project_id: null } });
  t.deepEqual(changed, { ...group, description: 'd', project_id: null });
  await admin.post(`${v3}/groups`, { group: { name: 'Ops ☃' } }, 409);

  const [member, stranger] = [cloud.as('member').userId, cloud.as('stranger').userId];
  for (const id of [member, member, stranger]) await admin.put(`${at}/users/${id}`, undefined, 204);
  await admin.get(`${at}/users/${member}`, 204);
  t.is((await admin.request({ method: 'HEAD', path: `${at}/users/${member}` })).status, 204);
  const { users } = await admin.get(`${at}/users`);
  t.deepEqual(users, [
    (await admin.get(`${v3}/users/${member}`)).user,
    (await admin.get(`${v3}/users/${stranger}`)).user,
  ]);
  t.is((await admin.get(`${at}/users?name=member&enabled=True`)).users.length, 1);
  t.deepEqual((await admin.get(`${at}/users?password_expires_at=lt:2999-01-01T00:00:00Z`)).users, []);
  const { groups } = await cloud.as('member').get(`${v3}/users/${member}/groups`);
  t.deepEqual(groups, [{ ...changed, membership_expires_at: null }]);

  await admin.delete(`${at}/users/${member}`);
  for (const id of [member, '0'.repeat(32)]) {
    await admin.delete(`${at}/users/${id}`, 404);
    await admin.get(`${at}/users/${id}`, 404);
  }
  await admin.put(`${at}/users/${'0'.repeat(32)}`, undefined, 404);
  await admin.put(`${v3}/groups/${'0'.repeat(32)}/users/${member}`, undefined, 404);
  await admin.delete(at);
  for (const path of ['', '/users']) await admin.get(at + path, 404);
  await admin.delete(at, 404);
});

test('what a group cannot be is refused', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  for (const group of [
    { name: '' },
    { name: 'x'.repeat(256) },
    { name: 'nul\0' },
    { name: 'g', description: 'nul\0' },
    {},
  ])
    await admin.post(`${v3}/groups`, { group }, 400);
  await admin.post(`${v3}/groups`, { group: { name: 'g', domain_id: '0'.repeat(32) } }, 404);
  const { group } = await admin.post(`${v3}/groups`, { group: { name: 'g' } });
  await admin.post(`${v3}/groups`, { group: { name: 'h' } });
  const at = `${v3}/groups/${group.id}`;
  await admin.patch(at, { group: { name: 'h' } }, 409);
  await admin.patch(at, { group: { domain_id: 'elsewhere' } }, 400);
  await admin.patch(at, { group: { id: 'x' } }, 400);
  await admin.patch(at, { group: {} }, 400);
  await admin.patch(`${v3}/groups/${'0'.repeat(32)}`, { group: { name: 'i' } }, 404);
  t.is((await admin.patch(at, { group: { name: 'G', domain_id: 'default' } })).group.name, 'G');
});

test('whoever leaves a group, or whose group goes, has no tokens from before', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const [leaves, stays] = [await somebody(t, cloud, { on: null }), await somebody(t, cloud, { on: null })];
  const { group } = await admin.post(`${v3}/groups`, { group: { name: 'g' } });
  for (const { userId } of [leaves, stays]) await admin.put(`${v3}/groups/${group.id}/users/${userId}`, undefined, 204);
  await leaves.get(`/users/${leaves.userId}`);
  await admin.delete(`${v3}/groups/${group.id}/users/${leaves.userId}`);
  await leaves.get(`/users/${leaves.userId}`, 401);
  await stays.get(`/users/${stays.userId}`);
  // A group that was granted nothing gave nothing that a token could carry.
  const { group: idle } = await admin.post(`${v3}/groups`, { group: { name: 'idle' } });
  await admin.put(`${v3}/groups/${idle.id}/users/${stays.userId}`, undefined, 204);
  await admin.delete(`${v3}/groups/${idle.id}`);
  await stays.get(`/users/${stays.userId}`);
  const { roles } = await admin.get(`${v3}/roles?name=reader`);
  const place = `${v3}/projects/${cloud.as('member').projectId}`;
  await admin.put(`${place}/groups/${group.id}/roles/${roles[0].id}`, undefined, 204);
  await admin.delete(`${v3}/groups/${group.id}`);
  await stays.get(`/users/${stays.userId}`, 401);
});

test('managers of a domain have its groups to themselves, and its users in them', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'theirs' } });
  const on = { domain: domain.id };
  const manager = await somebody(t, cloud, { role: 'manager', on, inDomain: domain.id });
  const reader = await somebody(t, cloud, { role: 'reader', on, inDomain: domain.id });
  const foreign = cloud.as('member').userId;
  const { group: foreignGroup } = await admin.post(`${v3}/groups`, { group: { name: 'g' } });
  const { group } = await manager.post('/groups', { group: { name: 'ours' } });
  t.is(group.domain_id, domain.id);
  await manager.put(`/groups/${group.id}/users/${reader.userId}`);
  await admin.put(`${v3}/groups/${group.id}/users/${foreign}`, undefined, 204);
  for (const someone of [manager, reader]) {
    t.deepEqual((await someone.get('/groups')).groups, [group]);
    await someone.get(`/groups/${group.id}`);
    await someone.get(`/groups/${group.id}/users/${reader.userId}`, 204);
    const { users } = await someone.get(`/groups/${group.id}/users`);
    t.deepEqual(
      users.map((user: { id: string }) => user.id),
      [reader.userId],
    );
  }
  await reader.patch(`/groups/${group.id}`, { group: { name: 'x' } }, 403);
  await reader.put(`/groups/${group.id}/users/${manager.userId}`, undefined, 403);
  for (const id of [foreign, '0'.repeat(32)]) {
    await manager.put(`/groups/${group.id}/users/${id}`, undefined, 403);
    await manager.get(`/groups/${group.id}/users/${id}`, 403);
  }
  for (const id of [foreignGroup.id, '0'.repeat(32)]) {
    await manager.get(`/groups/${id}`, 403);
    await manager.get(`/groups/${id}/users`, 403);
    await manager.put(`/groups/${id}/users/${reader.userId}`, undefined, 403);
    await manager.delete(`/groups/${id}`, 403);
  }
  await manager.post('/groups', { group: { name: 'x', domain_id: 'default' } }, 403);
  await manager.delete(`/groups/${group.id}/users/${reader.userId}`);
  await manager.delete(`/groups/${group.id}`);
});
