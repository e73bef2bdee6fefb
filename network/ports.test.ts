import { randomUUID } from 'node:crypto';
import test from 'ava';
import { type Client, startTestCloud, type TestCloud } from '../tests/cloud.ts';
import {
  addressesOf,
  bindPort,
  createPort,
  defaultNetworkFor,
  guestPorts,
  type PortRequest,
  releasePorts,
  resolveSecurityGroups,
  securityGroupNamesOf,
} from './ports.ts';
import { base, makeExternal, makeNetwork, makePort, makeRouter } from './testing/topology.ts';

const plug = (cloud: TestCloud, owner: Client, request: Partial<PortRequest> & { deviceId: string }) =>
  cloud.db.transaction((trx) =>
    createPort(trx, {
      projectId: owner.projectId,
      visible: { projectId: owner.projectId },
      deviceOwner: 'compute:nova',
      hostName: 'host-1',
      ...request,
    }),
  );

test('a guest gets its ports in order, with all that a driver plugs', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const deviceId = randomUUID();
  const { network, subnet } = await makeNetwork(member);
  const { network: second } = await makeNetwork(member, '10.1.0.0/16');
  const given = await makePort(member, second.id);
  const made = await plug(cloud, member, { deviceId, networkId: network.id, fixedIp: '10.0.0.40', name: 'eth0' });
  await plug(cloud, member, { deviceId, portId: given.id });
  const ports = (await guestPorts(cloud.db, [deviceId, randomUUID()])).get(deviceId);
  t.deepEqual(
    ports?.map((port) => port.id),
    [made.id, given.id],
  );
  t.like(ports?.[0], {
    mtu: 1442,
    addresses: [{ address: '10.0.0.40', prefixLength: 24, gateway: '10.0.0.1' }],
    dnsServers: ['9.9.9.9'],
  });
  t.is(ports?.[1]?.addresses[0]?.prefixLength, 16);
  t.like((await member.get(`${base}/ports/${given.id}`)).port, { device_id: deviceId, device_owner: 'compute:nova' });
  t.deepEqual((await securityGroupNamesOf(cloud.db, [deviceId])).get(deviceId), ['default']);

  const external = await makeExternal(cloud);
  await makeRouter(member, subnet.id, external.network.id);
  const { floatingip } = await member.post(`${base}/floatingips`, {
    floatingip: { floating_network_id: external.network.id, port_id: made.id },
  });
  const addresses = (await addressesOf(cloud.db, [deviceId])).get(deviceId);
  t.deepEqual(
    addresses?.map((one) => [one.networkName, one.address, one.type, one.version]),
    [
      ['private', '10.0.0.40', 'fixed', 4],
      ['private', floatingip.floating_ip_address, 'floating', 4],
      ['private', given.fixed_ips[0].ip_address, 'fixed', 4],
    ],
  );
});

test('releasing deletes what was made for the guest and frees what the user gave', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const deviceId = randomUUID();
  const { network } = await makeNetwork(member);
  const given = await makePort(member, network.id);
  const made = await plug(cloud, member, { deviceId, networkId: network.id });
  await plug(cloud, member, { deviceId, portId: given.id });
  await cloud.db.transaction((trx) => bindPort(trx, made.id, 'host-2'));
  t.is((await cloud.as('admin').get(`${base}/ports/${made.id}`)).port['binding:host_id'], 'host-2');
  for (let twice = 0; twice < 2; twice += 1) await cloud.db.transaction((trx) => releasePorts(trx, deviceId));
  await member.get(`${base}/ports/${made.id}`, 404);
  t.like((await member.get(`${base}/ports/${given.id}`)).port, { device_id: '', device_owner: '' });
  t.deepEqual(await guestPorts(cloud.db, [deviceId]), new Map());
  await cloud.settle();
  t.deepEqual([...cloud.engines.network.objects.port.keys()], [given.id]);
  const again = await plug(cloud, member, { deviceId: randomUUID(), portId: given.id });
  t.is(again.id, given.id);
});

test('a port serves one guest, and nobody slips one into another’s', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, stranger] = [cloud.as('member'), cloud.as('stranger')];
  const deviceId = randomUUID();
  const { network } = await makeNetwork(member);
  const { network: foreign } = await makeNetwork(stranger);
  const { id } = await plug(cloud, member, { deviceId, networkId: network.id });
  const planted = await makePort(stranger, foreign.id, { device_id: deviceId, device_owner: 'compute:nova' });
  t.deepEqual(
    (await guestPorts(cloud.db, [deviceId])).get(deviceId)?.map((port) => port.id),
    [id],
  );
  await t.throwsAsync(plug(cloud, member, { deviceId: randomUUID(), portId: id }), { name: 'PortInUse' });
  await t.throwsAsync(plug(cloud, member, { deviceId, portId: planted.id }), { name: 'NotFound' });
  await t.throwsAsync(plug(cloud, stranger, { deviceId, networkId: network.id }), { name: 'NotFound' });
  await t.throwsAsync(plug(cloud, stranger, { deviceId, portId: 'nonsense' }), { name: 'NotFound' });
  await t.throwsAsync(plug(cloud, member, { deviceId, networkId: network.id, securityGroupIds: [foreign.id] }), {
    name: 'NotFound',
  });
});

test('the default network is the only one there is', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  await makeExternal(cloud);
  t.is(await defaultNetworkFor(cloud.db, member.projectId), undefined);
  const { network: shared } = await makeNetwork(admin, '10.2.0.0/24', { shared: true });
  t.is(await defaultNetworkFor(cloud.db, member.projectId), shared.id);
  const { network: own } = await makeNetwork(member);
  t.is(await defaultNetworkFor(cloud.db, member.projectId), own.id);
  await makeNetwork(member);
  await t.throwsAsync(defaultNetworkFor(cloud.db, member.projectId), { name: 'Conflict' });
});

test('security groups are found by name and by id, within the project', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, stranger] = [cloud.as('member'), cloud.as('stranger')];
  const make = async (owner: Client, name: string) =>
    (await owner.post(`${base}/security-groups`, { security_group: { name } })).security_group.id;
  const [web, foreign] = [await make(member, 'web'), await make(stranger, 'theirs')];
  const resolve = (...given: string[]) => resolveSecurityGroups(cloud.db, member.projectId, given);
  t.deepEqual(await resolve('web', web), [web]);
  t.is((await resolve('default')).length, 1);
  await t.throwsAsync(resolve('theirs'), { name: 'NotFound' });
  await t.throwsAsync(resolve(foreign), { name: 'NotFound' });
  await make(member, 'web');
  await t.throwsAsync(resolve('web'), { name: 'Conflict' });
  t.deepEqual(await resolve(web), [web]);
});
