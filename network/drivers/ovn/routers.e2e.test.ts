/** What OVN makes of the driver's routers, seen by packets. */
import { randomUUID } from 'node:crypto';
import test from 'ava';
import { exampleLeg, exampleNetwork, exampleRouter, exampleRule, exampleSubnet } from '../example-specs.ts';
import {
  address,
  anyEgress,
  fetches,
  icmpIngress,
  isCutOff,
  reaches,
  serve,
  setUp,
  tcpIngress,
} from './testing/guests.ts';
import { OUTSIDE_ADDRESS, PHYSICAL_NETWORK } from './testing/private-ovn.ts';
import { until } from './testing/until.ts';

test.serial('guests reach the outside through their router, and are reached at their floating IP', async (t) => {
  const world = await setUp(t, [anyEgress(), icmpIngress(), tcpIngress(8080)]);
  const { ovn, driver, network, subnet, group, newPort, plug } = world;
  for (let round = 0; round < 2; round++) {
    const external = exampleNetwork({ physicalNetwork: PHYSICAL_NETWORK, mtu: 1500 });
    await driver.ensureNetwork(external);
    const port = newPort('10.20.0.5');
    const guest = await plug(port);
    await address(guest, '10.20.0.5/24');
    await guest.run('ip', 'route', 'add', 'default', 'via', '10.20.0.1');
    const router = exampleRouter({
      gateway: { ...exampleLeg(external.id, '172.24.4.9'), nextHop: OUTSIDE_ADDRESS, enableSnat: true },
      interfaces: [exampleLeg(network.id, '10.20.0.1')],
    });
    await driver.ensureRouter(router);
    await until('the outside is reached', () => reaches(guest, OUTSIDE_ADDRESS));
    t.true(await isCutOff(ovn.outside, '172.24.4.20'));

    const floating = { id: randomUUID(), floatingAddress: '172.24.4.20', fixedAddress: '10.20.0.5', portId: port.id };
    await driver.ensureRouter({ ...router, floatingIps: [floating] });
    await until('the floating IP is reached', () => reaches(ovn.outside, '172.24.4.20'));
    t.true(await reaches(guest, OUTSIDE_ADDRESS));
    serve(guest, 8080);
    serve(guest, 8081);
    await until('TCP passes', () => fetches(ovn.outside, '172.24.4.20:8080'));
    t.false(await fetches(ovn.outside, '172.24.4.20:8081'));

    await driver.ensureRouter({ ...router, gateway: { ...router.gateway!, enableSnat: false } });
    await until('the floating IP is gone', () => isCutOff(ovn.outside, '172.24.4.20'));
    t.true(await isCutOff(guest, OUTSIDE_ADDRESS));

    await driver.remove('router', router.id);
    await driver.remove('port', port.id);
    await driver.remove('network', external.id);
    await ovn.unplug(port);
    t.deepEqual(await ovn.rows('northbound', 'Logical_Router_Port'), []);
    t.is(
      (await ovn.rows('northbound', 'Logical_Switch_Port')).length,
      1,
      'where metadata of the network that is left is',
    );
    t.deepEqual(await ovn.rows('northbound', 'NAT'), []);
    t.deepEqual(await ovn.rows('northbound', 'Gateway_Chassis'), []);
  }
  await driver.remove('security-group', group.id);
  await driver.remove('subnet', subnet.id);
  await driver.remove('network', network.id);
  for (const table of ['Logical_Switch', 'Logical_Router', 'DHCP_Options', 'Logical_Router_Static_Route']) {
    t.deepEqual(await ovn.rows('northbound', table), [], table);
  }
  t.is((await ovn.rows('northbound', 'Port_Group')).length, 1, 'the group of all protected ports stays');
  await until(
    'nothing is left on the host',
    async () => (await ovn.rows('southbound', 'Datapath_Binding')).length === 0,
  );
});

