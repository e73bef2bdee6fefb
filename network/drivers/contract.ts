/** The tests that every network driver passes alike. */
import { randomUUID } from 'node:crypto';
import type { ExecutionContext, TestFn } from 'ava';
import { PermanentFailure, Unavailable } from '../../common/errors.ts';
import { type NetworkDriver, type NetworkObjectKind, NotReady } from './driver.ts';
import {
  exampleGroup,
  exampleLeg,
  exampleNetwork,
  examplePort,
  exampleRouter,
  exampleRule,
  exampleSubnet,
} from './example-specs.ts';

/** Starts an engine with nothing of anybody's on it and at least one host on physical network `external`. */
export type StartEngine = (t: ExecutionContext) => Promise<{
  /** A further driver of the same engine, closed when the test ends. */
  connect(): NetworkDriver;
}>;

const KINDS = ['network', 'subnet', 'port', 'router', 'security-group'] as const satisfies NetworkObjectKind[];

/** One object of each kind, referring to each other. */
function exampleWorld() {
  const [network, external] = [exampleNetwork(), exampleNetwork({ physicalNetwork: 'external' })];
  const subnet = exampleSubnet(network.id);
  const group = exampleGroup(exampleRule({ protocol: 'tcp', portRangeMin: 22, portRangeMax: 22 }));
  const port = examplePort(network.id, {
    fixedIps: [{ subnetId: subnet.id, address: '10.20.0.5' }],
    securityGroupIds: [group.id],
  });
  const gateway = { ...exampleLeg(external.id, '172.24.4.9'), nextHop: '172.24.4.1', enableSnat: true };
  const router = exampleRouter({
    gateway,
    interfaces: [exampleLeg(network.id, '10.20.0.1')],
    floatingIps: [{ id: randomUUID(), floatingAddress: '172.24.4.20', fixedAddress: '10.20.0.5', portId: port.id }],
  });
  async function ensure(driver: NetworkDriver) {
    await driver.ensureNetwork(network);
    await driver.ensureNetwork(external);
    await driver.ensureSubnet(subnet);
    await driver.ensureSecurityGroup(group);
    await driver.ensurePort(port);
    await driver.ensureRouter(router);
  }
  return { network, external, subnet, group, port, router, ensure };
}

const listAll = async (driver: NetworkDriver) =>
  Object.fromEntries(await Promise.all(KINDS.map(async (kind) => [kind, (await driver.list(kind)).sort()] as const)));

const NOTHING = { network: [], subnet: [], port: [], router: [], 'security-group': [] };

