import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { prepareCompute, type TestCloud } from '../testing.ts';

const names = async (cloud: TestCloud, query: string, persona: 'member' | 'admin' | 'stranger' = 'member') =>
  (await cloud.as(persona).get(`/compute/v2.1/servers${query}`)).servers.map(({ name }: { name: string }) => name);

test('servers are listed in pages, sorted, and filtered', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  for (const name of ['a1', 'a2', 'b1', 'b2']) await createServer({ name });
  await cloud.settle();
  t.deepEqual(await names(cloud, ''), ['b2', 'b1', 'a2', 'a1']);
  t.deepEqual(await names(cloud, '?sort_key=display_name&sort_dir=asc&limit=3'), ['a1', 'a2', 'b1']);
  t.deepEqual(await names(cloud, '?name=%5Ea'), ['a2', 'a1']);
  t.deepEqual(await names(cloud, '?status=active&name=1'), ['b1', 'a1']);
  t.deepEqual(await names(cloud, '?status=ERROR'), []);
  t.deepEqual(await names(cloud, '?flavor=tiny&limit=1'), ['b2']);
  t.deepEqual(await names(cloud, '?image=nonsense'), []);
  t.deepEqual(await names(cloud, '?ip=10.9'), []);
  t.deepEqual(await names(cloud, '?changes-since=2999-01-01T00:00:00Z'), []);

  const member = cloud.as('member');
  const seen: string[] = [];
  let path: string | undefined = '/compute/v2.1/servers/detail?limit=3';
  while (path !== undefined) {
    const page: { servers: { name: string }[]; servers_links?: { href: string; rel: string }[] } =
      await member.get(path);
    seen.push(...page.servers.map(({ name }) => name));
    path = page.servers_links?.[0]?.href.replace('http://cloud.test', '');
  }
  t.deepEqual(seen, ['b2', 'b1', 'a2', 'a1']);
  for (const query of ['?limit=x', '?marker=x', '?sort_key=x', '?name=(', '?name=(a)%5C1', '?changes-since=x', '?ip=('])
    await member.get(`/compute/v2.1/servers${query}`, 400);
});

test("a server is its project's: a stranger finds nothing, a reader may look, nobody gets in", async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const id = await createServer({ name: 'mine' });
  await cloud.settle();
  const base = `/compute/v2.1/servers/${id}`;
  const stranger = cloud.as('stranger');
  const absent = await stranger.get('/compute/v2.1/servers/00000000-0000-4000-8000-000000000000', 404);
  const foreign = await stranger.get(base, 404);
  t.is(
    foreign.itemNotFound.message.replace(id, ''),
    absent.itemNotFound.message.replace('00000000-0000-4000-8000-000000000000', ''),
  );
  for (const path of ['/metadata', '/ips', '/os-instance-actions']) await stranger.get(base + path, 404);
  await stranger.put(base, { server: { name: 'x' } }, 404);
  await stranger.post(`${base}/action`, { 'os-stop': null }, 404);
  await stranger.post(`${base}/action`, { 'os-getConsoleOutput': {} }, 404);
  await stranger.delete(base, 404);
  t.deepEqual(await names(cloud, '', 'stranger'), []);
  await stranger.get('/compute/v2.1/servers?all_tenants=1', 403);
  t.deepEqual(await names(cloud, '?all_tenants=True', 'admin'), ['mine']);

  const reader = cloud.as('reader');
  await reader.get(base);
  await reader.put(base, { server: { name: 'x' } }, 403);
  await reader.post(`${base}/action`, { 'os-stop': null }, 403);
  await reader.delete(base, 403);
  await cloud.as('nobody').get(base, 403);
  await cloud.anonymous.get(base, 401);
  for (const odd of ['mine', 'x%2Fy', '%00']) await cloud.as('member').get(`/compute/v2.1/servers/${odd}`, 404);
});