test.serial('two networks reach each other through a router, and a static route is followed', async (t) => {
  const { driver, network, newPort, plug } = await setUp(t);
  const other = exampleNetwork();
  const otherSubnet = exampleSubnet(other.id, { cidr: '10.30.0.0/24', gatewayIp: '10.30.0.1' });
  await driver.ensureNetwork(other);
  await driver.ensureSubnet(otherSubnet);
  const legs = [exampleLeg(network.id, '10.20.0.1'), exampleLeg(other.id, '10.30.0.1')];
  const router = exampleRouter({ interfaces: legs });
  await driver.ensureRouter(router);
  const hopPort = newPort('10.30.0.6', {
    networkId: other.id,
    fixedIps: [{ subnetId: otherSubnet.id, address: '10.30.0.6' }],
    allowedAddressPairs: [{ address: '198.51.100.7', macAddress: null }],
  });
  const [a, hop] = [await plug(newPort('10.20.0.5')), await plug(hopPort)];
  await address(a, '10.20.0.5/24');
  await a.run('ip', 'route', 'add', 'default', 'via', '10.20.0.1');
  await address(hop, '10.30.0.6/24');
  await hop.run('ip', 'route', 'add', 'default', 'via', '10.30.0.1');
  await address(hop, '198.51.100.7/32');
  await until('the other network is reached', () => reaches(a, '10.30.0.6'));
  t.true(await isCutOff(a, '198.51.100.7'));
  await driver.ensureRouter({ ...router, routes: [{ destination: '198.51.100.0/24', nexthop: '10.30.0.6' }] });
  await until('the route is followed', () => reaches(a, '198.51.100.7'));
  await driver.ensureRouter({ ...router, adminStateUp: false });
  await until('a router that is down routes nothing', () => isCutOff(a, '10.30.0.6'));
});

test.serial('an IPv6 guest learns its default route from the router, and reaches another network', async (t) => {
  const icmpv6 = exampleRule({ protocol: 'icmp', ethertype: 'IPv6' });
  const { driver, network, newPort, plug } = await setUp(t, [
    exampleRule({ direction: 'egress', ethertype: 'IPv6' }),
    icmpv6,
  ]);
  const other = exampleNetwork();
  const v6 = (networkId: string, prefix: string) =>
    exampleSubnet(networkId, { cidr: `${prefix}::/64`, gatewayIp: `${prefix}::1`, dnsNameservers: ['2001:db8::53'] });
  const [here, there] = [v6(network.id, '2001:db8:1'), v6(other.id, '2001:db8:2')];
  await driver.ensureNetwork(other);
  for (const subnet of [here, there]) await driver.ensureSubnet(subnet);
  const legs = [exampleLeg(network.id, '2001:db8:1::1', 64), exampleLeg(other.id, '2001:db8:2::1', 64)];
  await driver.ensureRouter(exampleRouter({ interfaces: legs }));
  const a = await plug(newPort('', { fixedIps: [{ subnetId: here.id, address: '2001:db8:1::5' }] }));
  const ports = { networkId: other.id, fixedIps: [{ subnetId: there.id, address: '2001:db8:2::5' }] };
  const b = await plug(newPort('', ports));
  for (const [guest, own] of [
    [a, '2001:db8:1::5/64'],
    [b, '2001:db8:2::5/64'],
  ] as const) {
    await guest.run('sysctl', '-qw', 'net.ipv6.conf.eth0.accept_ra=2');
    await guest.run('ip', 'address', 'add', own, 'dev', 'eth0', 'nodad');
    // Up again: the kernel asks for a router then, rather than waiting for one to speak.
    await guest.run('ip', 'link', 'set', 'eth0', 'down');
    await guest.run('ip', 'link', 'set', 'eth0', 'up');
    await guest.run('ip', 'address', 'replace', own, 'dev', 'eth0', 'nodad');
    const routes = () => guest.run('ip', '-6', 'route', 'show', 'default');
    await until('the default route is learned', async () => (await routes()).includes('proto ra'));
  }
  await until('the other network is reached', () => reaches(a, '2001:db8:2::5'));
  t.true(await reaches(b, '2001:db8:1::5'));
});
