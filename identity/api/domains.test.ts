import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { somebody } from '../testing/somebody.ts';

const v3 = '/identity/v3';

test('a domain is created, found, changed, and deleted with all that is in it once it is disabled', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { domain } = await admin.post(`${v3}/domains`, {
    domain: { name: ' Weiß ☃ ', description: 'd', color: 'white', options: { immutable: false } },
  });
  t.like(domain, {
    name: 'Weiß ☃',
    description: 'd',
    enabled: true,
    tags: [],
    color: 'white',
    options: { immutable: false },
  });
  const { domains } = await admin.get(`${v3}/domains?name=${encodeURIComponent('Weiß ☃')}&enabled=True`);
  t.deepEqual(domains, [domain]);
  t.deepEqual((await admin.get(`${v3}/domains?name__contains=ß&enabled=False`)).domains, []);
  await admin.post(`${v3}/domains`, { domain: { name: 'Weiß ☃' } }, 409);

  const at = { domain_id: domain.id };
  const { project } = await admin.post(`${v3}/projects`, { project: { name: 'p', ...at } });
  await admin.post(`${v3}/projects`, { project: { name: 'child', parent_id: project.id } });
  const inside = await somebody(t, cloud, { role: 'reader', on: { project: project.id }, inDomain: domain.id });
  const guest = await somebody(t, cloud, { role: 'reader', on: { project: project.id } });
  const { group } = await admin.post(`${v3}/groups`, { group: { name: 'g', ...at } });
  await admin.put(`${v3}/groups/${group.id}/users/${guest.userId}`, undefined, 204);
  for (const user of [inside, guest]) await user.get(`/users/${user.userId}`);

  await admin.delete(`${v3}/domains/${domain.id}`, 403);
  await admin.patch(`${v3}/domains/${domain.id}`, { domain: { enabled: false, color: null } });
  t.is((await admin.get(`${v3}/domains/${domain.id}`)).domain.color, null);
  for (const user of [inside, guest]) await user.get(`/users/${user.userId}`, 401);
  await admin.post(`${v3}/projects`, { project: { name: 'late', ...at } }, 400);

  await admin.delete(`${v3}/domains/${domain.id}`);
  for (const path of [`domains/${domain.id}`, `projects/${project.id}`, `users/${inside.userId}`, `groups/${group.id}`])
    await admin.get(`${v3}/${path}`, 404);
  t.deepEqual((await admin.get(`${v3}/users/${guest.userId}/groups`)).groups, []);
  await admin.delete(`${v3}/domains/${domain.id}`, 404);
});

test('what a domain gave ends with it, also for those of other domains', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { projectId } = cloud.as('member');
  const { roles } = await admin.get(`${v3}/roles?name=reader`);
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'giving' } });
  const { group } = await admin.post(`${v3}/groups`, { group: { name: 'g', domain_id: domain.id } });
  await admin.put(`${v3}/projects/${projectId}/groups/${group.id}/roles/${roles[0].id}`, undefined, 204);
  const guest = await somebody(t, cloud, { on: null });
  await admin.put(`${v3}/groups/${group.id}/users/${guest.userId}`, undefined, 204);
  const owner = await somebody(t, cloud, { on: { domain: domain.id }, role: 'reader' });
  const byGroup = await guest.again({ project: { id: projectId } });
  for (const someone of [byGroup, owner]) await someone.get(`/users/${someone.userId}`);
  await admin.patch(`${v3}/domains/${domain.id}`, { domain: { enabled: false } });
  await byGroup.get(`/users/${guest.userId}`);
  await owner.get(`/users/${owner.userId}`, 401);
  await admin.delete(`${v3}/domains/${domain.id}`);
  await byGroup.get(`/users/${guest.userId}`, 401);
});

