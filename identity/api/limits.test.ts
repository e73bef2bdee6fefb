import test from 'ava';
import { type Client, startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { effectiveLimit } from '../limits/effective.ts';
import { checkProjectsFit } from '../limits/model.ts';
import { insertProject } from '../projects/store.ts';

const v3 = '/identity/v3';
const absent = '0'.repeat(32);

/** A service with registered limits of ten boxes and ten crates. */
async function register(admin: Client): Promise<string> {
  const { service } = await admin.post(`${v3}/services`, { service: { type: 'locker' } });
  await admin.post(`${v3}/registered_limits`, {
    registered_limits: ['boxes', 'crates'].map((resource_name) => ({
      service_id: service.id,
      resource_name,
      default_limit: 10,
    })),
  });
  return service.id;
}

const create = async (admin: Client, limits: object[], status = 201) =>
  (await admin.post(`${v3}/limits`, { limits }, status)).limits;

async function asDomainReader(cloud: TestCloud): Promise<(path: string) => Promise<{ status: number; body: unknown }>> {
  const admin = cloud.as('admin');
  const { user } = await admin.post(`${v3}/users`, { user: { name: 'domain reader', password: 'a password' } });
  const { roles } = await admin.get(`${v3}/roles?name=reader`);
  await admin.put(`${v3}/domains/default/users/${user.id}/roles/${roles[0].id}`, undefined, 204);
  const identity = { methods: ['password'], password: { user: { id: user.id, password: 'a password' } } };
  const { headers } = await cloud.anonymous.request({
    method: 'POST',
    path: `${v3}/auth/tokens`,
    body: { auth: { identity, scope: { domain: { id: 'default' } } } },
  });
  const token = String(headers['x-subject-token']);
  return (path) => cloud.anonymous.request({ method: 'GET', path, headers: { 'x-auth-token': token } });
}

test('limits are created, shown, listed, changed and deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const service_id = await register(admin);
  const created = await admin.post(`${v3}/limits`, {
    limits: [
      { service_id, resource_name: 'boxes', resource_limit: 5, project_id: member.projectId, description: 'd' },
      { service_id, resource_name: 'boxes', resource_limit: 50, domain_id: 'default' },
      { service_id, resource_name: 'crates', resource_limit: -1, project_id: 'default' },
    ],
  });
  t.deepEqual(Object.keys(created), ['limits']);
  const [ofProject, ofDomain, alsoOfDomain] = created.limits;
  t.deepEqual(ofProject, {
    id: ofProject.id,
    project_id: member.projectId,
    domain_id: null,
    service_id,
    region_id: null,
    resource_name: 'boxes',
    resource_limit: 5,
    description: 'd',
    links: { self: `http://cloud.test${v3}/limits/${ofProject.id}` },
  });
  t.like(ofDomain, { project_id: null, domain_id: 'default', resource_limit: 50, description: null });
  t.like(alsoOfDomain, { project_id: null, domain_id: 'default', resource_limit: -1 });
  t.deepEqual(await admin.get(`${v3}/limits/${ofProject.id}`), { limit: ofProject });
  for (const [query, found] of [
    ['', 3],
    ['?resource_name=boxes', 2],
    [`?service_id=${service_id}`, 3],
    [`?service_id=${absent}`, 0],
    ['?domain_id=default', 2],
    [`?project_id=${member.projectId}`, 1],
    ['?region_id=RegionOne', 0],
    ['?limit=1', 1],
  ] as const)
    t.is((await admin.get(`${v3}/limits${query}`)).limits.length, found, query);

  const { limit } = await admin.patch(`${v3}/limits/${ofProject.id}`, { limit: { resource_limit: 0 } });
  t.deepEqual(limit, { ...ofProject, resource_limit: 0 });
  await admin.patch(`${v3}/limits/${ofProject.id}`, { limit: { description: null } });
  await admin.delete(`${v3}/limits/${ofProject.id}`);
  await admin.get(`${v3}/limits/${ofProject.id}`, 404);
  await admin.delete(`${v3}/limits/${ofProject.id}`, 404);
});

