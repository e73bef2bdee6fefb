import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';

const v3 = '/identity/v3';

test('a project is created, found by name, changed and deleted', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const { project } = await admin.post(`${v3}/projects`, { project: { name: 'Straße ☃', description: 'd' } });
  t.like(project, {
    name: 'Straße ☃',
    domain_id: 'default',
    parent_id: 'default',
    enabled: true,
    is_domain: false,
    tags: [],
  });
  const { projects } = await admin.get(`${v3}/projects?name=${encodeURIComponent('Straße ☃')}`);
  t.deepEqual(projects, [project]);
  const changed = await admin.patch(`${v3}/projects/${project.id}`, { project: { description: null, enabled: false } });
  t.like(changed.project, { description: '', enabled: false, name: 'Straße ☃' });
  t.deepEqual((await admin.get(`${v3}/projects?enabled=False&domain_id=default`)).projects.length, 1);
  await admin.delete(`${v3}/projects/${project.id}`);
  const gone = await admin.get(`${v3}/projects/${project.id}`, 404);
  t.deepEqual(gone, { error: { code: 404, message: `project ${project.id} could not be found.`, title: 'Not Found' } });
});

test('a name is taken once in a domain, for projects, users and roles', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  for (const [collection, body] of [
    ['projects', { project: { name: 'p1' } }],
    ['users', { user: { name: 'member' } }],
    ['roles', { role: { name: 'member' } }],
  ] as const) {
    const answer = await admin.post(`${v3}/${collection}`, body, 409);
    t.is(answer.error.title, 'Conflict');
  }
});

test('a project below another is in its domain, and keeps it from being deleted', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const parent = (await admin.post(`${v3}/projects`, { project: { name: 'parent' } })).project;
  const child = (await admin.post(`${v3}/projects`, { project: { name: 'child', parent_id: parent.id } })).project;
  t.is(child.parent_id, parent.id);
  t.deepEqual((await admin.get(`${v3}/projects?parent_id=${parent.id}`)).projects, [child]);
  await admin.delete(`${v3}/projects/${parent.id}`, 403);
  await admin.post(`${v3}/projects`, { project: { name: 'orphan', parent_id: 'f'.repeat(32) } }, 400);
  await admin.post(`${v3}/projects`, { project: { name: 'lost', domain_id: 'nowhere' } }, 400);
});

test('a user logs in with the password last set, and nobody reads it', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { user } = await admin.post(`${v3}/users`, {
    user: { name: 'new', password: 'first', email: 'n@example.org' },
  });
  t.notRegex(JSON.stringify(user), /first|argon2/);
  const logIn = async (password: string) =>
    (
      await cloud.anonymous.request({
        method: 'POST',
        path: `${v3}/auth/tokens`,
        body: { auth: { identity: { methods: ['password'], password: { user: { id: user.id, password } } } } },
      })
    ).status;
  t.is(await logIn('first'), 201);
  await cloud.anonymous.post(
    `${v3}/users/${user.id}/password`,
    { user: { original_password: 'wrong', password: 'x' } },
    401,
  );
  await cloud.anonymous.post(
    `${v3}/users/${user.id}/password`,
    { user: { original_password: 'first', password: 'second' } },
    204,
  );
  t.is(await logIn('first'), 401);
  t.is(await logIn('second'), 201);
  await admin.patch(`${v3}/users/${user.id}`, { user: { enabled: false } });
  t.is(await logIn('second'), 401);
  await admin.patch(`${v3}/users/${user.id}`, { user: { enabled: true, password: null } });
  t.is(await logIn('second'), 401);
  await admin.delete(`${v3}/users/${user.id}`);
  await admin.get(`${v3}/users/${user.id}`, 404);
});

test('roles are given and taken on projects, domains and the system', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { userId } = cloud.as('nobody');
  const { projectId } = cloud.as('stranger');
  const role = (await admin.post(`${v3}/roles`, { role: { name: 'auditor' } })).role;
  for (const place of [`projects/${projectId}`, 'domains/default', 'system']) {
    const grant = `${v3}/${place}/users/${userId}/roles/${role.id}`;
    await admin.get(grant, 404);
    await admin.put(grant, undefined, 204);
    await admin.put(grant, undefined, 204);
    await admin.get(grant, 204);
    t.is((await admin.request({ method: 'HEAD', path: grant })).status, 204);
    t.deepEqual((await admin.get(`${v3}/${place}/users/${userId}/roles`)).roles, [role]);
    await admin.delete(grant);
    await admin.delete(grant, 404);
  }
  await admin.put(`${v3}/projects/${projectId}/users/${userId}/roles/nothing`, undefined, 404);
  await admin.put(`${v3}/projects/nothing/users/${userId}/roles/${role.id}`, undefined, 404);
});

test('assignments are listed by user, role and scope, with names when asked', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { userId, projectId } = cloud.as('member');
  const { role_assignments } = await admin.get(`${v3}/role_assignments?user.id=${userId}&include_names`);
  t.is(role_assignments.length, 1);
  t.like(role_assignments[0], {
    role: { name: 'member' },
    user: { id: userId, name: 'member', domain: { id: 'default', name: 'Default' } },
    scope: { project: { id: projectId, name: 'p1' } },
  });
  const system = await admin.get(`${v3}/role_assignments?scope.system=all`);
  t.deepEqual(
    system.role_assignments.map((a: { user: object }) => a.user),
    [{ id: admin.userId }],
  );
  t.is((await admin.get(`${v3}/role_assignments?scope.project.id=${projectId}`)).role_assignments.length, 2);
  await admin.get(`${v3}/role_assignments?scope.project.id=a&scope.domain.id=b`, 400);
});

test('people see themselves and their own project, and nobody else', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, stranger] = [cloud.as('member'), cloud.as('stranger')];
  t.is((await member.get(`${v3}/users/${member.userId}`)).user.name, 'member');
  t.is((await member.get(`${v3}/projects/${member.projectId}`)).project.name, 'p1');
  t.is((await member.get(`${v3}/users/${member.userId}/projects`)).projects.length, 1);
  for (const id of [stranger.userId, 'f'.repeat(32)]) await member.get(`${v3}/users/${id}`, 403);
  for (const id of [stranger.projectId, 'f'.repeat(32)]) await member.get(`${v3}/projects/${id}`, 403);
});

test('tokens are validated, also without a catalog, and unknown subjects are not found', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const token = await cloud.as('member').token();
  const show = (subject: string, query = '', method = 'GET') =>
    admin.request({ method, path: `${v3}/auth/tokens${query}`, headers: { 'x-subject-token': subject } });
  const answer = await show(token);
  t.is(answer.status, 200);
  t.is(answer.headers['x-subject-token'], token);
  t.is(answer.body.token.user.name, 'member');
  t.false('catalog' in (await show(token, '?nocatalog')).body.token);
  const head = await show(token, '', 'HEAD');
  t.is(head.status, 200);
  t.is(head.text, '');
  t.is((await show('nonsense')).status, 404);
});

test('every collection is listed, with and without filters', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  for (const [collection, name] of [
    ['projects', 'p1'],
    ['users', 'member'],
    ['roles', 'reader'],
    ['domains', 'Default'],
  ] as const) {
    const all = await admin.get(`${v3}/${collection}`);
    t.true(all[collection].some((item: { name: string }) => item.name === name));
    t.deepEqual(Object.keys(all.links), ['self', 'previous', 'next']);
    t.is((await admin.get(`${v3}/${collection}?name=${name}`))[collection].length, 1);
    t.is((await admin.get(`${v3}/${collection}?name=nobody`))[collection].length, collection === 'users' ? 1 : 0);
  }
});
