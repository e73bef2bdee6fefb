import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { logIn, somebody } from '../testing/somebody.ts';

const v3 = '/identity/v3';
const absent = 'f'.repeat(32);

async function roleIds(cloud: TestCloud): Promise<Record<string, string>> {
  const rows = await cloud.db('roles').whereNull('domain_id').select('id', 'name');
  return Object.fromEntries(rows.map(({ id, name }) => [name, id]));
}

/** A group with this user in it. */
async function groupOf(cloud: TestCloud, userId: string): Promise<string> {
  const { group } = await cloud.as('admin').post(`${v3}/groups`, { group: { name: randomUUID() } });
  await cloud.as('admin').put(`${v3}/groups/${group.id}/users/${userId}`, undefined, 204);
  return group.id;
}

async function setUp(t: ExecutionContext, overrides: Record<string, string> = {}) {
  const cloud = await startTestCloud(t, overrides);
  const { projectId } = cloud.as('stranger');
  const { project } = await cloud
    .as('admin')
    .post(`${v3}/projects`, { project: { name: 'below', parent_id: projectId } });
  const user = await somebody(t, cloud, { on: null });
  const groupId = await groupOf(cloud, user.userId);
  return {
    cloud,
    admin: cloud.as('admin'),
    projectId,
    below: project.id as string,
    user,
    groupId,
    roles: await roleIds(cloud),
  };
}

test('roles are given to users and groups on projects, domains and the system, shown and taken', async (t) => {
  const { admin, projectId, user, groupId, roles } = await setUp(t);
  for (const place of [`projects/${projectId}`, 'domains/default', 'system'])
    for (const actor of [`users/${user.userId}`, `groups/${groupId}`]) {
      const list = `${v3}/${place}/${actor}/roles`;
      const one = `${list}/${roles.member}`;
      t.deepEqual((await admin.get(list)).roles, []);
      await admin.get(one, 404);
      await admin.delete(one, 404);
      await admin.put(one, undefined, 204);
      await admin.put(one, undefined, 204);
      const given = await admin.get(list);
      t.deepEqual(
        given.roles.map(({ id, name }: { id: string; name: string }) => ({ id, name })),
        [{ id: roles.member, name: 'member' }],
        'what it implies is not given',
      );
      t.is(given.links.self, `http://cloud.test${list}`);
      await admin.get(one, 204);
      t.is((await admin.request({ method: 'HEAD', path: one })).status, 204);
      await admin.get(`${list}/${roles.reader}`, 404);
      await admin.delete(one);
      t.is((await admin.request({ method: 'HEAD', path: one })).status, 404);
    }
});

test('inherited roles are given apart from those on the place itself', async (t) => {
  const { cloud, admin, projectId, below, user, groupId, roles } = await setUp(t);
  for (const place of [`projects/${projectId}`, 'domains/default'])
    for (const actor of [`users/${user.userId}`, `groups/${groupId}`]) {
      const one = `${v3}/OS-INHERIT/${place}/${actor}/roles/${roles.member}/inherited_to_projects`;
      await admin.get(one, 404);
      await admin.put(one, undefined, 204);
      await admin.get(one, 204);
      t.is((await admin.request({ method: 'HEAD', path: one })).status, 204);
      t.deepEqual((await admin.get(`${v3}/${place}/${actor}/roles`)).roles, []);
      await admin.get(`${v3}/${place}/${actor}/roles/${roles.member}`, 404);
      const list = await admin.request({
        method: 'GET',
        path: `${v3}/OS-INHERIT/${place}/${actor}/roles/inherited_to_projects`,
      });
      t.is(list.status, place.startsWith('domains') ? 200 : 404);
      if (list.status === 200) t.is(list.body.roles[0].id, roles.member);

      const token = await logIn(cloud, user.userId, { project: { id: below } });
      await t.throwsAsync(() => logIn(cloud, user.userId, { domain: { id: 'default' } }));
      if (place.startsWith('projects'))
        await t.throwsAsync(() => logIn(cloud, user.userId, { project: { id: projectId } }));
      const use = async () =>
        (
          await cloud.anonymous.request({
            method: 'GET',
            path: `${v3}/auth/projects`,
            headers: { 'x-auth-token': token },
          })
        ).status;
      t.is(await use(), 200);
      await admin.delete(one);
      t.is(await use(), 401);
      await admin.delete(one, 404);
    }
});

