import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { base, makeNetwork, makePort } from '../testing/topology.ts';

test('a subnet gets the usual gateway and pool, and the engine what DHCP says', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network, subnet } = await makeNetwork(member, '10.0.0.7/24');
  t.like(subnet, {
    network_id: network.id,
    cidr: '10.0.0.0/24',
    gateway_ip: '10.0.0.1',
    enable_dhcp: true,
    ip_version: 4,
    allocation_pools: [{ start: '10.0.0.2', end: '10.0.0.254' }],
    dns_nameservers: ['9.9.9.9'],
    host_routes: [],
  });
  await cloud.settle();
  t.like(cloud.engines.network.objects.subnet.get(subnet.id), { cidr: '10.0.0.0/24', mtu: 1442, enableDhcp: true });
  const changed = await member.put(`${base}/subnets/${subnet.id}`, {
    subnet: { host_routes: [{ destination: '10.9.0.1/16', nexthop: '10.0.0.9' }], gateway_ip: null },
  });
  t.like(changed.subnet, { gateway_ip: null, host_routes: [{ destination: '10.9.0.0/16', nexthop: '10.0.0.9' }] });
  await cloud.settle();
  t.is(cloud.engines.network.objects.subnet.get(subnet.id)?.gatewayIp, null);
});

test('subnets that cannot work are refused by name', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network } = await makeNetwork(member);
  const refused = async (attributes: object, status: number, type: string) => {
    const subnet = { network_id: network.id, ip_version: 4, cidr: '10.5.0.0/24', ...attributes };
    t.is(
      (await member.post(`${base}/subnets`, { subnet }, status)).NeutronError.type,
      type,
      JSON.stringify(attributes),
    );
  };
  await refused({ cidr: '10.0.0.128/25' }, 400, 'InvalidInput'); // overlaps
  await refused({ cidr: '10.5.0.0' }, 400, 'InvalidInput');
  await refused({ cidr: '127.0.0.0/8' }, 400, 'InvalidInput');
  await refused({ cidr: '0.0.0.0/0' }, 400, 'InvalidInput');
  await refused({ cidr: '224.1.0.0/16' }, 400, 'InvalidInput');
  await refused({ ip_version: 6, cidr: 'fd00::/64' }, 400, 'InvalidInput');
  await refused({ ip_version: 4, cidr: 'fd00::/64' }, 400, 'InvalidInput');
  await refused({ gateway_ip: '10.6.0.1' }, 400, 'InvalidInput');
  await refused({ gateway_ip: '10.5.0.255' }, 400, 'InvalidInput');
  await refused({ dns_nameservers: ['a\nb'] }, 400, 'InvalidInput');
  await refused({ host_routes: [{ destination: 'x', nexthop: '10.5.0.1' }] }, 400, 'InvalidInput');
  const pools = (...ranges: [string, string][]) => ({
    allocation_pools: ranges.map(([start, end]) => ({ start: `10.5.0.${start}`, end: `10.5.0.${end}` })),
  });
  await refused(pools(['1', '5']), 409, 'GatewayConflictWithAllocationPools');
  await refused(pools(['2', '9'], ['9', '12']), 409, 'OverlappingAllocationPools');
  await refused(pools(['2', '255']), 400, 'OutOfBoundsAllocationPool');
  await refused(pools(['9', '2']), 400, 'InvalidInput');
  await refused({ network_id: '1b4c1b6e-0000-4000-8000-000000000000' }, 404, 'NetworkNotFound');
  await cloud
    .as('stranger')
    .post(`${base}/subnets`, { subnet: { network_id: network.id, ip_version: 4, cidr: '10.7.0.0/24' } }, 404);
});

test('of two overlapping subnets created at once only one is made', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network } = await member.post(`${base}/networks`, { network: {} });
  const answers = await Promise.all(
    ['10.0.0.0/24', '10.0.0.0/25', '10.0.0.128/25'].map((cidr) =>
      member.request({
        method: 'POST',
        path: `${base}/subnets`,
        body: { subnet: { network_id: network.id, ip_version: 4, cidr } },
      }),
    ),
  );
  const made = answers.filter((answer) => answer.status === 201).map((answer) => answer.body.subnet.cidr);
  t.true(made.length >= 1 && !(made.includes('10.0.0.0/24') && made.length > 1), made.join());
});

test('a subnet stays while a port has an address of it', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network, subnet } = await makeNetwork(member);
  const port = await makePort(member, network.id);
  t.is((await member.delete(`${base}/subnets/${subnet.id}`, 409)).NeutronError.type, 'SubnetInUse');
  await member.delete(`${base}/ports/${port.id}`);
  await member.delete(`${base}/subnets/${subnet.id}`);
  await cloud.settle();
  t.deepEqual(await cloud.db('subnets'), []);
  t.is(cloud.engines.network.objects.subnet.size, 0);
});

test('subnets are found by network and prefix', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network, subnet } = await makeNetwork(member);
  const found = async (query: string) => (await member.get(`${base}/subnets?${query}`)).subnets.length;
  t.is(await found(`network_id=${network.id}&cidr=10.0.0.0/24&ip_version=4`), 1);
  t.is(await found('ip_version=6'), 0);
  t.is(await found('cidr=10.0.0.0/25'), 0);
  t.is((await member.get(`${base}/networks/${network.id}`)).network.subnets[0], subnet.id);
});
