import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { base, makeExternal, makeNetwork, makePort } from '../testing/topology.ts';

test('a network is drawn on the engine, shown, renamed and gone', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network } = await member.post(`${base}/networks`, { network: { name: 'n1' } });
  t.like(network, { name: 'n1', status: 'ACTIVE', mtu: 1442, shared: false, 'router:external': false, subnets: [] });
  t.is(network.project_id, member.projectId);
  t.false('provider:network_type' in network);
  await cloud.settle();
  t.is(cloud.engines.network.objects.network.get(network.id)?.name, 'n1');
  const { network: renamed } = await member.put(`${base}/networks/${network.id}`, { network: { name: 'n2' } });
  t.is(renamed.revision_number, network.revision_number + 1);
  await cloud.settle();
  t.is(cloud.engines.network.objects.network.get(network.id)?.name, 'n2');
  await member.delete(`${base}/networks/${network.id}`);
  const gone = await member.get(`${base}/networks/${network.id}`, 404);
  t.is(gone.NeutronError.type, 'NetworkNotFound');
  await cloud.settle();
  t.false(cloud.engines.network.objects.network.has(network.id));
  t.deepEqual(await cloud.db('networks').where({ id: network.id }), []);
});

test('what only the operator decides is refused to a member', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  for (const attributes of [
    { shared: true },
    { 'router:external': true },
    { mtu: 1000 },
    { 'provider:network_type': 'flat', 'provider:physical_network': 'external' },
  ])
    await member.post(`${base}/networks`, { network: attributes }, 403);
  await member.post(`${base}/networks`, { network: { project_id: cloud.as('stranger').projectId } }, 400);
  await cloud.as('reader').post(`${base}/networks`, { network: {} }, 403);
  t.deepEqual((await member.get(`${base}/networks`)).networks, []);
});

test('malformed networks are refused with the reason', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  for (const body of [
    {},
    { network: { nmae: 'x' } },
    { network: { name: 1 } },
    { network: { name: 'x'.repeat(256) } },
    { networks: [] },
    { network: { mtu: 9001 } },
    { network: { mtu: 1443 } },
    { network: { mtu: '575' } },
    { network: { mtu: 'many' } },
    { network: { 'router:external': true } },
    { network: { 'provider:network_type': 'vlan' } },
    { network: { 'provider:segmentation_id': 5 } },
  ])
    t.truthy((await admin.post(`${base}/networks`, body, 400)).NeutronError.message);
  await admin.get(`${base}/networks/not-a-uuid`, 404);
});

test('several networks are created all or none', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { networks } = await member.post(`${base}/networks`, { networks: [{ name: 'a' }, { name: 'b' }] });
  t.is(networks.length, 2);
  await member.post(`${base}/networks`, { networks: [{ name: 'c' }, { name: 'd', shared: true }] }, 403);
  t.is((await member.get(`${base}/networks`)).networks.length, 2);
});

test('a stranger sees shared and external networks and changes neither; private ones do not exist for it', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member, stranger] = [cloud.as('admin'), cloud.as('member'), cloud.as('stranger')];
  const { network: external } = await makeExternal(cloud);
  const { network: shared, subnet } = await makeNetwork(admin, '10.1.0.0/24', { shared: true });
  const { network: own } = await makeNetwork(member);
  const seen = (await stranger.get(`${base}/networks`)).networks.map((one: { id: string }) => one.id);
  t.deepEqual(seen.toSorted(), [external.id, shared.id].toSorted());
  await stranger.get(`${base}/networks/${own.id}`, 404);
  await stranger.put(`${base}/networks/${own.id}`, { network: { name: 'mine' } }, 404);
  await stranger.delete(`${base}/networks/${own.id}`, 404);
  await stranger.put(`${base}/networks/${shared.id}`, { network: { name: 'mine' } }, 403);
  await stranger.delete(`${base}/networks/${shared.id}`, 403);
  await stranger.get(`${base}/subnets/${subnet.id}`);
  await stranger.delete(`${base}/subnets/${subnet.id}`, 403);
  await stranger.put(`${base}/networks/${shared.id}/tags/mine`, undefined, 403);
  await stranger.put(`${base}/networks/${own.id}/tags/mine`, undefined, 404);
  await makePort(stranger, shared.id);
  await makePort(stranger, external.id, {}, 403);
  await makePort(stranger, own.id, {}, 404);
  const refused = await admin.put(`${base}/networks/${shared.id}`, { network: { shared: false } }, 409);
  t.is(refused.NeutronError.type, 'InvalidSharedSetting');
});

test('a network goes with its subnets and stays while a port is on it', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network, subnet } = await makeNetwork(member);
  const port = await makePort(member, network.id);
  await cloud.settle();
  t.is((await member.delete(`${base}/networks/${network.id}`, 409)).NeutronError.type, 'NetworkInUse');
  await member.delete(`${base}/ports/${port.id}`);
  await member.delete(`${base}/networks/${network.id}`);
  await member.get(`${base}/subnets/${subnet.id}`, 404);
  await cloud.settle();
  for (const kind of ['network', 'subnet', 'port'] as const) t.is(cloud.engines.network.objects[kind].size, 0, kind);
  for (const table of ['networks', 'subnets', 'ports']) t.deepEqual(await cloud.db(table), [], table);
});

