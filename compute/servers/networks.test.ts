import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { prepareCompute, type TestCloud } from '../testing.ts';

async function makeNetwork(cloud: TestCloud, name: string, cidr: string): Promise<string> {
  const member = cloud.as('member');
  const { network } = await member.post('/network/v2.0/networks', { network: { name } });
  const subnet = { network_id: network.id, ip_version: 4, cidr };
  await member.post('/network/v2.0/subnets', { subnet });
  return network.id;
}

test("a server that names no network gets the project's only one, shows its address, and gives it back", async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const network = await makeNetwork(cloud, 'front', '10.1.0.0/24');
  const id = await createServer();
  await cloud.settle();
  const server = await show(id);
  t.is(server.status, 'ACTIVE');
  const [address] = (server.addresses as Record<string, Record<string, unknown>[]>).front ?? [];
  t.like(address, { version: 4, 'OS-EXT-IPS:type': 'fixed' });
  t.regex(String(address?.addr), /^10\.1\.0\./);
  t.deepEqual(server.security_groups, [{ name: 'default' }]);
  t.is(host.servers.get(id)?.spec.ports[0]?.addresses[0]?.address, address?.addr as string);
  const ips = await member.get(`/compute/v2.1/servers/${id}/ips/front`);
  t.deepEqual(ips, { front: [{ version: 4, addr: address?.addr }] });
  await member.get(`/compute/v2.1/servers/${id}/ips/back`, 404);
  const { ports } = await member.get(`/network/v2.0/ports?device_id=${id}`);
  t.like(ports[0], { network_id: network, device_owner: 'compute:nova' });

  await makeNetwork(cloud, 'back', '10.2.0.0/24');
  const body = { server: { name: 'w', imageRef: (server.image as { id: string }).id, flavorRef: 'tiny' } };
  const ambiguous = await member.post('/compute/v2.1/servers', body, 409);
  t.is(ambiguous.conflictingRequest.message, 'Multiple possible networks found, use a Network ID to be more specific.');
  await member.delete(`/compute/v2.1/servers/${id}`);
  await cloud.settle();
  t.deepEqual((await member.get(`/network/v2.0/ports?device_id=${id}`)).ports, []);
});

test('a port made before is used, kept when the server goes, and not for two servers or for strangers', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, imageId } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const networkId = await makeNetwork(cloud, 'front', '10.1.0.0/24');
  const { port } = await member.post('/network/v2.0/ports', { port: { network_id: networkId } });
  const body = { server: { name: 'w', imageRef: imageId, flavorRef: 'tiny', networks: [{ port: port.id }] } };
  await cloud.as('stranger').post('/compute/v2.1/servers', body, 400);
  const id = await createServer({ networks: [{ port: port.id }] });
  await member.post('/compute/v2.1/servers', body, 409);
  await cloud.settle();
  await member.delete(`/compute/v2.1/servers/${id}`);
  await cloud.settle();
  t.is((await member.get(`/network/v2.0/ports/${port.id}`)).port.device_id, '');
  const asked = { networks: [{ uuid: networkId, fixed_ip: '10.1.0.77' }] };
  const fixed = await createServer(asked);
  const { addresses } = await member.get(`/compute/v2.1/servers/${fixed}/ips`);
  t.is(addresses.front[0].addr, '10.1.0.77');
  const foreign = { server: { name: 'w', imageRef: imageId, flavorRef: 'tiny', networks: [{ uuid: networkId }] } };
  await cloud.as('stranger').post('/compute/v2.1/servers', foreign, 400);
});

test('no server is made on a network without a subnet, where it could have no address', async (t) => {
  const cloud = await startTestCloud(t);
  const { imageId, createServer } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const { network } = await member.post('/network/v2.0/networks', { network: { name: 'bare' } });
  const make = async (port: object) =>
    (await member.post('/network/v2.0/ports', { port: { network_id: network.id, ...port } })).port.id;
  const port = await make({});
  const refused = async (networks?: object[]) => {
    const server = { name: 'w', imageRef: imageId, flavorRef: 'tiny', networks };
    return (await member.post('/compute/v2.1/servers', { server }, 400)).badRequest.message;
  };
  const why = `Network ${network.id} requires a subnet in order to boot instances on.`;
  t.is(await refused([{ uuid: network.id }]), why);
  t.is(await refused(), why, 'nor because it is the only network there is');
  t.is(await refused([{ port }]), `Port ${port} requires a FixedIP in order to be used.`);
  await member.post('/network/v2.0/subnets', {
    subnet: { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24' },
  });
  await createServer({ networks: [{ uuid: network.id }] });
  await createServer({ networks: [{ port: await make({ fixed_ips: [] }) }] });
  t.is((await member.get('/compute/v2.1/servers')).servers.length, 2);
});

test('a network may have any name, and its servers are shown and listed all the same', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const names = ['constructor', '__proto__', 'toString'];
  const networks = [];
  for (const [index, name] of names.entries())
    networks.push({ uuid: await makeNetwork(cloud, name, `10.${index + 1}.0.0/24`) });
  const id = await createServer({ networks });
  await cloud.settle();
  const member = cloud.as('member');
  const { server } = await member.get(`/compute/v2.1/servers/${id}`);
  t.deepEqual(Object.keys(server.addresses).sort(), names.toSorted());
  const { servers } = await cloud.as('admin').get('/compute/v2.1/servers/detail?all_tenants=1');
  t.is(servers.length, 1);
  const text = (await member.request({ method: 'GET', path: `/compute/v2.1/servers/${id}/ips/__proto__` })).text;
  t.regex(text, /^{"__proto__":\[{"version":4,"addr":"10\.2\.0\.\d+"}\]}$/);
});
