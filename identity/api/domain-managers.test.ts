/** Who manages a domain manages its users, and not those of them who reach the whole cloud. */
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { somebody } from '../testing/somebody.ts';

const v3 = '/identity/v3';

test('the manager of a domain cannot become an administrator of the cloud by way of one who is in the domain', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const manager = await somebody(t, cloud, { role: 'manager', on: { domain: 'default' } });
  const { roles } = await admin.get(`${v3}/roles?name=admin`);
  const grant = (actor: string, place: string) =>
    admin.put(`${v3}/${place}/${actor}/roles/${roles[0].id}`, undefined, 204);

  const byGroup = await somebody(t, cloud, { on: null });
  const { group } = await admin.post(`${v3}/groups`, { group: { name: 'operators' } });
  await admin.put(`${v3}/groups/${group.id}/users/${byGroup.userId}`, undefined, 204);
  await grant(`groups/${group.id}`, 'system');
  const fromAbove = await somebody(t, cloud, { on: null });
  const inherited = `${v3}/OS-INHERIT/domains/default/users/${fromAbove.userId}/roles/${roles[0].id}`;
  await admin.put(`${inherited}/inherited_to_projects`, undefined, 204);

  for (const userId of [admin.userId, byGroup.userId, fromAbove.userId]) {
    await manager.get(`/users/${userId}`);
    await manager.patch(`/users/${userId}`, { user: { password: 'the manager knows it' } }, 403);
    await manager.patch(`/users/${userId}`, { user: { enabled: false } }, 403);
    await manager.delete(`/users/${userId}`, 403);
  }
  await manager.put(`/groups/${group.id}/users/${manager.userId}`, undefined, 403);
  await manager.delete(`/groups/${group.id}/users/${byGroup.userId}`, 403);
  await manager.patch(`/groups/${group.id}`, { group: { name: 'renamed' } }, 403);
  await manager.delete(`/groups/${group.id}`, 403);
});

test('nor by way of whom an administrator trusts, or of who sees the whole cloud', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const manager = await somebody(t, cloud, { role: 'manager', on: { domain: 'default' } });
  const reader = await somebody(t, cloud, { role: 'reader', on: 'system' });
  const trusted = async (role: string) => {
    const trustee = await somebody(t, cloud, { on: null });
    const who = { trustor_user_id: admin.userId, trustee_user_id: trustee.userId, project_id: admin.projectId };
    await admin.post(`${v3}/OS-TRUST/trusts`, { trust: { ...who, impersonation: false, roles: [{ name: role }] } });
    return trustee.userId;
  };
  const { group } = await admin.post(`${v3}/groups`, { group: { name: 'auditors' } });
  const { roles } = await admin.get(`${v3}/roles?name=reader`);
  await admin.put(`${v3}/system/groups/${group.id}/roles/${roles[0].id}`, undefined, 204);
  const auditor = await somebody(t, cloud, { on: null });
  await admin.put(`${v3}/groups/${group.id}/users/${auditor.userId}`, undefined, 204);

  for (const userId of [reader.userId, await trusted('admin'), auditor.userId]) {
    await manager.get(`/users/${userId}`);
    await manager.patch(`/users/${userId}`, { user: { password: 'the manager knows it' } }, 403);
    await manager.delete(`/users/${userId}`, 403);
  }
  await manager.put(`/groups/${group.id}/users/${manager.userId}`, undefined, 403);
  await manager.delete(`/groups/${group.id}`, 403);
  await manager.patch(`/users/${await trusted('member')}`, { user: { password: 'the manager knows it' } });
});

test('others of the domain are the manager’s, also who administrates the domain alone', async (t) => {
  const cloud = await startTestCloud(t);
  const manager = await somebody(t, cloud, { role: 'manager', on: { domain: 'default' } });
  const ofDomain = await somebody(t, cloud, { role: 'admin', on: { domain: 'default' } });
  const { group } = await manager.post('/groups', { group: { name: 'people', domain_id: 'default' } }, 201);
  for (const { userId } of [ofDomain, await somebody(t, cloud, { on: null })]) {
    await manager.patch(`/users/${userId}`, { user: { description: 'changed' } });
    await manager.put(`/groups/${group.id}/users/${userId}`, undefined, 204);
    await manager.delete(`/users/${userId}`, 204);
  }
  await manager.delete(`/groups/${group.id}`, 204);
});