test('disabling a domain ends what its users handed on to others', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { projectId } = cloud.as('member');
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'handing-on' } });
  const trustor = await somebody(t, cloud, { role: 'member', on: { project: projectId }, inDomain: domain.id });
  const trustee = await somebody(t, cloud, { on: null });
  const { trust } = await trustor.post('/OS-TRUST/trusts', {
    trust: {
      trustor_user_id: trustor.userId,
      trustee_user_id: trustee.userId,
      project_id: projectId,
      impersonation: false,
      roles: [{ name: 'member' }],
    },
  });
  const entrusted = await trustee.again({ 'OS-TRUST:trust': { id: trust.id } });
  await entrusted.get(`/users/${trustee.userId}`);
  await admin.patch(`${v3}/domains/${domain.id}`, { domain: { enabled: false } });
  await entrusted.get(`/users/${trustee.userId}`, 401);
  await trustee.get(`/users/${trustee.userId}`);
});

test('disabling a domain ends what its users have from others, though it is in the name of those', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { projectId } = cloud.as('member');
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'trustees' } });
  const trustor = await somebody(t, cloud, { role: 'member', on: { project: projectId } });
  const between = await somebody(t, cloud, { on: null, inDomain: domain.id });
  const last = await somebody(t, cloud, { on: null });
  const handOn = async (giver: typeof trustor, taker: typeof trustor, more: object = {}) => {
    const trust = { trustor_user_id: trustor.userId, trustee_user_id: taker.userId, project_id: projectId };
    const rest = { impersonation: true, roles: [{ name: 'member' }], ...more };
    const made = await giver.post('/OS-TRUST/trusts', { trust: { ...trust, ...rest } });
    return taker.again({ 'OS-TRUST:trust': { id: made.trust.id } });
  };
  const entrusted = await handOn(trustor, between, { allow_redelegation: true });
  const further = await handOn(entrusted, last);
  for (const one of [entrusted, further]) await one.get(`/users/${trustor.userId}`);
  await admin.patch(`${v3}/domains/${domain.id}`, { domain: { enabled: false } });
  for (const one of [entrusted, further]) await one.get(`/users/${trustor.userId}`, 401);
  for (const one of [trustor, last]) await one.get(`/users/${one.userId}`);

  await admin.patch(`${v3}/domains/${domain.id}`, { domain: { enabled: true } });
  const { id } = await cloud.db('trusts').where({ trustee_user_id: between.userId }).first('id');
  const again = await between.again({ 'OS-TRUST:trust': { id } });
  await again.get(`/users/${trustor.userId}`);
  await cloud.db('domains').where({ id: domain.id }).update({ enabled: false }); // that deleting alone ends them
  await admin.delete(`${v3}/domains/${domain.id}`);
  await again.get(`/users/${trustor.userId}`, 401);
  await trustor.get(`/users/${trustor.userId}`);
});

test('an immutable domain is neither changed nor deleted until that alone is taken back', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const options = { immutable: true };
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'kept', enabled: false, options } });
  const at = `${v3}/domains/${domain.id}`;
  await admin.patch(at, { domain: { description: 'd' } }, 403);
  await admin.patch(at, { domain: { options: { immutable: true } } }, 403);
  await admin.patch(at, { domain: { description: 'd', options: { immutable: false } } }, 403);
  await admin.delete(at, 403);
  t.deepEqual((await admin.patch(at, { domain: { options: { immutable: null } } })).domain.options, {});
  await admin.delete(at);
});

test('what a domain cannot be is refused', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  for (const domain of [
    { name: '' },
    { name: '  ' },
    { name: 'x'.repeat(65) },
    { name: 'nul\0' },
    { name: 1 },
    { name: 'd', enabled: 'no' },
    { name: 'd', options: { unknown: true } },
    { name: 'd', explicit_domain_id: 'short' },
    { name: 'd', property: 'nul \0' },
    { name: 'd', property: '\ud800' },
    { name: 'd', property: 'x'.repeat(70_000) },
    {},
  ])
    await admin.post(`${v3}/domains`, { domain }, 400);
  const id = 'ab'.repeat(16);
  t.is((await admin.post(`${v3}/domains`, { domain: { name: 'chosen', explicit_domain_id: id } })).domain.id, id);
  await admin.post(`${v3}/domains`, { domain: { name: 'again', explicit_domain_id: id } }, 409);
  await admin.patch(`${v3}/domains/${id}`, { domain: { id: 'cd'.repeat(16) } }, 400);
  await admin.patch(`${v3}/domains/${id}`, { domain: { name: 'Default' } }, 409);
  await admin.patch(`${v3}/domains/${'0'.repeat(32)}`, { domain: { name: 'x' } }, 404);
});

