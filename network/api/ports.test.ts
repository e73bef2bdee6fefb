import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { createPort } from '../ports.ts';
import { base, makeNetwork, makePort } from '../testing/topology.ts';

test('a port gets an address, a MAC address and the default group, and is active once a host carries it', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network, subnet } = await makeNetwork(member);
  const port = await makePort(member, network.id, { name: 'p' });
  t.regex(port.mac_address, /^fa:16:3e(:[0-9a-f]{2}){3}$/);
  t.like(port, { status: 'DOWN', name: 'p', device_id: '', device_owner: '', 'binding:vnic_type': 'normal' });
  t.is(port.fixed_ips.length, 1);
  t.is(port.fixed_ips[0].subnet_id, subnet.id);
  const { security_groups: groups } = await member.get(`${base}/security-groups?name=default`);
  t.deepEqual(port.security_groups, [groups[0].id]);
  t.false('binding:host_id' in port);
  await cloud.settle();
  const drawn = cloud.engines.network.objects.port.get(port.id);
  t.like(drawn, { macAddress: port.mac_address, portSecurityEnabled: true, securityGroupIds: [groups[0].id] });
  cloud.engines.network.setPortStatus(port.id, 'up');
  await cloud.sweep();
  t.is((await member.get(`${base}/ports/${port.id}`)).port.status, 'ACTIVE');
  t.is((await cloud.as('admin').get(`${base}/ports/${port.id}`)).port['binding:vif_type'], 'unbound');
});

test('addresses are chosen, kept, replaced and given back', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network, subnet } = await makeNetwork(member);
  const port = await makePort(member, network.id, { fixed_ips: [{ ip_address: '10.0.0.50' }] });
  const refused = async (fixedIps: object[], status: number, type: string) => {
    const body = { port: { network_id: network.id, fixed_ips: fixedIps } };
    t.is((await member.post(`${base}/ports`, body, status)).NeutronError.type, type);
  };
  await refused([{ ip_address: '10.0.0.50' }], 409, 'IpAddressInUse');
  await refused([{ ip_address: '10.1.0.50' }], 400, 'InvalidIpForNetwork');
  await refused([{ ip_address: '10.0.0.255' }], 400, 'InvalidIpForNetwork');
  await refused([{ ip_address: '10.1.0.50', subnet_id: subnet.id }], 400, 'InvalidIpForSubnet');
  await refused([{ subnet_id: network.id }], 404, 'SubnetNotFound');
  await refused(Array(6).fill({ subnet_id: subnet.id }), 400, 'InvalidInput');
  t.deepEqual((await makePort(member, network.id, { fixed_ips: [] })).fixed_ips, []);
  const { port: changed } = await member.put(`${base}/ports/${port.id}`, {
    port: { fixed_ips: [{ ip_address: '10.0.0.50' }, { ip_address: '10.0.0.51' }] },
  });
  t.deepEqual(
    changed.fixed_ips.map((one: { ip_address: string }) => one.ip_address),
    ['10.0.0.50', '10.0.0.51'],
  );
  await member.put(`${base}/ports/${port.id}`, { port: { fixed_ips: [{ ip_address: '10.0.0.51' }] } });
  await makePort(member, network.id, { fixed_ips: [{ ip_address: '10.0.0.50' }] });
  await cloud.settle();
  t.deepEqual(
    cloud.engines.network.objects.port.get(port.id)?.fixedIps.map((one) => one.address),
    ['10.0.0.51'],
  );
});

test('a deleted port’s address is free at once, and drawn for its new owner only after the old one is off the engine', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network } = await makeNetwork(member);
  const fixed = { fixed_ips: [{ ip_address: '10.0.0.50' }] };
  const old = await makePort(member, network.id, { ...fixed, mac_address: 'fa:16:3e:00:00:01' });
  await cloud.settle();
  await member.delete(`${base}/ports/${old.id}`);
  const fresh = await makePort(member, network.id, { ...fixed, mac_address: 'fa:16:3e:00:00:01' });
  const { port } = cloud.engines.network.objects;
  cloud.engines.network.fault = (operation, id) =>
    operation === 'remove' && id === old.id ? new Error('not now') : undefined;
  await cloud.settle();
  t.true(port.has(old.id));
  t.false(port.has(fresh.id));
  cloud.engines.network.fault = () => undefined;
  await cloud.settle();
  t.deepEqual([...port.keys()], [fresh.id]);
});

test('a full subnet is said to be full, and parallel requests never share an address', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network } = await makeNetwork(member, '10.0.0.0/28'); // 13 without the gateway
  const answers = await Promise.all(
    Array.from({ length: 16 }, () =>
      member.request({ method: 'POST', path: `${base}/ports`, body: { port: { network_id: network.id } } }),
    ),
  );
  const made = answers.filter((answer) => answer.status === 201);
  const addresses = made.map((answer) => answer.body.port.fixed_ips[0].ip_address);
  t.is(made.length, 13);
  t.is(new Set(addresses).size, 13);
  t.false(addresses.includes('10.0.0.1'));
  const refused = answers.find((answer) => answer.status !== 201);
  t.is(refused?.status, 409);
  t.is(refused?.body.NeutronError.type, 'IpAddressGenerationFailure');
});

test('a network without subnets gives ports without addresses', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network } = await member.post(`${base}/networks`, { network: {} });
  t.deepEqual((await makePort(member, network.id)).fixed_ips, []);
});