export function networkDriverContract(test: TestFn, start: StartEngine): void {
  test('every kind of object is made, kept when it is there already, and removed', async (t) => {
    const driver = (await start(t)).connect();
    const world = exampleWorld();
    const expected = {
      network: [world.network.id, world.external.id].sort(),
      subnet: [world.subnet.id],
      port: [world.port.id],
      router: [world.router.id],
      'security-group': [world.group.id],
    };
    for (let round = 0; round < 2; round++) {
      await world.ensure(driver);
      t.deepEqual(await listAll(driver), expected);
    }
    for (let round = 0; round < 2; round++) {
      for (const kind of KINDS.toReversed()) for (const id of expected[kind]) await driver.remove(kind, id);
      t.deepEqual(await listAll(driver), NOTHING);
    }
    await world.ensure(driver);
    t.deepEqual(await listAll(driver), expected);
  });

  test('an absent object is removed without complaint', async (t) => {
    const driver = (await start(t)).connect();
    for (const kind of KINDS) await t.notThrowsAsync(driver.remove(kind, randomUUID()));
  });

  test('an object is not made before what it refers to', async (t) => {
    const driver = (await start(t)).connect();
    const network = exampleNetwork();
    await t.throwsAsync(driver.ensureSubnet(exampleSubnet(network.id)), { instanceOf: NotReady });
    await t.throwsAsync(driver.ensurePort(examplePort(network.id)), { instanceOf: NotReady });
    const router = exampleRouter({ interfaces: [exampleLeg(network.id, '10.0.0.1')] });
    await t.throwsAsync(driver.ensureRouter(router), { instanceOf: NotReady });
    t.deepEqual(await listAll(driver), NOTHING);

    await driver.ensureNetwork(network);
    const withGroup = examplePort(network.id, { securityGroupIds: [randomUUID()] });
    await t.throwsAsync(driver.ensurePort(withGroup), { instanceOf: NotReady });
    const withSubnet = examplePort(network.id, { fixedIps: [{ subnetId: randomUUID(), address: '10.0.0.2' }] });
    await t.throwsAsync(driver.ensurePort(withSubnet), { instanceOf: NotReady });
    const gateway = { ...exampleLeg(network.id, '10.0.0.1'), nextHop: null, enableSnat: true };
    await t.throwsAsync(driver.ensureRouter(exampleRouter({ gateway })), { instanceOf: NotReady });
    t.deepEqual(await listAll(driver), { ...NOTHING, network: [network.id] });
  });

  test("a router's leg is no port of a guest, and can become one only after the router let go of it", async (t) => {
    const driver = (await start(t)).connect();
    const network = exampleNetwork();
    await driver.ensureNetwork(network);
    const leg = exampleLeg(network.id, '10.20.0.1');
    const router = exampleRouter({ interfaces: [leg] });
    await driver.ensureRouter(router);
    t.deepEqual(await driver.list('port'), []);
    t.is(await driver.portStatus(leg.portId), undefined);
    const port = examplePort(network.id, { id: leg.portId });
    await t.throwsAsync(driver.ensurePort(port), { instanceOf: NotReady });
    await driver.ensureRouter({ ...router, interfaces: [] });
    await driver.ensurePort(port);
    await t.throwsAsync(driver.ensureRouter(router), { instanceOf: NotReady });
    t.deepEqual(await driver.list('port'), [leg.portId]);
  });

  test('security groups may name each other, and be made in any order', async (t) => {
    const driver = (await start(t)).connect();
    const [a, b] = [exampleGroup(), exampleGroup()];
    a.rules.push(exampleRule({ remoteGroupId: b.id }), exampleRule({ remoteGroupId: a.id }));
    b.rules.push(exampleRule({ remoteGroupId: a.id }));
    await driver.ensureSecurityGroup(a);
    await driver.ensureSecurityGroup(b);
    t.deepEqual((await driver.list('security-group')).sort(), [a.id, b.id].sort());
  });

  test('a rule that cannot be expressed is refused, and changes nothing for itself or others', async (t) => {
    const driver = (await start(t)).connect();
    const bad = [
      { protocol: 'gre', portRangeMin: 1, portRangeMax: 2 },
      { protocol: null, portRangeMin: 1, portRangeMax: 2 },
      { protocol: '47', portRangeMin: 80, portRangeMax: 80 },
      { protocol: 'dccp', portRangeMin: 1, portRangeMax: 2 },
      { protocol: 'tcp', portRangeMin: 2, portRangeMax: 1 },
      { protocol: 'tcp', portRangeMin: 1, portRangeMax: 65_536 },
      { protocol: 'udp', portRangeMin: null, portRangeMax: 5 },
      { protocol: 'icmp', portRangeMin: null, portRangeMax: 0 },
      { protocol: 'icmp', portRangeMin: 256, portRangeMax: null },
      { protocol: 'icmpv6' },
      { protocol: 'tcp || 1' },
      { protocol: '256' },
      { remoteIpPrefix: '10.0.0.0/33' },
      { remoteIpPrefix: '::/0' },
      { remoteIpPrefix: '10.0.0.0/8 || ip4' },
      { remoteGroupId: 'x_ip4 || ip4' },
      { remoteGroupId: randomUUID(), remoteIpPrefix: '10.0.0.0/8' },
    ];
    for (const rule of bad) {
      const group = exampleGroup(exampleRule({ protocol: 'tcp' }), exampleRule(rule));
      await t.throwsAsync(driver.ensureSecurityGroup(group), { instanceOf: PermanentFailure }, JSON.stringify(rule));
    }
    t.deepEqual(await driver.list('security-group'), []);
    await driver.ensureSecurityGroup(exampleGroup(exampleRule({ protocol: 'sctp', portRangeMin: 0, portRangeMax: 9 })));
    await driver.ensureSecurityGroup(exampleGroup(exampleRule({ protocol: 'icmp', portRangeMin: 8, portRangeMax: 0 })));
    t.is((await driver.list('security-group')).length, 2);
  });

  test('specs with values that are none are refused', async (t) => {
    const driver = (await start(t)).connect();
    const world = exampleWorld();
    await world.ensure(driver);
    const { network, subnet, port, router } = world;
    const refused = [
      driver.ensureNetwork({ ...network, physicalNetwork: 'a:b' }),
      driver.ensureNetwork({ ...network, mtu: 0 }),
      driver.ensureSubnet({ ...subnet, cidr: '10.0.0.0' + '/99' }),
      driver.ensureSubnet({ ...subnet, gatewayIp: '10.0.0.1\n' }),
      driver.ensureSubnet({ ...subnet, dnsNameservers: ['1.1.1.1}, router=9.9.9.9'] }),
      driver.ensureSubnet({ ...subnet, hostRoutes: [{ destination: '10.0.0.0/8', nexthop: '::1' }] }),
      driver.ensurePort({ ...port, macAddress: 'ff:ff:ff:ff:ff:ff' }),
      driver.ensurePort({ ...port, macAddress: `${port.macAddress} unknown` }),
      driver.ensurePort({ ...port, allowedAddressPairs: [{ address: 'any', macAddress: null }] }),
      driver.ensureRouter({ ...router, routes: [{ destination: '0.0.0.0/0', nexthop: 'discard' }] }),
      driver.ensureRouter({ ...router, gateway: null }),
      driver.ensureRouter({ ...router, interfaces: [{ ...router.interfaces[0]!, addresses: [] }] }),
    ];
    for (const [at, call] of refused.entries()) {
      await t.throwsAsync(call, { instanceOf: PermanentFailure }, `refusal ${at}`);
    }
  });

  test("a tenant's text does no harm", async (t) => {
    const driver = (await start(t)).connect();
    const name = 'x"\\\n\0\ud800 } "';
    const network = exampleNetwork({ name });
    await driver.ensureNetwork(network);
    await driver.ensurePort(examplePort(network.id, { name }));
    await driver.ensureRouter(exampleRouter({ name }));
    await t.notThrowsAsync(driver.check());
  });

  test('many objects are made at once, by two drivers that know nothing of each other', async (t) => {
    const engine = await start(t);
    const drivers = [engine.connect(), engine.connect()];
    const world = exampleWorld();
    await world.ensure(drivers[0]!);
    const ports = Array.from({ length: 20 }, (_, at) =>
      examplePort(world.network.id, {
        fixedIps: [{ subnetId: world.subnet.id, address: `10.20.0.${100 + at}` }],
        securityGroupIds: [world.group.id],
      }),
    );
    // Each port by both drivers: they race for the same rows, and for the same sets. The second may not have seen the
    // others' rows yet, and then has to come back.
    const patiently = async (call: () => Promise<void>): Promise<void> => {
      for (;;) {
        try {
          return await call();
        } catch (error) {
          if (!(error instanceof NotReady)) throw error;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    };
    await Promise.all(
      drivers.flatMap((driver) => [
        ...ports.map((port) => patiently(() => driver.ensurePort(port))),
        patiently(() => driver.ensureSubnet({ ...world.subnet, dnsNameservers: ['192.0.2.1'] })),
        patiently(() => driver.ensureSecurityGroup(exampleGroup(exampleRule({ remoteGroupId: world.group.id })))),
      ]),
    );
    const expected = [world.port.id, ...ports.map(({ id }) => id)].sort();
    for (const driver of drivers) t.deepEqual((await driver.list('port')).sort(), expected);
    await Promise.all(drivers.flatMap((driver) => ports.map(({ id }) => driver.remove('port', id))));
    for (const driver of drivers) t.deepEqual(await driver.list('port'), [world.port.id]);
  });

  test('a port is down until a host carries it, and unknown when it is not there', async (t) => {
    const driver = (await start(t)).connect();
    const network = exampleNetwork();
    const port = examplePort(network.id);
    t.is(await driver.portStatus(port.id), undefined);
    await driver.ensureNetwork(network);
    await driver.ensurePort(port);
    t.is(await driver.portStatus(port.id), 'down');
    await driver.remove('network', network.id);
    t.is(await driver.portStatus(port.id), undefined);
  });

  test('a driver that was closed answers nothing any more', async (t) => {
    const driver = (await start(t)).connect();
    await driver.check();
    await driver.close();
    await t.throwsAsync(driver.check(), { instanceOf: Unavailable });
    await t.throwsAsync(driver.ensureNetwork(exampleNetwork()), { instanceOf: Unavailable });
  });
}