test('a project’s people see its limits, a domain’s those in it, others none', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member, stranger] = [cloud.as('admin'), cloud.as('member'), cloud.as('stranger')];
  const limit = { service_id: await register(admin), resource_name: 'boxes', resource_limit: 5 };
  const [mine, theirs, ofDomain] = await create(admin, [
    { ...limit, project_id: member.projectId },
    { ...limit, project_id: stranger.projectId },
    { ...limit, domain_id: 'default' },
  ]);
  t.deepEqual((await member.get(`${v3}/limits`)).limits, [mine]);
  t.deepEqual((await cloud.as('reader').get(`${v3}/limits`)).limits, [mine]);
  t.deepEqual((await stranger.get(`${v3}/limits`)).limits, [theirs]);
  t.deepEqual((await stranger.get(`${v3}/limits?project_id=${member.projectId}`)).limits, []);
  t.deepEqual((await cloud.as('nobody').get(`${v3}/limits`)).limits, []);
  await member.get(`${v3}/limits/${mine.id}`);
  await member.get(`${v3}/limits/${theirs.id}`, 403);
  await member.get(`${v3}/limits/${ofDomain.id}`, 403);
  await member.get(`${v3}/limits/${absent}`, 403);
  await admin.get(`${v3}/limits/${absent}`, 404);
  await member.patch(`${v3}/limits/${mine.id}`, { limit: { resource_limit: 6 } }, 403);
  await member.delete(`${v3}/limits/${mine.id}`, 403);
  await create(member, [{ ...limit, project_id: member.projectId }], 403);

  const read = await asDomainReader(cloud);
  t.is((await read(`${v3}/limits/${ofDomain.id}`)).status, 200);
  t.is((await read(`${v3}/limits/${mine.id}`)).status, 200);
  t.is(((await read(`${v3}/limits`)).body as { limits: object[] }).limits.length, 3);
});

test('a limit needs what it names, and is there once', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const project_id = cloud.as('member').projectId;
  const service_id = await register(admin);
  const good = { service_id, resource_name: 'boxes', resource_limit: 5, project_id };
  await create(admin, [{ ...good, resource_name: 'nobody registered these' }], 403);
  await create(admin, [{ ...good, region_id: 'RegionOne' }], 403);
  for (const bad of [
    { service_id: absent },
    { region_id: 'nowhere' },
    { project_id: absent },
    { project_id: undefined, domain_id: 'nowhere' },
    { domain_id: 'default' },
    { project_id: undefined },
    { project_id: null, domain_id: null },
    { resource_limit: -2 },
    { resource_limit: 2 ** 31 },
    { resource_limit: '5' },
    { resource_limit: undefined },
    { resource_name: 7 },
    { description: 'x'.repeat(256) },
    { more: 1 },
  ])
    await create(
      admin,
      [
        { ...good, resource_name: 'crates' },
        { ...good, ...bad },
      ],
      400,
    );
  await admin.post(`${v3}/limits`, { limits: [] }, 400);
  await admin.post(`${v3}/limits`, { limit: good }, 400);
  t.deepEqual((await admin.get(`${v3}/limits`)).limits, [], 'all of a request or none');
  const [limit] = await create(admin, [good]);
  await create(admin, [good], 409);
  await create(admin, [{ ...good, resource_name: 'crates' }, good], 409);
  for (const bad of [{ resource_name: 'crates' }, { project_id }, { resource_limit: null }, { id: absent }])
    await admin.patch(`${v3}/limits/${limit.id}`, { limit: bad }, 400);
  await admin.patch(`${v3}/limits/${absent}`, { limit: { resource_limit: 1 } }, 404);
  t.deepEqual((await admin.get(`${v3}/limits`)).limits, [limit]);
});

test('limits go with their project', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { project } = await admin.post(`${v3}/projects`, { project: { name: 'short-lived' } });
  const service_id = await register(admin);
  await create(admin, [{ service_id, resource_name: 'boxes', resource_limit: 5, project_id: project.id }]);
  await admin.delete(`${v3}/projects/${project.id}`);
  t.deepEqual((await admin.get(`${v3}/limits`)).limits, []);
});

test('projects above and below are shown with their limits when that is asked for', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { project: below } = await admin.post(`${v3}/projects`, {
    project: { name: 'below', parent_id: member.projectId },
  });
  const { roles } = await admin.get(`${v3}/roles?name=reader`);
  await admin.put(`${v3}/projects/${below.id}/users/${member.userId}/roles/${roles[0].id}`, undefined, 204);
  const limit = { service_id: await register(admin), resource_name: 'boxes', resource_limit: 5 };
  const [ofBelow] = await create(admin, [{ ...limit, project_id: below.id }]);
  const shown = async (query: string) =>
    (await member.get(`${v3}/projects/${member.projectId}?subtree_as_list&${query}`)).project.subtree;
  t.deepEqual(await shown('include_limits'), [{ project: { ...below, limits: [ofBelow] } }]);
  t.deepEqual(await shown('include_limits=False'), [{ project: below }]);
});

test('the flat model lets projects have more than their domain', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  t.is((await cloud.as('nobody').get(`${v3}/limits/model`)).model.name, 'flat');
  const limit = { service_id: await register(admin), resource_name: 'boxes' };
  await create(admin, [
    { ...limit, domain_id: 'default', resource_limit: 5 },
    { ...limit, project_id: cloud.as('member').projectId, resource_limit: 50 },
  ]);
  t.pass();
});

