import test from 'ava';
import { PermanentFailure, Unavailable } from '../../../common/errors.ts';
import {
  containerDriverContract,
  type HostUnderTest,
  serverDriverContract,
  smallContainer,
  smallServer,
} from '../contract.ts';
import type { GuestDriver } from '../driver.ts';
import { SimulatedContainerDriver } from './container-driver.ts';
import { SimulatedHost } from './host.ts';
import { SimulatedServerDriver } from './server-driver.ts';

function hostUnderTest<Driver extends GuestDriver<never>>(
  open: (host: SimulatedHost) => Driver,
  host = new SimulatedHost(),
): HostUnderTest<Driver> {
  return {
    driver: open(host),
    reopen: async () => open(host),
    lose: async (id) => host.lose(id),
    forget: async (id) => host.forget(id),
    configured: async (id) => ({ memoryMib: (host.servers.get(id) ?? host.containers.get(id))?.spec.memoryMib ?? 0 }),
    leftovers: async (id) => [host.servers, host.containers].flatMap((guests) => (guests.has(id) ? [id] : [])),
  };
}

function serverHostUnderTest() {
  const host = new SimulatedHost();
  const connected = async (id: string) => host.servers.get(id)?.spec.ports.map((port) => port.id) ?? [];
  return { ...hostUnderTest((on) => new SimulatedServerDriver(on), host), image, connected };
}

const image = { path: 'nowhere', format: 'raw' as const };

serverDriverContract(test, async () => serverHostUnderTest());

containerDriverContract(test, async () => ({
  ...hostUnderTest((host) => new SimulatedContainerDriver(host)),
  imageArchive: 'nowhere.tar',
}));

function simulatedServer() {
  const host = new SimulatedHost();
  const driver = new SimulatedServerDriver(host);
  const spec = smallServer(serverHostUnderTest());
  return { host, driver, spec };
}

test('a simulated host fails as often as it was told to, and then works', async (t) => {
  const { host, driver, spec } = simulatedServer();
  host.failNext({ call: 'ensure', kind: 'transient', times: 2 });
  host.failNext({ call: 'power', kind: 'permanent', message: 'No more memory.' });
  await t.throwsAsync(driver.ensure(spec), { instanceOf: Unavailable });
  await t.throwsAsync(driver.ensure(spec), { instanceOf: Unavailable });
  await driver.ensure(spec);
  await t.throwsAsync(driver.power(spec, 'running'), { instanceOf: PermanentFailure, message: 'No more memory.' });
  await driver.power(spec, 'running');
  t.is(host.callsOf('ensure'), 3);
});

test('a simulated host can do its work and lose the answer', async (t) => {
  const { host, driver, spec } = simulatedServer();
  host.failNext({ call: 'ensure', id: spec.id, kind: 'transient', when: 'after' });
  await t.throwsAsync(driver.ensure(spec), { instanceOf: Unavailable });
  t.is((await driver.observe(spec.id))?.power, 'shutdown');
});

test('a simulated host that is away answers nothing until it is back', async (t) => {
  const { host, driver } = simulatedServer();
  host.isAway = true;
  await t.throwsAsync(driver.list(), { instanceOf: Unavailable });
  host.isAway = false;
  t.deepEqual(await driver.list(), []);
});

test('a call can be held while others go on', async (t) => {
  const { host, driver, spec } = simulatedServer();
  const release = host.hold('ensure');
  let isDone = false;
  const ensured = driver.ensure(spec).then(() => {
    isDone = true;
  });
  t.is(await driver.observe(spec.id), undefined);
  t.false(isDone);
  release();
  await ensured;
  t.is((await driver.observe(spec.id))?.power, 'shutdown');
});

test('facts and command of simulated guests can be chosen', async (t) => {
  const host = new SimulatedHost({ hostname: 'big', vcpus: 128 });
  t.like(await new SimulatedServerDriver(host).hostFacts(), { hostname: 'big', vcpus: 128, virtualisation: 'kvm' });
  const containers = new SimulatedContainerDriver(host);
  const spec = smallContainer('an-image', { command: ['nginx'] });
  await containers.ensureImage('an-image', 'nowhere.tar');
  await containers.ensure(spec);
  await containers.power(spec, 'running');
  t.is((await containers.observe(spec.id))?.power, 'running');
});

test('a thousand hosts with ten servers each fit in one process', async (t) => {
  const drivers = Array.from(
    { length: 1000 },
    (_, n) => new SimulatedServerDriver(new SimulatedHost({ hostname: `h${n}` })),
  );
  const template = simulatedServer().spec;
  await Promise.all(
    drivers.map(async (driver, host) => {
      for (let n = 0; n < 10; n += 1) {
        const spec = { ...template, id: `${host}-${n}` };
        await driver.ensure(spec);
        await driver.power(spec, 'running');
      }
    }),
  );
  const lists = await Promise.all(drivers.map((driver) => driver.list()));
  t.is(lists.flat().filter(({ power }) => power === 'running').length, 10_000);
});
