import test from 'ava';
import { atVersion, prepareCompute } from '../../compute/testing.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import { base, makeExternal, makeNetwork } from '../testing/topology.ts';

test('a project that asks for any network gets one with a way out, once, and gives it back', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, reader, stranger] = [cloud.as('member'), cloud.as('reader'), cloud.as('stranger')];
  const path = `${base}/auto-allocated-topology/${member.projectId}`;
  const refused = await member.get(path, 409);
  t.is(refused.NeutronError.type, 'AutoAllocationFailure');
  t.is(refused.NeutronError.message, 'Deployment error: No default router:external network.');
  await member.get(`${path}?fields=dry-run`, 409);
  await makeExternal(cloud);
  t.is((await member.get(`${path}?fields=dry-run`)).auto_allocated_topology.id, 'dry-run=pass');
  t.deepEqual((await member.get(`${base}/networks?name=auto_allocated_network`)).networks, []);
  await reader.get(path, 403); // who may not make networks is not made one
  const [first, second] = await Promise.all([member.get(path), member.get(path)]);
  t.deepEqual(first, second);
  const { id } = first.auto_allocated_topology;
  t.is(first.auto_allocated_topology.tenant_id, member.projectId);
  t.deepEqual(await reader.get(path), first);
  t.deepEqual(await member.get(`${base}/auto-allocated-topology/None`), first);
  await cloud.settle();
  const { routers } = await member.get(`${base}/routers`);
  t.is(routers.length, 1);
  t.truthy(routers[0].external_gateway_info);
  await stranger.get(path, 404);
  await stranger.delete(path, 404);

  const { port } = await member.post(`${base}/ports`, { port: { network_id: id } });
  await member.delete(path, 409);
  await member.delete(`${base}/ports/${port.id}`);
  await member.delete(path);
  await member.delete(path, 404);
  await cloud.settle();
  t.deepEqual((await member.get(`${base}/routers`)).routers, []);
  t.not((await member.get(path)).auto_allocated_topology.id, id);
});

test('the external network that is marked so is the default one, and there is one', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { network } = await makeExternal(cloud);
  await member.post(`${base}/networks`, { network: { name: 'n', is_default: true } }, 403);
  await admin.post(`${base}/networks`, { network: { name: 'n', is_default: true } }, 400);
  const other = { 'router:external': true, 'provider:network_type': 'flat', 'provider:physical_network': 'other' };
  await admin.post(`${base}/networks`, { network: { name: 'other', ...other } });
  await member.get(`${base}/auto-allocated-topology/${member.projectId}`, 409);
  const marked = await admin.put(`${base}/networks/${network.id}`, { network: { is_default: true } });
  t.true(marked.network.is_default);
  const twice = await admin.post(
    `${base}/networks`,
    { network: { ...other, 'provider:physical_network': 'third', is_default: true } },
    409,
  );
  t.is(twice.NeutronError.type, 'DefaultExternalNetworkExists');
  await member.get(`${base}/auto-allocated-topology/${member.projectId}`);
  t.is((await member.get(`${base}/networks?is_default=true`)).networks.length, 1);
});

test('a server asks for any network or for none', async (t) => {
  const cloud = await startTestCloud(t);
  const { imageId, show } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const asked = atVersion(member, '2.37');
  const create = async (networks: unknown, status = 202) =>
    (await asked.post(
      '/compute/v2.1/servers',
      { server: { name: 'w', imageRef: imageId, flavorRef: 'tiny', networks } },
      status,
    )) as { server: { id: string }; badRequest: { message: string }; conflictingRequest: { message: string } };
  t.is(
    (await create('auto', 400)).badRequest.message,
    `Unable to automatically allocate a network for project ${member.projectId}: Deployment error: No default router:external network.`,
  );
  await makeExternal(cloud);
  const [none, auto] = [await create('none'), await create('auto')];
  const again = await create('auto');
  await create('any', 400);
  await create(undefined, 400);
  await cloud.settle();
  t.deepEqual((await show(none.server.id)).addresses, {});
  for (const { server } of [auto, again])
    t.deepEqual(Object.keys((await show(server.id)).addresses as object), ['auto_allocated_network']);
  await makeNetwork(member);
  t.regex((await create('auto', 409)).conflictingRequest.message, /Multiple possible networks/);
  const old = { name: 'w', imageRef: imageId, flavorRef: 'tiny', networks: 'none' };
  await member.post('/compute/v2.1/servers', { server: old }, 400);
});
