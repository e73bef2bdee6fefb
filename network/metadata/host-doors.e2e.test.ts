/** Doors on an OVN host of the test's own: who is answered as whom, seen by packets. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { exampleGroup, exampleNetwork, examplePort, exampleSubnet } from '../drivers/example-specs.ts';
import { address, anyEgress, PRINT_LEASE, setUp } from '../drivers/ovn/testing/guests.ts';
import type { Guest } from '../drivers/ovn/testing/private-ovn.ts';
import { until } from '../drivers/ovn/testing/until.ts';
import type { MetadataRequest } from './driver.ts';
import { HostDoors } from './host-doors.ts';
import { linkName, namespaceName } from './names.ts';

const run = promisify(execFile);

/** What the guest gets from 169.254.169.254, as the network and address that it was known by. */
async function ask(guest: Guest, ...more: string[]): Promise<string> {
  return guest.run('curl', '--silent', '--max-time', '5', ...more, 'http://169.254.169.254/openstack');
}

test('a guest reaches metadata without a router, as itself and as nobody else', async (t) => {
  const { ovn, driver, network, newPort, plug } = await setUp(t, [anyEgress()]);
  const namespacePrefix = `${ovn.host.bridgeNamespace}-meta-`; // not those of a cloud, which removes what it does not know
  const options = { userspaceDatapath: true, ...ovn.host, namespacePrefix };
  const doors = new HostDoors(options);
  const seen: MetadataRequest[] = [];
  const serve = (by: HostDoors, name: string) =>
    by.serve(async (request) => {
      seen.push(request);
      return { status: 200, contentType: 'text/plain', body: `${name} ${request.networkId} ${request.address}` };
    });
  serve(doors, 'first');
  t.teardown(async () => {
    await doors.close();
    for (const id of [network.id, twin.id]) await doors.remove(id);
  });

  // Another network with the same addresses.
  const twin = exampleNetwork();
  const twinSubnet = exampleSubnet(twin.id, { gatewayIp: null });
  const twinGroup = exampleGroup(anyEgress());
  await driver.ensureNetwork(twin);
  await driver.ensureSubnet(twinSubnet);
  await driver.ensureSecurityGroup(twinGroup);
  const port = newPort('10.20.0.5');
  const twinPort = examplePort(twin.id, {
    fixedIps: [{ subnetId: twinSubnet.id, address: '10.20.0.5' }],
    securityGroupIds: [twinGroup.id],
  });
  const [guest, twinGuest] = [await plug(port), await plug(twinPort)];
  const [door, twinDoor] = [network, twin].map(({ id, mtu }) => ({ networkId: id, mtu })) as [
    { networkId: string; mtu: number },
    { networkId: string; mtu: number },
  ];
  const begun = performance.now();
  await doors.open(door);
  t.log(`a door opens in ${Math.round(performance.now() - begun)} ms`);
  await run('ip', ['netns', 'add', namespaceName(twin.id, namespacePrefix)]); // as far as one came who was killed then
  await doors.open(twinDoor);

  const lease = () =>
    guest.run('busybox', 'udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-t', '5', '-T', '1', '-s', PRINT_LEASE);
  t.regex(await lease(), /^staticroutes=169\.254\.169\.254\/32 0\.0\.0\.0 0\.0\.0\.0\/0 10\.20\.0\.1$/m);
  for (const one of [guest, twinGuest]) {
    await address(one, '10.20.0.5/24');
    await one.run('ip', 'route', 'add', '169.254.169.254/32', 'dev', 'eth0');
  }
  const answers = (one: Guest) => ask(one).catch(() => '');
  await until('the guest is answered', async () => (await answers(guest)) === `first ${network.id} 10.20.0.5`);
  await until('its twin is, too', async () => (await answers(twinGuest)) === `first ${twin.id} 10.20.0.5`);

  const forged = ['X-Forwarded-For: 10.20.0.6', 'X-Instance-ID: x', 'X-Tenant-ID: y', 'X-Instance-ID-Signature: z'];
  t.is(await ask(guest, ...forged.flatMap((header) => ['--header', header])), `first ${network.id} 10.20.0.5`);
  await address(guest, '10.20.0.6/24');
  await t.throwsAsync(
    ask(guest, '--max-time', '1', '--interface', '10.20.0.6'),
    undefined,
    'nobody has another’s address',
  );
  t.true(seen.every(({ address: from }) => from === '10.20.0.5'));

  // Only this port of the service, only this service, and no way through it.
  await t.throwsAsync(guest.run('curl', '--silent', '--max-time', '1', 'http://169.254.169.254:22/'));
  t.is(await ask(guest, '--data-binary', 'x'.repeat(5000)), 'Request is too large.');
  const slow = guest.start('busybox', 'nc', '169.254.169.254', '80'); // never says anything
  t.is(await ask(guest), `first ${network.id} 10.20.0.5`);
  slow.kill();

  // Another process finds the doors as they are, and what is damaged is made anew.
  await doors.close();
  const second = new HostDoors(options);
  serve(second, 'second');
  t.teardown(() => second.close());
  await second.open(door);
  t.is(await ask(guest), `second ${network.id} 10.20.0.5`);
  t.deepEqual((await second.list()).toSorted(), [network.id, twin.id].toSorted());
  await second.remove(twin.id);
  await run('ip', ['netns', 'delete', namespaceName(network.id, namespacePrefix)]);
  t.true(second.isOpen(door));
  t.deepEqual(await second.list(), [network.id]);
  t.false(second.isOpen(door));
  await second.open(door);
  await until('it is answered again', async () => (await answers(guest)) === `second ${network.id} 10.20.0.5`);
  await second.open({ ...door, mtu: 1300 });
  t.true(second.isOpen({ ...door, mtu: 1300 }));
  const others = await ovn.outside.run('ip', '-o', 'link', 'show', linkName(network.id));
  t.regex(others, /mtu 1300 /);

  await second.remove(network.id);
  await second.remove(network.id);
  t.deepEqual(await second.list(), []);
  t.false((await run('ip', ['netns', 'list'])).stdout.includes(network.id));
  t.notRegex(await ovn.outside.run('ip', '-o', 'link', 'show'), /csm/);
});
