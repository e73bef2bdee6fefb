/** What OVN makes of the driver's rows, seen by packets: each test has an OVN host of its own (testing/private-ovn.ts). */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { PortSpec, SecurityGroupRuleSpec } from '../driver.ts';
import {
  exampleGroup,
  exampleLeg,
  exampleNetwork,
  examplePort,
  exampleRouter,
  exampleRule,
  exampleSubnet,
} from '../example-specs.ts';
import { OvnDriver } from './driver.ts';
import { type Guest, OUTSIDE_ADDRESS, PHYSICAL_NETWORK, PrivateOvn } from './testing/private-ovn.ts';
import { until } from './testing/until.ts';

const PRINT_LEASE = fileURLToPath(new URL('testing/print-lease.sh', import.meta.url));

const anyEgress = () => exampleRule({ direction: 'egress' });
const icmpIngress = () => exampleRule({ protocol: 'icmp' });
const tcpIngress = (port: number) => exampleRule({ protocol: 'tcp', portRangeMin: port, portRangeMax: port });

/** An OVN host with a driver, and a network of two guests whose group has the given rules. */
async function setUp(t: ExecutionContext, rules: SecurityGroupRuleSpec[] = [anyEgress(), icmpIngress()]) {
  t.timeout(120_000);
  const ovn = await PrivateOvn.start(t);
  const driver = new OvnDriver({ northbound: ovn.northbound, gateways: { southbound: ovn.southbound } });
  t.teardown(() => driver.close());
  const network = exampleNetwork();
  const subnet = exampleSubnet(network.id);
  const group = exampleGroup(...rules);
  await driver.ensureNetwork(network);
  await driver.ensureSubnet(subnet);
  await driver.ensureSecurityGroup(group);
  const newPort = (address: string, more: Partial<PortSpec> = {}) =>
    examplePort(network.id, {
      fixedIps: [{ subnetId: subnet.id, address }],
      securityGroupIds: [group.id],
      ...more,
    });
  const plug = async (port: PortSpec) => {
    await driver.ensurePort(port);
    const guest = await ovn.plug(port);
    await until('the port is up', async () => (await driver.portStatus(port.id)) === 'up');
    return guest;
  };
  return { ovn, driver, network, subnet, group, newPort, plug };
}

const address = (guest: Guest, cidr: string) => guest.run('ip', 'address', 'add', cidr, 'dev', 'eth0');

const reaches = async (guest: Guest, target: string) => {
  try {
    await guest.run('ping', '-c', '1', '-W', '1', target);
    return true;
  } catch {
    return false;
  }
};

// Node rather than busybox, whose wget crashes (1.35 of Debian 12, linked statically).
const SERVER = "require('http').createServer((_, answer) => answer.end('x'.repeat(1e5))).listen(process.argv[1])";
const CLIENT =
  "fetch('http://' + process.argv[1], { signal: AbortSignal.timeout(1500) }).then((r) => r.text()).then((text) => process.exit(text.length === 1e5 ? 0 : 1))";

/** A web server with something to fetch that takes many packets. */
const serve = (guest: Guest, port: number) => guest.start(process.execPath, '-e', SERVER, String(port));

const fetches = async (guest: Guest, target: string) => {
  try {
    await guest.run(process.execPath, '-e', CLIENT, target);
    return true;
  } catch {
    return false;
  }
};

/** Three lost in a row: not merely slow. */
const isCutOff = async (guest: Guest, target: string) => {
  for (let attempt = 0; attempt < 3; attempt++) if (await reaches(guest, target)) return false;
  return true;
};

test.serial('a guest gets its address, gateway, MTU and name server by DHCP', async (t) => {
  const { ovn, driver, subnet, newPort, plug } = await setUp(t, []);
  const port = newPort('10.20.0.5');
  const guest = await plug(port);
  const ask = () =>
    guest.run('busybox', 'udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-t', '5', '-T', '1', '-s', PRINT_LEASE);
  const lease = await ask();
  t.regex(lease, /^ip=10\.20\.0\.5$/m);
  t.regex(lease, /^router=10\.20\.0\.1$/m);
  t.regex(lease, /^dns=192\.0\.2\.53$/m);

  await driver.ensureSubnet({ ...subnet, enableDhcp: false });
  await until(
    'DHCP has stopped',
    () =>
      ask().then(
        () => false,
        () => true,
      ),
    30_000,
  );
  const hostRoutes = [{ destination: '198.51.100.0/24', nexthop: '10.20.0.9' }];
  await driver.ensureSubnet({ ...subnet, gatewayIp: null, hostRoutes });
  await until(
    'DHCP is back',
    () => ask().then((text) => !text.includes('router=') && text.includes('ip=10.20.0.5')),
    30_000,
  );
  t.is((await ovn.rows('northbound', 'DHCP_Options')).length, 1);
});

test.serial('two guests reach each other until the rule that lets them is removed', async (t) => {
  const ping = icmpIngress();
  const web = tcpIngress(8080);
  const egress = anyEgress();
  const { driver, group, newPort, plug } = await setUp(t, [egress, ping, web]);
  const [a, b] = [await plug(newPort('10.20.0.5')), await plug(newPort('10.20.0.6'))];
  await address(a, '10.20.0.5/24');
  await address(b, '10.20.0.6/24');
  await until('ping passes', () => reaches(a, '10.20.0.6'));
  t.true(await reaches(b, '10.20.0.5'));

  serve(b, 8080);
  serve(b, 8081);
  await until('the open port answers', () => fetches(a, '10.20.0.6:8080'));
  t.false(await fetches(a, '10.20.0.6:8081'));

  // An established flow is cut too: pings go on with one identifier, and so are one connection to OVN.
  const flow = a.start('ping', '-i', '0.2', '10.20.0.6');
  let lastReply = 0;
  flow.stdout!.on('data', () => {
    lastReply = Date.now();
  });
  await until('the flow is established', () => lastReply > 0);
  await driver.ensureSecurityGroup({ ...group, rules: [egress, web] });
  const removed = Date.now();
  await until('the flow is silent for two seconds', () => Date.now() - lastReply > 2_000);
  t.log(`established flow stopped ${Math.max(0, lastReply - removed)} ms after the removal of the rule`);
  t.true(await isCutOff(a, '10.20.0.6'));
  t.true(await fetches(a, '10.20.0.6:8080'));
  await driver.ensureSecurityGroup(group);
  await until('ping passes again', () => reaches(a, '10.20.0.6'));
});

