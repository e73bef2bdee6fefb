import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';

const v3 = '/identity/v3';

test('a region is created with its own id or a new one, shown, listed, changed and deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { region } = await admin.post(`${v3}/regions`, { region: { id: 'north', description: 'n', tier: 3 } });
  t.deepEqual(region, {
    id: 'north',
    description: 'n',
    parent_region_id: null,
    tier: 3,
    links: { self: `http://cloud.test${v3}/regions/north` },
  });
  const { region: put } = await admin.put(
    `${v3}/regions/north%2F1`,
    { region: { parent_region_id: 'north', description: null } },
    201,
  );
  t.like(put, { id: 'north/1', description: '', parent_region_id: 'north' });
  const { region: unnamed } = await admin.post(`${v3}/regions`, { region: {} });
  t.regex(unnamed.id, /^[0-9a-f]{32}$/);

  const member = cloud.as('member');
  t.deepEqual((await member.get(`${v3}/regions?parent_region_id=north`)).regions, [put]);
  t.deepEqual((await member.get(`${v3}/regions/north`)).region, region);
  t.true((await cloud.as('nobody').get(`${v3}/regions`)).regions.length >= 4, 'whoever has a token sees where we are');

  const changed = await admin.patch(`${v3}/regions/north%2F1`, {
    region: { description: 'x', parent_region_id: null },
  });
  t.like(changed.region, { description: 'x', parent_region_id: null });
  const kept = await admin.patch(`${v3}/regions/north`, { region: { rack: 'r1' } });
  t.like(kept.region, { description: 'n', tier: 3, rack: 'r1' });
  await admin.delete(`${v3}/regions/north`);
  await admin.get(`${v3}/regions/north`, 404);
  await admin.delete(`${v3}/regions/north`, 404);
});

test('an id is taken once, and a path and its body name the same region', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  await admin.post(`${v3}/regions`, { region: { id: 'here' } });
  await admin.post(`${v3}/regions`, { region: { id: 'here' } }, 409);
  await admin.put(`${v3}/regions/here`, { region: {} }, 409);
  await admin.put(`${v3}/regions/there`, { region: { id: 'elsewhere' } }, 400);
  await admin.patch(`${v3}/regions/here`, { region: { id: 'there' } }, 400);
  await admin.patch(`${v3}/regions/here`, { region: { id: 'here', description: 'd' } });
  await admin.get(`${v3}/regions/there`, 404);
});

test('regions are in one another, never in a circle', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  await admin.post(`${v3}/regions`, { region: { id: 'a' } });
  await admin.post(`${v3}/regions`, { region: { id: 'b', parent_region_id: 'a' } });
  await admin.post(`${v3}/regions`, { region: { id: 'c', parent_region_id: 'b' } });
  await admin.patch(`${v3}/regions/a`, { region: { parent_region_id: 'c' } }, 400);
  await admin.patch(`${v3}/regions/a`, { region: { parent_region_id: 'a' } }, 400);
  await admin.post(`${v3}/regions`, { region: { parent_region_id: 'nowhere' } }, 404);
  await admin.patch(`${v3}/regions/a`, { region: { parent_region_id: 'nowhere' } }, 404);
  const { region } = await admin.get(`${v3}/regions/a`);
  t.is(region.parent_region_id, null);

  const { service } = await admin.post(`${v3}/services`, { service: { type: 'x' } });
  const { endpoint } = await admin.post(`${v3}/endpoints`, {
    endpoint: { service_id: service.id, interface: 'public', url: 'http://x.test', region_id: 'c' },
  });
  await admin.delete(`${v3}/regions/a`, 403);
  await admin.delete(`${v3}/endpoints/${endpoint.id}`);
  const { registered_limits } = await admin.post(`${v3}/registered_limits`, {
    registered_limits: [{ service_id: service.id, region_id: 'b', resource_name: 'r', default_limit: 1 }],
  });
  await admin.delete(`${v3}/regions/a`, 409);
  await admin.delete(`${v3}/registered_limits/${registered_limits[0].id}`);
  await admin.delete(`${v3}/regions/a`);
  await admin.get(`${v3}/regions/c`, 404);
});

test('what is no region is refused', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  for (const region of [
    { id: 'x'.repeat(256) },
    { id: 7 },
    { id: 'a\u0000b' },
    { description: 'x'.repeat(256) },
    { description: 1 },
    { parent_region_id: '' },
    { parent_region_id: ['a'] },
    { extra: 'a\u0000b' },
  ])
    await admin.post(`${v3}/regions`, { region }, 400);
  await admin.post(`${v3}/regions`, {}, 400);
  await admin.patch(`${v3}/regions/RegionOne`, { region: {} }, 400);
  await admin.get(`${v3}/regions/%00`, 400);
  await admin.get(`${v3}/regions?parent_region_id=%00`, 400);
  await admin.get(`${v3}/regions?parent_region_id__contains=%25`);
  for (const persona of ['member', 'reader', 'nobody'] as const)
    await cloud.as(persona).post(`${v3}/regions`, { region: {} }, 403);
  t.is((await cloud.anonymous.request({ method: 'GET', path: `${v3}/regions` })).status, 401);
});
