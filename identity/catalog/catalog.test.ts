import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { openDatabase } from '../../common/database/database.ts';
import { type Client, startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { ensureOwnServices, ownServices } from './own-services.ts';

const v3 = '/identity/v3';

interface Shown {
  id: string;
  type: string;
  name: string;
  endpoints: { id: string; interface: string; region: string; region_id: string; url: string }[];
}

const shown = async (client: Client): Promise<Shown[]> => (await client.get(`${v3}/auth/catalog`)).catalog;

/** What is in the token of a user, in whatever scope. */
async function inToken(cloud: TestCloud, userName: string, scope: object | 'unscoped'): Promise<Shown[] | undefined> {
  const user = { name: userName, domain: { id: 'default' }, password: `${userName}-password` };
  const answer = await cloud.anonymous.request({
    method: 'POST',
    path: `${v3}/auth/tokens`,
    body: { auth: { identity: { methods: ['password'], password: { user } }, scope } },
  });
  const text = String(answer.headers['x-subject-token']);
  const again = await cloud
    .as('admin')
    .request({ method: 'GET', path: `${v3}/auth/tokens`, headers: { 'x-subject-token': text } });
  const catalog = answer.body.token.catalog;
  if (JSON.stringify(catalog) !== JSON.stringify(again.body.token.catalog))
    throw new Error('a token is shown with another catalog than it was made with');
  return catalog;
}

/** Another process's notice comes over a socket: asking again must leave it the time to be read. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await wait(5);
}

async function addService(admin: Client, type: string, url: string, more = {}) {
  const { service } = await admin.post(`${v3}/services`, { service: { type, name: type } });
  const { endpoint } = await admin.post(`${v3}/endpoints`, {
    endpoint: { service_id: service.id, interface: 'public', url, region_id: 'RegionOne', ...more },
  });
  return { service, endpoint };
}

test('our own services are in the catalog, each with three endpoints', async (t) => {
  const cloud = await startTestCloud(t);
  const catalog = await shown(cloud.as('member'));
  t.deepEqual(
    catalog.map(({ type }) => type),
    ownServices.map(({ type }) => type).toSorted(),
  );
  const compute = catalog.find(({ type }) => type === 'compute');
  t.is(compute?.name, 'nova');
  t.deepEqual(
    compute?.endpoints.map(({ id: _, ...rest }) => rest),
    ['admin', 'internal', 'public'].map((side) => ({
      interface: side,
      region: 'RegionOne',
      region_id: 'RegionOne',
      url: 'http://cloud.test/compute/v2.1',
    })),
  );
  t.deepEqual(await inToken(cloud, 'member', { project: { name: 'p1', domain: { id: 'default' } } }), catalog);
  t.is(await inToken(cloud, 'nobody', 'unscoped'), undefined);
  await cloud.as('nobody').get(`${v3}/auth/catalog`, 403);
});

test('what an administrator adds is in everybody’s catalog at once, filled in for each', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  await shown(member);
  const { service, endpoint } = await addService(admin, 'object-lock', 'http://x.test/$(tenant_id)s/%(user_id)s');
  const find = async () => (await shown(member)).find(({ id }) => id === service.id);
  t.is((await find())?.endpoints[0]?.url, `http://x.test/${member.projectId}/${member.userId}`);
  const stranger = cloud.as('stranger');
  const theirs = (await shown(stranger)).find(({ id }) => id === service.id);
  t.is(theirs?.endpoints[0]?.url, `http://x.test/${stranger.projectId}/${stranger.userId}`);

  const system = (await inToken(cloud, 'admin', { system: { all: true } })) ?? [];
  t.deepEqual(system.find(({ id }) => id === service.id)?.endpoints, [], 'it needs a project');
  t.true(system.some(({ type, endpoints }) => type === 'compute' && endpoints.length === 3));

  await admin.patch(`${v3}/endpoints/${endpoint.id}`, { endpoint: { enabled: false } });
  t.deepEqual((await find())?.endpoints, []);
  await admin.patch(`${v3}/services/${service.id}`, { service: { enabled: false } });
  t.is(await find(), undefined);
});

test('a URL in the database that is no template keeps nobody from logging in', async (t) => {
  const cloud = await startTestCloud(t);
  const { service, endpoint } = await addService(cloud.as('admin'), 'x', 'http://x.test');
  await cloud.db('endpoints').where({ id: endpoint.id }).update({ url: 'http://x.test/%(master_key)s' });
  const catalog = await inToken(cloud, 'member', { project: { name: 'p1', domain: { id: 'default' } } });
  t.deepEqual(catalog?.find(({ id }) => id === service.id)?.endpoints, []);
});

test('other processes’ changes are seen', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  await shown(member);
  const other = openDatabase(cloud.config.databaseUrl.reveal(), { max: 1 });
  t.teardown(() => other.destroy());
  await other('services').insert({ id: 'x1', type: 'from-elsewhere' });
  await until(async () => (await shown(member)).some(({ type }) => type === 'from-elsewhere'));
  t.pass();
});

test('configuration moves our own endpoints, and leaves alone what is an operator’s', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const before = await shown(admin);
  const { endpoint } = await addService(admin, 'x', 'http://x.test');
  const network = before.find(({ type }) => type === 'network') as Shown;
  const image = before.find(({ type }) => type === 'image') as Shown;
  const compute = before.find(({ type }) => type === 'compute') as Shown;
  const changed = { name: 'mine', description: 'd' };
  await admin.patch(`${v3}/services/${network.id}`, { service: { ...changed, type: 'mistake' } });
  await admin.patch(`${v3}/endpoints/${image.endpoints[0]?.id}`, { endpoint: { enabled: false, url: 'http://wrong' } });
  await admin.delete(`${v3}/services/${compute.id}`);
  await cloud.db('services').insert({ id: 'old', type: 'no-more', is_ours: true });

  await ensureOwnServices(cloud.db, { publicUrl: 'https://moved.test/50%', region: 'Elsewhere' });
  const own = new Set(ownServices.map(({ type }) => type));
  await until(async () => !(await shown(admin)).some(({ type }) => type === 'mistake'));
  const after = await shown(admin);
  t.is(after.find(({ type }) => type === 'x')?.endpoints[0]?.url, endpoint.url);
  for (const service of after.filter(({ type }) => own.has(type))) {
    const { path } = ownServices.find(({ type }) => type === service.type) as (typeof ownServices)[number];
    t.is(service.endpoints.length, service.type === 'image' ? 2 : 3, 'what was disabled stays so');
    for (const one of service.endpoints) t.like(one, { url: `https://moved.test/50%${path}`, region_id: 'Elsewhere' });
  }
  t.like(
    after.find(({ id }) => id === network.id),
    { type: 'network', name: 'mine' },
  );
  t.is(after.find(({ type }) => type === 'compute')?.id, compute.id, 'what was deleted is back, with the id it had');
  t.false(after.some(({ type }) => type === 'no-more'));
  t.like((await admin.get(`${v3}/services/${network.id}`)).service, changed);
});

test('starting again writes nothing where nothing has changed', async (t) => {
  const cloud = await startTestCloud(t);
  const written = () =>
    cloud.db.raw(`select sum(xmin::text::bigint) from (select xmin from services union all
    select xmin from endpoints union all select xmin from regions) rows`);
  const before = (await written()).rows;
  await ensureOwnServices(cloud.db, { publicUrl: 'http://cloud.test', region: 'RegionOne' });
  t.deepEqual((await written()).rows, before);
});