test('networks are filtered, sorted, paged both ways and cut to fields', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  for (const name of ['c', 'a', 'b']) await member.post(`${base}/networks`, { network: { name } });
  const names = async (query: string) =>
    (await member.get(`${base}/networks?${query}`)).networks.map((one: { name: string }) => one.name);
  t.deepEqual(await names('sort_key=name&sort_dir=desc'), ['c', 'b', 'a']);
  t.deepEqual(await names('name=a&name=c&sort_key=name'), ['a', 'c']);
  t.deepEqual(await names('name=a&name=c&sort_key=name&limit=1'), ['a']);
  t.deepEqual(await names('router:external=True'), []);
  t.deepEqual(await names('id=nonsense'), []);
  t.is((await names('admin_state_up=true&status=ACTIVE')).length, 3);
  t.is((await names('limit=0')).length, 3);
  const first = await member.get(`${base}/networks?sort_key=name&limit=2`);
  t.deepEqual(
    first.networks_links.map((link: { rel: string }) => link.rel),
    ['next'],
  );
  const next = new URL(first.networks_links[0].href);
  const second = await member.get(next.pathname + next.search);
  t.deepEqual(
    second.networks.map((one: { name: string }) => one.name),
    ['c'],
  );
  t.deepEqual(
    second.networks_links.map((link: { rel: string }) => link.rel),
    ['previous'],
  );
  const previous = new URL(second.networks_links[0].href);
  const again = await member.get(previous.pathname + previous.search);
  t.deepEqual(
    again.networks.map((one: { name: string }) => one.name),
    ['a', 'b'],
  );
  t.deepEqual(Object.keys((await member.get(`${base}/networks?fields=id&fields=name`)).networks[0]).toSorted(), [
    'id',
    'name',
  ]);
  await member.get(`${base}/networks?sort_key=secret`, 400);
  await member.get(`${base}/networks?marker=nonsense`, 400);
  await member.get(`${base}/networks?admin_state_up=perhaps`, 400);
});

test('networks are tagged, and found by their tags', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network } = await member.post(`${base}/networks`, { network: { name: 'tagged' } });
  await member.post(`${base}/networks`, { network: { name: 'plain' } });
  const tags = `${base}/networks/${network.id}/tags`;
  t.deepEqual(await member.put(tags, { tags: ['red', 'blue', 'red'] }), { tags: ['red', 'blue'] });
  await member.put(`${tags}/green`, undefined, 201);
  await member.get(`${tags}/green`, 204);
  await member.get(`${tags}/black`, 404);
  await member.delete(`${tags}/blue`);
  await member.delete(`${tags}/blue`, 404);
  t.deepEqual((await member.get(tags)).tags, ['green', 'red']);
  const found = async (query: string) =>
    (await member.get(`${base}/networks?${query}`)).networks.map((one: { name: string }) => one.name);
  t.deepEqual(await found('tags=red,green'), ['tagged']);
  t.deepEqual(await found('tags=red,black'), []);
  t.deepEqual(await found('tags-any=red,black'), ['tagged']);
  t.deepEqual(await found('not-tags-any=red'), ['plain']);
  await cloud.as('reader').put(tags, { tags: [] }, 403);
  await cloud.as('stranger').get(tags, 404);
  await member.delete(tags);
  t.deepEqual((await member.get(tags)).tags, []);
});

test('quotas are counted from what is there, also when many ask at once', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const quota = `${base}/quotas/${member.projectId}`;
  await member.put(quota, { quota: { network: 9 } }, 403);
  await admin.put(quota, { quota: { network: 3 } });
  const answers = await Promise.all(
    Array.from({ length: 8 }, () =>
      member.request({ method: 'POST', path: `${base}/networks`, body: { network: { name: 'many' } } }),
    ),
  );
  t.deepEqual(answers.map((answer) => answer.status).toSorted(), [201, 201, 201, 409, 409, 409, 409, 409]);
  t.is(answers.find((answer) => answer.status === 409)?.body.NeutronError.type, 'OverQuota');
  const details = (await member.get(`${quota}/details.json`)).quota;
  t.deepEqual(details.network, { limit: 3, used: 3, reserved: 0 });
  await member.get(`${base}/quotas/${cloud.as('stranger').projectId}`, 403);
  await member.get(`${base}/quotas`, 403);
  await admin.delete(quota);
  t.is((await member.get(quota)).quota.network, 100);
});

test('versions, resources and extensions are what clients expect', async (t) => {
  const cloud = await startTestCloud(t);
  const { versions } = await cloud.anonymous.get('/network/');
  t.like(versions[0], { id: 'v2.0', status: 'CURRENT', links: [{ href: 'http://cloud.test/network/v2.0/' }] });
  await cloud.anonymous.get(`${base}/networks`, 401);
  const member = cloud.as('member');
  t.true((await member.get(`${base}/`)).resources.some((one: { collection: string }) => one.collection === 'ports'));
  const { extensions } = await member.get(`${base}/extensions`);
  t.true(extensions.some((one: { alias: string }) => one.alias === 'router'));
  await member.get(`${base}/extensions/standard-attr-tag`);
  await member.get(`${base}/extensions/trunk`, 404);
});