test('in the strict two-level model no project has more than its domain', async (t) => {
  const cloud = await startTestCloud(t, { limitModel: 'strict_two_level' });
  const admin = cloud.as('admin');
  const { model } = await admin.get(`${v3}/limits/model`);
  t.is(model.name, 'strict_two_level');
  t.truthy(model.description);
  const limit = { service_id: await register(admin), resource_name: 'boxes' };
  const project_id = cloud.as('member').projectId;
  await create(admin, [{ ...limit, project_id, resource_limit: 11 }], 403);
  await create(admin, [{ ...limit, project_id, resource_limit: -1 }], 403);
  const [ofProject] = await create(admin, [{ ...limit, project_id, resource_limit: 10 }]);
  await create(admin, [{ ...limit, domain_id: 'default', resource_limit: 9 }], 403);
  const [ofDomain] = await create(admin, [{ ...limit, domain_id: 'default', resource_limit: 20 }]);
  const change = (id: string, resource_limit: number, status = 200) =>
    admin.patch(`${v3}/limits/${id}`, { limit: { resource_limit } }, status);
  await change(ofProject.id, 21, 403);
  await change(ofProject.id, 20);
  await change(ofDomain.id, 19, 403);
  await change(ofDomain.id, -1);
  await change(ofProject.id, -1);
  await change(ofDomain.id, 1000, 403);
  const stranger = cloud.as('stranger').projectId;
  const crates = { ...limit, resource_name: 'crates' };
  await create(
    admin,
    [
      { ...crates, project_id: stranger, resource_limit: 7 },
      { ...crates, domain_id: 'default', resource_limit: 6 },
    ],
    403,
  );
  await create(admin, [
    { ...crates, project_id: stranger, resource_limit: 60 },
    { ...crates, domain_id: 'default', resource_limit: 60 },
  ]);
  t.is((await admin.get(`${v3}/limits`)).limits.length, 4);
});

test('the model holds whatever is changed at the same time, and one of many equal limits is created', async (t) => {
  const cloud = await startTestCloud(t, { limitModel: 'strict_two_level' });
  const admin = cloud.as('admin');
  const limit = { service_id: await register(admin), resource_name: 'boxes' };
  const path = `${v3}/limits`;
  const project_id = cloud.as('member').projectId;
  const equal = Array.from({ length: 20 }, () =>
    admin.request({ method: 'POST', path, body: { limits: [{ ...limit, project_id, resource_limit: 1 }] } }),
  );
  const statuses = (await Promise.all(equal)).map(({ status }) => status);
  t.deepEqual(statuses.toSorted(), [201, ...Array(19).fill(409)]);
  const [ofDomain] = await create(admin, [{ ...limit, domain_id: 'default', resource_limit: 1 }]);
  const [ofProject] = (await admin.get(`${path}?project_id=${project_id}`)).limits;
  const changes = Array.from({ length: 40 }, (_, i) =>
    admin.request({
      method: 'PATCH',
      path: `${path}/${i % 2 ? ofDomain.id : ofProject.id}`,
      body: { limit: { resource_limit: (i * 7) % 20 } },
    }),
  );
  for (const { status } of await Promise.all(changes)) t.true(status === 200 || status === 403);
  const now = async (id: string) => (await admin.get(`${path}/${id}`)).limit.resource_limit;
  t.true((await now(ofProject.id)) <= (await now(ofDomain.id)));
});

test('the strict two-level model has no projects below projects, and does not start where there are some', async (t) => {
  const strict = await startTestCloud(t, { limitModel: 'strict_two_level' });
  const parent_id = strict.as('member').projectId;
  await strict.as('admin').post(`${v3}/projects`, { project: { name: 'below', parent_id } }, 403);
  await strict.as('admin').post(`${v3}/projects`, { project: { name: 'beside', parent_id: 'default' } });
  await t.notThrowsAsync(checkProjectsFit(strict.db, 'strict_two_level'));
  await insertProject(strict.db, {
    name: 'below',
    domainId: 'default',
    parentId: parent_id,
    description: '',
    enabled: true,
  });
  await t.throwsAsync(checkProjectsFit(strict.db, 'strict_two_level'), { message: /strict_two_level/ });
  await t.notThrowsAsync(checkProjectsFit(strict.db, 'flat'));
});

test('what a project may have is its own limit, else what is registered for the region, else for all', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { projectId } = cloud.as('member');
  const service_id = await register(admin);
  const ask = (resourceName = 'boxes', regionId = 'RegionOne') =>
    effectiveLimit(cloud.db, { projectId, serviceType: 'locker', regionId, resourceName });
  t.is(await ask('nothing'), undefined);
  t.is(await ask(), 10);
  await create(admin, [{ service_id, resource_name: 'boxes', resource_limit: 0, project_id: projectId }]);
  t.is(await ask(), 0);
  await admin.post(`${v3}/registered_limits`, {
    registered_limits: [{ service_id, resource_name: 'boxes', default_limit: 3, region_id: 'RegionOne' }],
  });
  t.is(await ask(), 3);
  t.is(await ask('boxes', 'Elsewhere'), 0);
  await create(admin, [
    { service_id, resource_name: 'boxes', resource_limit: -1, project_id: projectId, region_id: 'RegionOne' },
  ]);
  t.is(await ask(), -1);
});