test('what others rely on cannot be taken by a port', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member, stranger] = [cloud.as('admin'), cloud.as('member'), cloud.as('stranger')];
  const { network } = await makeNetwork(member);
  const refused = async (attributes: object, status: number) => makePort(member, network.id, attributes, status);
  for (const owner of ['network:dhcp', 'network:router_interface', 'network:anything'])
    await refused({ device_owner: owner }, 403);
  await makePort(admin, network.id, { device_owner: 'network:router_interface' }, 400);
  await refused({ mac_address: '01:00:00:00:00:00' }, 400);
  await refused({ mac_address: 'nonsense' }, 400);
  await refused({ 'binding:host_id': 'host-1' }, 403);
  await refused({ 'binding:profile': { a: 1 } }, 403);
  await refused({ security_groups: ['1b4c1b6e-0000-4000-8000-000000000000'] }, 404);
  const { security_groups: foreign } = await stranger.get(`${base}/security-groups`);
  await refused({ security_groups: [foreign[0].id] }, 404);
  const pairs = (...addresses: string[]) => ({ allowed_address_pairs: addresses.map((one) => ({ ip_address: one })) });
  await refused(pairs('0.0.0.0/0'), 403);
  await refused(pairs('10.0.0.1'), 403);
  await refused(pairs('169.254.169.254'), 403);
  await refused(pairs('nonsense'), 400);
  await refused(pairs('10.9.0.0/24', '10.9.0.0/24'), 400);
  await refused(pairs(...Array.from({ length: 11 }, (_, i) => `10.9.0.${i}`)), 400);
  await refused({ ...pairs('10.9.0.0/24'), port_security_enabled: false }, 409);
  const allowed = await makePort(member, network.id, pairs('10.9.0.0/24'));
  t.deepEqual(allowed.allowed_address_pairs, [{ ip_address: '10.9.0.0/24', mac_address: allowed.mac_address }]);
  const { network: shared } = await makeNetwork(admin, '10.2.0.0/24', { shared: true });
  for (const attributes of [
    { mac_address: 'fa:16:3e:00:00:05' },
    { fixed_ips: [{ ip_address: '10.2.0.9' }] },
    { port_security_enabled: false },
    pairs('10.2.0.9'),
  ])
    await makePort(stranger, shared.id, attributes, 403);
  const mac = (await makePort(member, network.id)).mac_address;
  t.is(await refused({ mac_address: mac }, 409), undefined);
});

test('port security and security groups exclude each other’s absence', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network } = await makeNetwork(member);
  const open = await makePort(member, network.id, { port_security_enabled: false });
  t.deepEqual(open.security_groups, []);
  const secured = await makePort(member, network.id);
  await member.put(`${base}/ports/${secured.id}`, { port: { port_security_enabled: false } }, 409);
  const { port } = await member.put(`${base}/ports/${secured.id}`, {
    port: { port_security_enabled: false, security_groups: [] },
  });
  t.like(port, { port_security_enabled: false, security_groups: [] });
  await member.put(`${base}/ports/${secured.id}`, { port: { security_groups: secured.security_groups } }, 409);
  await cloud.settle();
  t.is(cloud.engines.network.objects.port.get(secured.id)?.portSecurityEnabled, false);
});

test('a stranger can do nothing with a port, and cannot put its own into another’s guest', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, stranger] = [cloud.as('member'), cloud.as('stranger')];
  const { network, subnet } = await makeNetwork(member);
  const port = await makePort(member, network.id);
  await stranger.get(`${base}/ports/${port.id}`, 404);
  await stranger.put(`${base}/ports/${port.id}`, { port: { name: 'x' } }, 404);
  await stranger.delete(`${base}/ports/${port.id}`, 404);
  t.deepEqual((await stranger.get(`${base}/ports?fixed_ips=subnet_id=${subnet.id}`)).ports, []);
  await cloud.as('reader').get(`${base}/ports/${port.id}`);
  await cloud.as('reader').delete(`${base}/ports/${port.id}`, 403);
});

test('a port in a guest stays that guest’s', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network } = await makeNetwork(member);
  const { id } = await cloud.db.transaction((trx) =>
    createPort(trx, {
      projectId: member.projectId,
      visible: { projectId: member.projectId },
      networkId: network.id,
      deviceId: 'guest-1',
      deviceOwner: 'compute:nova',
      hostName: null,
    }),
  );
  for (const attributes of [{ device_id: 'guest-2' }, { device_owner: '' }])
    t.is((await member.put(`${base}/ports/${id}`, { port: attributes }, 409)).NeutronError.type, 'PortInUse');
  await member.put(`${base}/ports/${id}`, { port: { name: 'eth0' } });
});

test('ports are found by what they hold', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network, subnet } = await makeNetwork(member);
  const one = await makePort(member, network.id, { fixed_ips: [{ ip_address: '10.0.0.77' }], device_id: 'd' });
  await makePort(member, network.id, { fixed_ips: [{ ip_address: '10.0.0.8' }], security_groups: [] });
  const found = async (query: string) =>
    (await member.get(`${base}/ports?${query}`)).ports.map((port: { id: string }) => port.id);
  t.deepEqual(await found('fixed_ips=ip_address=10.0.0.77'), [one.id]);
  t.deepEqual(await found('fixed_ips=ip_address_substr=0.77'), [one.id]);
  t.is((await found(`fixed_ips=subnet_id=${subnet.id}`)).length, 2);
  t.deepEqual(await found(`fixed_ips=subnet_id=${subnet.id}&fixed_ips=ip_address=10.0.0.77`), [one.id]);
  t.deepEqual(await found('device_id=d'), [one.id]);
  t.deepEqual(await found(`mac_address=${one.mac_address}`), [one.id]);
  t.deepEqual(await found(`security_groups=${one.security_groups[0]}`), [one.id]);
  t.is((await found('status=DOWN')).length, 2);
  t.deepEqual(await found('device_owner=network:dhcp'), []);
});
