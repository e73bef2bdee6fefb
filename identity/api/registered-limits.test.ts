import test from 'ava';
import { type Client, startTestCloud } from '../../tests/cloud.ts';

const v3 = '/identity/v3';
const absent = '0'.repeat(32);

const newService = async (admin: Client): Promise<string> =>
  (await admin.post(`${v3}/services`, { service: { type: 'x' } })).service.id;

test('limits are registered, shown to everybody, listed, changed and deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const service_id = await newService(admin);
  const created = await admin.post(`${v3}/registered_limits`, {
    registered_limits: [
      { service_id, resource_name: 'boxes', default_limit: 10, region_id: 'RegionOne', description: 'd' },
      { service_id, resource_name: 'boxes', default_limit: -1 },
    ],
  });
  t.deepEqual(Object.keys(created), ['registered_limits']);
  const [here, elsewhere] = created.registered_limits;
  t.deepEqual(here, {
    id: here.id,
    service_id,
    region_id: 'RegionOne',
    resource_name: 'boxes',
    default_limit: 10,
    description: 'd',
    links: { self: `http://cloud.test${v3}/registered_limits/${here.id}` },
  });
  t.like(elsewhere, { region_id: null, default_limit: -1, description: null });
  const nobody = cloud.as('nobody');
  t.deepEqual(await nobody.get(`${v3}/registered_limits/${here.id}`), { registered_limit: here });
  const listed = async (query: string) =>
    (await nobody.get(`${v3}/registered_limits?service_id=${service_id}${query}`)).registered_limits;
  t.is((await listed('')).length, 2);
  t.deepEqual(await listed('&region_id=RegionOne'), [here]);
  t.deepEqual(await listed('&resource_name=others'), []);

  const { registered_limit: changed } = await admin.patch(`${v3}/registered_limits/${here.id}`, {
    registered_limit: { default_limit: 0, description: null, resource_name: 'crates' },
  });
  t.deepEqual(changed, { ...here, default_limit: 0, description: null, resource_name: 'crates' });
  await admin.delete(`${v3}/registered_limits/${here.id}`);
  await admin.get(`${v3}/registered_limits/${here.id}`, 404);
  await admin.delete(`${v3}/registered_limits/${here.id}`, 404);
});

test('what is registered is registered once, and all of a request or none', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const service_id = await newService(admin);
  const one = { service_id, resource_name: 'boxes', default_limit: 10 };
  await admin.post(`${v3}/registered_limits`, { registered_limits: [one] });
  await admin.post(`${v3}/registered_limits`, { registered_limits: [{ ...one, resource_name: 'new' }, one] }, 409);
  const { registered_limits } = await admin.get(`${v3}/registered_limits`);
  t.is(registered_limits.length, 1);
  const { registered_limits: more } = await admin.post(`${v3}/registered_limits`, {
    registered_limits: [{ ...one, region_id: 'RegionOne' }],
  });
  await admin.patch(`${v3}/registered_limits/${more[0].id}`, { registered_limit: { region_id: null } }, 409);
});

test('what somebody has a limit of is neither changed nor deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const service_id = await newService(admin);
  const { registered_limits } = await admin.post(`${v3}/registered_limits`, {
    registered_limits: [{ service_id, resource_name: 'boxes', default_limit: 10, region_id: 'RegionOne' }],
  });
  const path = `${v3}/registered_limits/${registered_limits[0].id}`;
  const { limits } = await admin.post(`${v3}/limits`, {
    limits: [
      {
        service_id,
        resource_name: 'boxes',
        region_id: 'RegionOne',
        resource_limit: 5,
        project_id: cloud.as('member').projectId,
      },
    ],
  });
  await admin.patch(path, { registered_limit: { description: 'd' } }, 403);
  await admin.delete(path, 403);
  await admin.delete(`${v3}/services/${service_id}`, 409);
  await admin.delete(`${v3}/regions/RegionOne`, 403);
  await admin.delete(`${v3}/limits/${limits[0].id}`);
  await admin.patch(path, { registered_limit: { default_limit: 11 } });
  await admin.delete(path);
  await admin.delete(`${v3}/services/${service_id}`);
});

test('what is no limit is refused', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const service_id = await newService(admin);
  const good = { service_id, resource_name: 'boxes', default_limit: 10 };
  const { registered_limits } = await admin.post(`${v3}/registered_limits`, { registered_limits: [good] });
  const path = `${v3}/registered_limits/${registered_limits[0].id}`;
  for (const bad of [
    { service_id: absent },
    { service_id: 'no id!' },
    { service_id: null },
    { region_id: 'nowhere' },
    { region_id: 7 },
    { resource_name: '' },
    { resource_name: 'x'.repeat(256) },
    { default_limit: -2 },
    { default_limit: 2 ** 31 },
    { default_limit: 1.5 },
    { default_limit: '10' },
    { description: 7 },
    { description: 'x'.repeat(256) },
    { more: 1 },
  ]) {
    await admin.post(`${v3}/registered_limits`, { registered_limits: [{ ...good, ...bad }] }, 400);
    await admin.patch(path, { registered_limit: bad }, 400);
  }
  for (const body of [{}, { registered_limits: [] }, { registered_limits: good }, { registered_limit: good }])
    await admin.post(`${v3}/registered_limits`, body, 400);
  await admin.post(`${v3}/registered_limits`, { registered_limits: Array(1001).fill(good) }, 400);
  await admin.patch(path, { registered_limit: { id: absent } }, 400);
  await admin.patch(`${v3}/registered_limits/${absent}`, { registered_limit: { default_limit: 1 } }, 404);
  const member = cloud.as('member');
  await member.post(`${v3}/registered_limits`, { registered_limits: [good] }, 403);
  await member.patch(path, { registered_limit: {} }, 403);
  await member.delete(path, 403);
});