test('a server is renamed, labelled, and answers below its project id as well', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const base = `/compute/v2.1/${member.projectId}/servers/${await createServer({ metadata: { a: '1' } })}`;
  const { server } = await member.put(base, { server: { name: 'new', accessIPv4: '192.0.2.1' } });
  t.like(server, { name: 'new', accessIPv4: '192.0.2.1' });
  await cloud.settle(); // metadata wait for that
  t.false('OS-EXT-STS:vm_state' in server);
  await member.put(base, { server: { accessIPv4: 'x.y' } }, 400);
  await member.put(base, { server: { accessIPv6: 'fe80::1%eth0' } }, 400);
  const canonical = await member.put(base, { server: { accessIPv6: '0000:0:0:0::babe:220.12.22.2' } });
  t.is(canonical.server.accessIPv6, '::babe:dc0c:1602');
  await member.put(base, { server: {} }); // nothing is asked for, as Nova lets one
  t.deepEqual(await member.post(`${base}/metadata`, { metadata: { b: '2' } }, 200), { metadata: { a: '1', b: '2' } });
  t.deepEqual(await member.put(`${base}/metadata/a`, { meta: { a: '3' } }), { meta: { a: '3' } });
  await member.put(`${base}/metadata/a`, { meta: { b: '3' } }, 400);
  t.deepEqual(await member.get(`${base}/metadata/a`), { meta: { a: '3' } });
  await member.delete(`${base}/metadata/a`);
  await member.delete(`${base}/metadata/a`, 404);
  await member.get(`${base}/metadata/constructor`, 404);
  t.deepEqual(await member.put(`${base}/metadata`, { metadata: {} }), { metadata: {} });
  await member.post(`${base}/metadata`, { metadata: { 'bad/key': 'x' } }, 400);
  const many = Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`k${i}`, 'v']));
  await member.post(`${base}/metadata`, { metadata: many }, 403);
});

test('the console of a server is read on its host', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, host } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  host.bootOutput = '\x1b]0;yours\x07bo\x01oted\x9b2J\r\n';
  const id = await createServer();
  await member.post(`/compute/v2.1/servers/${id}/action`, { 'os-getConsoleOutput': {} }, 409);
  await cloud.settle();
  const read = async (asked: object) => {
    const answer = member.post(`/compute/v2.1/servers/${id}/action`, { 'os-getConsoleOutput': asked }, 200);
    let isAnswered = false;
    answer.finally(() => {
      isAnswered = true;
    });
    while (!isAnswered) {
      await cloud.settle();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return (await answer).output;
  };
  t.is(await read({}), 'booted2J\n', 'without what controls terminals');
  t.is(await read({ length: 10 }), 'booted2J');
  await member.post(`/compute/v2.1/servers/${id}/action`, { 'os-getConsoleOutput': { length: 'x' } }, 400);
  await member.post(`/compute/v2.1/servers/${id}/action`, { 'os-start': null, 'os-stop': null }, 400);
  await member.post(`/compute/v2.1/servers/${id}/action`, {}, 400);
  await member.post(`/compute/v2.1/servers/${id}/action`, { teleport: null }, 400);
});

test('microversions add what they added to Nova, and those that are not there are refused', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const id = await createServer({ user_data: Buffer.from('hello').toString('base64') });
  const show = async (version: string) =>
    cloud.as('admin').request({
      method: 'GET',
      path: `/compute/v2.1/servers/${id}`,
      headers: { 'openstack-api-version': `compute ${version}` },
    });
  t.false('OS-EXT-SRV-ATTR:user_data' in (await show('2.1')).body.server);
  const newer = await show('2.3');
  t.is(newer.body.server['OS-EXT-SRV-ATTR:user_data'], Buffer.from('hello').toString('base64'));
  t.is(newer.headers['x-openstack-nova-api-version'], '2.3');
  t.is(newer.headers['x-compute-request-id'], newer.headers['x-openstack-request-id']);
  t.is((await show('2.99')).status, 406);
  t.is((await show('latest')).headers['openstack-api-version'], 'compute 2.96');
  const { version } = await cloud.anonymous.get('/compute/v2.1/');
  t.like(version, { id: 'v2.1', status: 'CURRENT', version: '2.96', min_version: '2.1' });
  t.is((await cloud.anonymous.get('/compute')).versions.length, 1);
});
