import test from 'ava';
import { type Client, startTestCloud } from '../../tests/cloud.ts';

const v3 = '/identity/v3';
const url = 'http://x.test/v1';

const newService = async (admin: Client): Promise<string> =>
  (await admin.post(`${v3}/services`, { service: { type: 'x' } })).service.id;

const idsOf = (all: readonly { id: string }[]) => all.map(({ id }) => id).toSorted();

test('an endpoint is created, shown, listed, changed and deleted', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const service_id = await newService(admin);
  const { endpoint } = await admin.post(`${v3}/endpoints`, {
    endpoint: { service_id, interface: 'public', url, region_id: 'RegionOne', name: 'n' },
  });
  t.deepEqual(endpoint, {
    id: endpoint.id,
    service_id,
    interface: 'public',
    url,
    region: 'RegionOne',
    region_id: 'RegionOne',
    enabled: true,
    name: 'n',
    links: { self: `http://cloud.test${v3}/endpoints/${endpoint.id}` },
  });
  t.deepEqual(await admin.get(`${v3}/endpoints/${endpoint.id}`), { endpoint });
  const { endpoint: other } = await admin.post(`${v3}/endpoints`, {
    endpoint: { service_id, interface: 'internal', url, enabled: false },
  });
  t.is(other.region_id, null);
  for (const [query, found] of [
    ['', [endpoint, other]],
    ['&interface=public', [endpoint]],
    ['&interface=internal', [other]],
    ['&region_id=RegionOne', [endpoint]],
    ['&region=RegionOne', [endpoint]],
    ['&enabled=False', [other]],
    ['&enabled=1', [endpoint]],
    ['&interface=admin', []],
  ] as const) {
    const { endpoints } = await admin.get(`${v3}/endpoints?service_id=${service_id}${query}`);
    t.deepEqual(idsOf(endpoints), idsOf(found), query);
  }
  const { endpoint: changed } = await admin.patch(`${v3}/endpoints/${endpoint.id}`, {
    endpoint: { url: `${url}/%(project_id)s`, interface: 'admin', region_id: null, enabled: false, note: 'm' },
  });
  t.like(changed, { url: `${url}/%(project_id)s`, interface: 'admin', region_id: null, region: null, enabled: false });
  t.like(changed, { name: 'n', note: 'm', service_id });
  await admin.delete(`${v3}/endpoints/${endpoint.id}`);
  await admin.get(`${v3}/endpoints/${endpoint.id}`, 404);
  await admin.delete(`${v3}/endpoints/${endpoint.id}`, 404);
});

test('the region of older clients is made where it is not there', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const service_id = await newService(admin);
  const body = { service_id, interface: 'public', url };
  const { endpoint } = await admin.post(`${v3}/endpoints`, { endpoint: { ...body, region: 'made' } });
  t.like(endpoint, { region: 'made', region_id: 'made' });
  await admin.post(`${v3}/endpoints`, { endpoint: { ...body, region: 'made' } });
  t.like((await admin.get(`${v3}/regions/made`)).region, { id: 'made', parent_region_id: null });
  const moved = await admin.patch(`${v3}/endpoints/${endpoint.id}`, { endpoint: { region: 'made too' } });
  t.is(moved.endpoint.region_id, 'made too');
  await admin.post(`${v3}/endpoints`, { endpoint: { ...body, region_id: 'not made' } }, 400);
  await admin.get(`${v3}/regions/not%20made`, 404);
});

test('what is no endpoint is refused', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const service_id = await newService(admin);
  const good = { service_id, interface: 'public', url };
  const { endpoint } = await admin.post(`${v3}/endpoints`, { endpoint: good });
  for (const bad of [
    { interface: 'private' },
    { interface: null },
    { service_id: '0'.repeat(32) },
    { service_id: 7 },
    { url: 'no url' },
    { url: `http://${'x'.repeat(225)}` },
    { url: 'http://x.test/%(admin_token)s' },
    { url: 'http://x.test/$(databaseUrl)s' },
    { url: 'http://x.test/%20' },
    { url: 'http://x.test/\u0000' },
    { enabled: 'False' },
    { enabled: 'True' },
    { region_id: 'nowhere' },
    { region_id: 7 },
    { name: 7 },
  ]) {
    await admin.post(`${v3}/endpoints`, { endpoint: { ...good, ...bad } }, 400);
    await admin.patch(`${v3}/endpoints/${endpoint.id}`, { endpoint: bad }, 400);
  }
  await admin.patch(`${v3}/endpoints/${endpoint.id}`, { endpoint: {} }, 400);
  await admin.patch(`${v3}/endpoints/${endpoint.id}`, { endpoint: { id: 'another' } }, 400);
  await admin.patch(`${v3}/endpoints/${'0'.repeat(32)}`, { endpoint: { url } }, 404);
  for (const missing of Object.keys(good))
    await admin.post(`${v3}/endpoints`, { endpoint: { ...good, [missing]: undefined } }, 400);
  await admin.get(`${v3}/endpoints?enabled=perhaps`, 400);
  for (const persona of ['member', 'reader', 'nobody'] as const) {
    await cloud.as(persona).get(`${v3}/endpoints`, 403);
    await cloud.as(persona).delete(`${v3}/endpoints/${endpoint.id}`, 403);
  }
  t.deepEqual(await admin.get(`${v3}/endpoints/${endpoint.id}`), { endpoint });
});