test('each of the things that a grant is about must be there', async (t) => {
  const { admin, projectId, user, groupId, roles } = await setUp(t);
  const paths = [
    `projects/${absent}/users/${user.userId}/roles/${roles.member}`,
    `projects/${projectId}/users/${absent}/roles/${roles.member}`,
    `projects/${projectId}/groups/${absent}/roles/${roles.member}`,
    `projects/${projectId}/groups/${user.userId}/roles/${roles.member}`,
    `projects/${projectId}/users/${groupId}/roles/${roles.member}`,
    `projects/${projectId}/users/${user.userId}/roles/${absent}`,
    `domains/${absent}/users/${user.userId}/roles/${roles.member}`,
    `system/users/${absent}/roles/${roles.member}`,
    `system/groups/${groupId}/roles/${absent}`,
    `OS-INHERIT/domains/${absent}/users/${user.userId}/roles/${roles.member}/inherited_to_projects`,
    `OS-INHERIT/projects/${projectId}/groups/${absent}/roles/${roles.member}/inherited_to_projects`,
    `projects/${encodeURIComponent("' or true --")}/users/${user.userId}/roles/${roles.member}`,
  ];
  for (const path of paths)
    for (const method of ['PUT', 'GET', 'DELETE'])
      t.is((await admin.request({ method, path: `${v3}/${path}` })).status, 404, `${method} ${path}`);
  await admin.get(`${v3}/projects/${absent}/users/${user.userId}/roles`, 404);
  await admin.get(`${v3}/domains/default/groups/${absent}/roles`, 404);
});

test('a domain’s own role is given on that domain and its projects, and puts in a token what it implies', async (t) => {
  const { cloud, admin, projectId, user, groupId, roles } = await setUp(t);
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'other' } });
  const own = async (domain_id: string) =>
    (await admin.post(`${v3}/roles`, { role: { name: 'own', domain_id } })).role.id;
  const [ours, theirs] = [await own('default'), await own(domain.id)];
  const project = (id: string) => `projects/${id}/users/${user.userId}/roles`;
  await admin.put(`${v3}/${project(projectId)}/${theirs}`, undefined, 403);
  await admin.put(`${v3}/domains/default/groups/${groupId}/roles/${theirs}`, undefined, 403);
  await admin.put(
    `${v3}/OS-INHERIT/domains/default/groups/${groupId}/roles/${theirs}/inherited_to_projects`,
    undefined,
    403,
  );
  await admin.put(`${v3}/system/users/${user.userId}/roles/${ours}`, undefined, 400);
  await admin.put(`${v3}/${project(projectId)}/${ours}`, undefined, 204);
  await t.throwsAsync(() => logIn(cloud, user.userId, { project: { id: projectId } }), undefined, 'it implies nothing');
  await admin.put(`${v3}/roles/${ours}/implies/${roles.reader}`, undefined, 201);
  const token = await logIn(cloud, user.userId, { project: { id: projectId } });
  const headers = { 'x-auth-token': token, 'x-subject-token': token };
  const shown = await cloud.anonymous.request({ method: 'GET', path: `${v3}/auth/tokens`, headers });
  t.deepEqual(
    shown.body.token.roles.map((role: { name: string }) => role.name),
    ['reader'],
  );
});

test('a role taken from a group ends its members’ tokens there, and no others', async (t) => {
  const { cloud, admin, projectId, below, user, groupId, roles } = await setUp(t);
  const use = async (token: string) =>
    (await cloud.anonymous.request({ method: 'GET', path: `${v3}/auth/projects`, headers: { 'x-auth-token': token } }))
      .status;
  for (const place of [`projects/${projectId}`, `projects/${below}`, 'system'])
    await admin.put(`${v3}/${place}/groups/${groupId}/roles/${roles.reader}`, undefined, 204);
  const there = await logIn(cloud, user.userId, { project: { id: projectId } });
  const elsewhere = await logIn(cloud, user.userId, { project: { id: below } });
  const onSystem = await logIn(cloud, user.userId, { system: { all: true } });
  await admin.delete(`${v3}/projects/${projectId}/groups/${groupId}/roles/${roles.reader}`);
  t.deepEqual([await use(there), await use(elsewhere), await use(onSystem)], [401, 200, 200]);
  await admin.delete(`${v3}/system/groups/${groupId}/roles/${roles.reader}`);
  t.deepEqual([await use(elsewhere), await use(onSystem)], [200, 401]);
  await cloud.as('stranger').get(`${v3}/auth/projects`);
});

