/** What OVN makes of the driver's rows on one network, seen by packets. */
import test from 'ava';
import { exampleGroup, exampleRule } from '../example-specs.ts';
import {
  address,
  anyEgress,
  fetches,
  icmpIngress,
  isCutOff,
  PRINT_LEASE,
  reaches,
  serve,
  setUp,
  tcpIngress,
} from './testing/guests.ts';
import { until } from './testing/until.ts';

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
  await until('DHCP has stopped', () =>
    ask().then(
      () => false,
      () => true,
    ),
  );
  const hostRoutes = [{ destination: '198.51.100.0/24', nexthop: '10.20.0.9' }];
  await driver.ensureSubnet({ ...subnet, gatewayIp: null, hostRoutes });
  await until('DHCP is back', () => ask().then((text) => !text.includes('router=') && text.includes('ip=10.20.0.5')));
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
    await until(`ping passes after ${daemon} was killed`, () => reaches(a, '10.20.0.6'));
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
    await until(`a new port works after ${daemon} was killed`, () => reaches(guest, '10.20.0.6'));
  }
  const port = newPort('10.20.0.40');
  await ovn.stop('northbound');
  const waiting = driver.ensurePort(port);
  await ovn.launch('northbound');
  await t.notThrowsAsync(waiting);
  t.true((await driver.list('port')).includes(port.id));
});