test.serial('a rule for a remote group lets its members in and nobody else', async (t) => {
  const { driver, group, newPort, plug } = await setUp(t, [anyEgress()]);
  const friends = exampleGroup(anyEgress());
  await driver.ensureSecurityGroup({ ...group, rules: [...group.rules, exampleRule({ remoteGroupId: friends.id })] });
  await driver.ensureSecurityGroup(friends);
  const [target, stranger] = [await plug(newPort('10.20.0.5')), await plug(newPort('10.20.0.6'))];
  const friendPort = newPort('10.20.0.7', { securityGroupIds: [friends.id] });
  const friend = await plug(friendPort);
  for (const [guest, cidr] of [
    [target, '10.20.0.5/24'],
    [stranger, '10.20.0.6/24'],
    [friend, '10.20.0.7/24'],
  ] as const) {
    await address(guest, cidr);
  }
  await until('the friend gets in', () => reaches(friend, '10.20.0.5'));
  t.true(await isCutOff(stranger, '10.20.0.5'));
  await driver.ensurePort({ ...friendPort, securityGroupIds: [group.id] });
  await until('the former friend is out', () => isCutOff(friend, '10.20.0.5'));
});

test.serial('a port without security groups reaches nobody, and one without port security everybody', async (t) => {
  const { driver, newPort, plug } = await setUp(t);
  const port = newPort('10.20.0.5', { securityGroupIds: [] });
  const [a, b] = [await plug(port), await plug(newPort('10.20.0.6'))];
  await address(a, '10.20.0.5/24');
  await address(b, '10.20.0.6/24');
  t.true(await isCutOff(a, '10.20.0.6'));
  t.true(await isCutOff(b, '10.20.0.5'));
  await driver.ensurePort({ ...port, portSecurityEnabled: false });
  await until('ping passes both ways', async () => (await reaches(a, '10.20.0.6')) && reaches(b, '10.20.0.5'));
  await driver.ensurePort({ ...port, portSecurityEnabled: true });
  await until('and no more', () => isCutOff(a, '10.20.0.6'));
});

test.serial('a port or a network that is administratively down carries nothing', async (t) => {
  const { driver, network, newPort, plug } = await setUp(t);
  const port = newPort('10.20.0.5');
  const [a, b] = [await plug(port), await plug(newPort('10.20.0.6'))];
  await address(a, '10.20.0.5/24');
  await address(b, '10.20.0.6/24');
  await until('ping passes', () => reaches(a, '10.20.0.6'));
  await driver.ensureNetwork({ ...network, adminStateUp: false });
  await until('the network is silent', () => isCutOff(a, '10.20.0.6'));
  await driver.ensureNetwork(network);
  await until('ping passes again', () => reaches(a, '10.20.0.6'));
  await driver.ensurePort({ ...port, adminStateUp: false });
  await until('the port is silent', () => isCutOff(a, '10.20.0.6'));
  await driver.ensurePort(port);
  await until('ping passes in the end', () => reaches(a, '10.20.0.6'));
  t.pass();
});

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
    t.deepEqual(await ovn.rows('northbound', 'Logical_Switch_Port'), []);
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
    await until('the default route is learned', async () => (await routes()).includes('proto ra'), 30_000);
  }
  await until('the other network is reached', () => reaches(a, '2001:db8:2::5'));
  t.true(await reaches(b, '2001:db8:1::5'));
});

test.serial('a network goes on through restarts of every part, and the driver follows', async (t) => {
  const { ovn, driver, newPort, plug } = await setUp(t);
  const [a, b] = [await plug(newPort('10.20.0.5')), await plug(newPort('10.20.0.6'))];
  await address(a, '10.20.0.5/24');
  await address(b, '10.20.0.6/24');
  await until('ping passes', () => reaches(a, '10.20.0.6'));
  const restarts = ['northbound', 'southbound', 'northd', 'controller', 'switch-db', 'vswitchd'] as const;
  let last = 6;
  for (const daemon of restarts) {
    await ovn.restart(daemon, 'SIGKILL');
    await until(`ping passes after ${daemon} was killed`, () => reaches(a, '10.20.0.6'), 30_000);
    const port = newPort(`10.20.0.${++last}`);
    const heard = new Promise<void>((resolve) => {
      const stop = driver.onPortStatus((id) => {
        if (id !== port.id) return;
        resolve();
        stop();
      });
    });
    const guest = await plug(port);
    await heard;
    await address(guest, `10.20.0.${last}/24`);
    await until(`a new port works after ${daemon} was killed`, () => reaches(guest, '10.20.0.6'), 30_000);
  }
  const port = newPort('10.20.0.40');
  await ovn.stop('northbound');
  const waiting = driver.ensurePort(port);
  await ovn.launch('northbound');
  await t.notThrowsAsync(waiting);
  t.true((await driver.list('port')).includes(port.id));
});