test('who manages a domain gives manager, member and reader within it, and nothing else to nobody else', async (t) => {
  const { cloud, admin, projectId, below, user, groupId, roles } = await setUp(t);
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'other' } });
  const other = (await admin.post(`${v3}/projects`, { project: { name: 'o', domain_id: domain.id } })).project.id;
  const foreigner = await somebody(t, cloud, { on: null, inDomain: domain.id });
  const manager = await somebody(t, cloud, { role: 'manager', on: { domain: 'default' } });
  const inherited = (place: string) => `/OS-INHERIT/${place}/users/${user.userId}/roles`;
  const places = [
    { path: `/projects/${projectId}/users/${user.userId}/roles`, suffix: '' },
    { path: `/projects/${below}/groups/${groupId}/roles`, suffix: '' },
    { path: `/domains/default/users/${user.userId}/roles`, suffix: '' },
    { path: inherited('domains/default'), suffix: '/inherited_to_projects' },
    { path: inherited(`projects/${projectId}`), suffix: '/inherited_to_projects' },
  ];
  for (const { path, suffix } of places) {
    for (const role of ['manager', 'member', 'reader']) {
      await manager.put(`${path}/${roles[role]}${suffix}`);
      await manager.get(`${path}/${roles[role]}${suffix}`, 204);
      await manager.delete(`${path}/${roles[role]}${suffix}`);
    }
    for (const role of ['admin', 'service']) {
      await manager.put(`${path}/${roles[role]}${suffix}`, undefined, 403);
      await manager.delete(`${path}/${roles[role]}${suffix}`, 403);
    }
    await manager.put(`${path}/${absent}${suffix}`, undefined, 403);
  }
  for (const path of [
    `/projects/${other}/users/${user.userId}/roles`,
    `/projects/${absent}/users/${user.userId}/roles`,
    `/projects/${projectId}/users/${foreigner.userId}/roles`,
    `/projects/${projectId}/users/${absent}/roles`,
    `/domains/${domain.id}/users/${user.userId}/roles`,
    `/system/users/${user.userId}/roles`,
    `/system/groups/${groupId}/roles`,
  ]) {
    await manager.put(`${path}/${roles.reader}`, undefined, 403);
    await manager.delete(`${path}/${roles.reader}`, 403);
    await manager.get(`${path}/${roles.reader}`, 403);
    await manager.get(path, 403);
  }
  // What the administrator gave is not theirs to take.
  await admin.put(`${v3}/projects/${projectId}/users/${user.userId}/roles/${roles.admin}`, undefined, 204);
  await manager.delete(`/projects/${projectId}/users/${user.userId}/roles/${roles.admin}`, 403);
  await admin.get(`${v3}/projects/${projectId}/users/${user.userId}/roles/${roles.admin}`, 204);
});

test('an operator says which roles the managers of domains give', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-policy-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const policyFile = join(directory, 'policy.yaml');
  await writeFile(policyFile, `domain_managed_target_role: "'reader':%(target.role.name)s"\n`);
  const { cloud, projectId, user, roles } = await setUp(t, { policyFile });
  const manager = await somebody(t, cloud, { role: 'manager', on: { domain: 'default' } });
  const list = `/projects/${projectId}/users/${user.userId}/roles`;
  await manager.put(`${list}/${roles.reader}`);
  await manager.put(`${list}/${roles.member}`, undefined, 403);
});

test('an administrator of a domain is its manager, gives its own roles besides, and never admin', async (t) => {
  const { cloud, admin, projectId, user, roles } = await setUp(t);
  const { role } = await admin.post(`${v3}/roles`, { role: { name: 'own', domain_id: 'default' } });
  const head = await somebody(t, cloud, { role: 'admin', on: { domain: 'default' } });
  const list = `/projects/${projectId}/users/${user.userId}/roles`;
  await head.put(`${list}/${roles.member}`);
  await head.put(`${list}/${role.id}`);
  await head.delete(`${list}/${role.id}`);
  await head.put(`${list}/${roles.admin}`, undefined, 403);
  await head.put(`/domains/default/users/${user.userId}/roles/${roles.admin}`, undefined, 403);
  await head.put(`/system/users/${user.userId}/roles/${roles.reader}`, undefined, 403);
  const manager = await somebody(t, cloud, { role: 'manager', on: { domain: 'default' } });
  await manager.put(`${list}/${role.id}`, undefined, 403);
});

test('readers of a domain see what is given in it; those of the system see all; others nothing', async (t) => {
  const { cloud, projectId, user, roles } = await setUp(t);
  const list = `/projects/${projectId}/users/${user.userId}/roles`;
  const reader = await somebody(t, cloud, { role: 'reader', on: { domain: 'default' } });
  await reader.get(list);
  await reader.get(`${list}/${roles.admin}`, 404);
  await reader.get(`/system/users/${user.userId}/roles`, 403);
  const auditor = await somebody(t, cloud, { role: 'reader', on: 'system' });
  await auditor.get(list);
  await auditor.get(`/system/users/${user.userId}/roles`);
  for (const one of [reader, auditor]) {
    await one.put(`${list}/${roles.reader}`, undefined, 403);
    await one.delete(`${list}/${roles.reader}`, 403);
  }
  for (const persona of ['member', 'reader', 'nobody', 'stranger'] as const) {
    await cloud.as(persona).get(`${v3}${list}`, 403);
    await cloud.as(persona).put(`${v3}${list}/${roles.reader}`, undefined, 403);
  }
});