test('a domain shows itself to those in it, and only the cloud’s administrators make and change domains', async (t) => {
  const cloud = await startTestCloud(t);
  const { domain } = await cloud.as('admin').post(`${v3}/domains`, { domain: { name: 'elsewhere' } });
  const member = cloud.as('member');
  t.is((await member.get(`${v3}/domains/default`)).domain.id, 'default');
  for (const id of [domain.id, '0'.repeat(32)]) await member.get(`${v3}/domains/${id}`, 403);
  await member.get(`${v3}/domains`, 403);

  const manager = await somebody(t, cloud, { role: 'admin', on: { domain: domain.id }, inDomain: domain.id });
  t.deepEqual(
    (await manager.get('/domains')).domains.map((one: { id: string }) => one.id),
    [domain.id],
  );
  await manager.get(`/domains/${domain.id}`);
  await manager.get('/domains/default', 403);
  await manager.post('/domains', { domain: { name: 'mine' } }, 403);
  await manager.post('/projects', { project: { name: 'mine', is_domain: true } }, 403);
  await manager.patch(`/domains/${domain.id}`, { domain: { name: 'mine' } }, 403);
  await manager.patch(`/projects/${domain.id}`, { project: { name: 'mine' } }, 403);
  await manager.delete(`/domains/${domain.id}`, 403);

  const auditor = await somebody(t, cloud, { role: 'reader', on: 'system' });
  t.is((await auditor.get('/domains')).domains.length, 2);
  await auditor.get(`/domains/${domain.id}`);
  await auditor.patch(`/domains/${domain.id}`, { domain: { name: 'mine' } }, 403);
});

test('a domain is a project too, which acts as one', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const asked = { name: 'acting', is_domain: true, domain_id: null, tags: ['red'] };
  const { project } = await admin.post(`${v3}/projects`, { project: asked });
  t.like(project, { name: 'acting', is_domain: true, domain_id: null, parent_id: null, enabled: true, tags: ['red'] });
  t.is((await admin.get(`${v3}/domains/${project.id}`)).domain.name, 'acting');
  t.deepEqual((await admin.get(`${v3}/projects/${project.id}`)).project, project);
  t.deepEqual((await admin.get(`${v3}/projects?is_domain=True&tags=red`)).projects, [project]);
  t.deepEqual((await admin.get(`${v3}/projects?name=acting`)).projects, []);
  await admin.post(`${v3}/projects`, { project: { name: 'x', is_domain: true, domain_id: 'default' } }, 400);
  t.is((await admin.put(`${v3}/projects/${project.id}/tags`, { tags: ['blue'] }, 200)).tags[0], 'blue');

  const { project: child } = await admin.post(`${v3}/projects`, { project: { name: 'c', domain_id: project.id } });
  const { subtree } = (await admin.get(`${v3}/projects/${project.id}?subtree_as_ids`)).project;
  t.deepEqual(subtree, { [child.id]: null });
  const below = await admin.get(`${v3}/projects?parent_id=${project.id}`);
  t.deepEqual(below.projects, [child]);

  await admin.patch(`${v3}/projects/${project.id}`, { project: { is_domain: false } }, 400);
  await admin.delete(`${v3}/projects/${project.id}`, 403);
  await admin.patch(`${v3}/projects/${project.id}`, { project: { enabled: false } });
  await admin.delete(`${v3}/projects/${project.id}`);
  await admin.get(`${v3}/domains/${project.id}`, 404);
});
