import test from 'ava';
import { makeExternal, makeNetwork, makeRouter } from '../../../network/testing/topology.ts';
import { startTestCloud } from '../../../tests/cloud.ts';
import { atVersion, prepareCompute } from '../../testing.ts';

const base = '/compute/v2.1';
const absent = '11111111-2222-4333-8444-555555555555';

test('floating IPs are made of pools, pointed at servers by their addresses, and deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const [member, reader, stranger] = [cloud.as('member'), cloud.as('reader'), cloud.as('stranger')];
  const external = await makeExternal(cloud, { start: '172.24.4.100', end: '172.24.4.102' });
  const { network, subnet } = await makeNetwork(member);
  await makeRouter(member, subnet.id, external.network.id);
  const make = async (body: object | null, status = 200) =>
    member.post(`${base}/os-floating-ips`, body as object, status);

  t.deepEqual(await reader.get(`${base}/os-floating-ip-pools`), { floating_ip_pools: [{ name: 'public' }] });
  const { floating_ip: made } = await make({ pool: 'public' });
  t.deepEqual(made, { id: made.id, ip: made.ip, pool: 'public', fixed_ip: null, instance_id: null });
  t.deepEqual(await reader.get(`${base}/os-floating-ips`), { floating_ips: [made] });
  t.deepEqual(await stranger.get(`${base}/os-floating-ips`), { floating_ips: [] });
  t.deepEqual(await cloud.as('admin').get(`${base}/os-floating-ips`), { floating_ips: [] }); // of their own project
  const missing = await make({ pool: 'no such' }, 404);
  t.deepEqual(missing, { itemNotFound: { code: 404, message: 'Floating IP pool not found.' } });
  await make({ pool: network.id }, 404); // no external one
  const { floating_ip: other } = await make({}); // the only pool there is
  t.is(other.pool, 'public');
  await reader.post(`${base}/os-floating-ips`, { pool: 'public' }, 403);

  const [id, second] = [await createServer(), await createServer()];
  await cloud.settle();
  const act = (body: object, status = 202, server = id) =>
    member.post(`${base}/servers/${server}/action`, body, status);
  const shown = async () => (await member.get(`${base}/os-floating-ips/${made.id}`)).floating_ip;
  await act({ addFloatingIp: { address: made.ip } });
  const { server } = await member.get(`${base}/servers/${id}`);
  const fixed = server.addresses.private[0].addr;
  t.like(await shown(), { instance_id: id, fixed_ip: fixed });
  t.deepEqual(server.addresses.private.map((one: { addr: string }) => one.addr).sort(), [fixed, made.ip].sort());
  const taken = await act({ addFloatingIp: { address: other.ip, fixed_address: fixed } }, 400);
  t.regex(taken.badRequest.message, /^Unable to associate floating IP .* already has a floating IP/);
  await act({ addFloatingIp: { address: other.ip, fixed_address: '10.99.0.1' } }, 400);
  t.is((await act({ addFloatingIp: { address: '172.24.4.250' } }, 404)).itemNotFound.code, 404);
  await act({ addFloatingIp: { address: 'here' } }, 400);
  await act({ addFloatingIp: { address: made.ip } }, 404, absent);
  await stranger.post(`${base}/servers/${id}/action`, { addFloatingIp: { address: made.ip } }, 404);

  await act({ addFloatingIp: { address: made.ip } }, 202, second); // it moves
  t.is((await shown()).instance_id, second);
  t.regex(
    (await act({ removeFloatingIp: { address: made.ip } }, 409)).conflictingRequest.message,
    /not associated with/,
  );
  await act({ removeFloatingIp: { address: made.ip } }, 202, second);
  t.is((await shown()).instance_id, null);
  await act({ removeFloatingIp: { address: '0.0.0.0' } }, 404);
  const late = atVersion(member, '2.44');
  await late.post(`${base}/servers/${id}/action`, { addFloatingIp: { address: made.ip } }, 400);

  await stranger.delete(`${base}/os-floating-ips/${made.id}`, 404);
  await member.delete(`${base}/os-floating-ips/${made.id}`, 202);
  const gone = await member.delete(`${base}/os-floating-ips/${made.id}`, 404);
  t.is(gone.itemNotFound.message, `Floating IP not found for ID ${made.id}`);
  await member.delete(`${base}/os-floating-ips/it`, 404);
  await cloud.settle(); // its address is free once it is off the engine
  await make({ pool: external.network.id });
  t.is((await make({ pool: 'public' }, 404)).itemNotFound.message, 'No more floating IPs in pool public.');
  await cloud.as('admin').put(`/network/v2.0/quotas/${member.projectId}`, { quota: { floatingip: 1 } });
  t.regex((await make({}, 403)).forbidden.message, /^IP allocation over quota\. Quota exceeded/);
});

test('networks are shown by id and name, and not from 2.36 on', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, stranger] = [cloud.as('member'), cloud.as('stranger')];
  const { network } = await makeNetwork(member);
  const { networks } = await member.get(`${base}/os-networks`);
  t.like(networks, [{ id: network.id, label: 'private', cidr: null, netmask_v6: null }]);
  t.is(Object.keys(networks[0]).length, 11);
  t.is(Object.keys((await cloud.as('admin').get(`${base}/os-networks/${network.id}`)).network).length, 32);
  const short = { id: network.id, label: 'private', cidr: 'None' };
  t.deepEqual(await member.get(`${base}/os-tenant-networks`), { networks: [short] });
  t.deepEqual(await member.get(`${base}/os-tenant-networks/${network.id}`), { network: short });
  const unknown = { itemNotFound: { code: 404, message: 'Network not found' } };
  t.deepEqual(await stranger.get(`${base}/os-networks/${network.id}`, 404), unknown);
  t.deepEqual(await member.get(`${base}/os-tenant-networks/mine`, 404), unknown);

  const [last, late] = [atVersion(member, '2.35'), atVersion(member, '2.36')];
  for (const path of [
    'os-networks',
    'os-tenant-networks',
    'os-floating-ips',
    'os-floating-ip-pools',
    'images',
    'images/detail',
    'os-security-groups',
  ]) {
    await last.get(`${base}/${path}`);
    t.is((await late.get(`${base}/${path}`, 404)).itemNotFound.message, 'The resource could not be found.', path);
  }
});
