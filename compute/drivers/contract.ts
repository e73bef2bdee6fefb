/**
 * What every driver must do, as tests: the simulated ones, libvirt and Docker pass them alike. A driver's own test file
 * calls `serverDriverContract(test, …)` or `containerDriverContract(test, …)` with a function that makes it a host, and
 * adds what only that engine has. Pass `test.serial` where guests are heavy.
 */
import { randomUUID } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { NotFound } from '../../common/errors.ts';
import type {
  ContainerDriver,
  ContainerSpec,
  GuestDriver,
  LocalImage,
  PowerState,
  ServerDriver,
  ServerSpec,
} from './driver.ts';

type Test = ExecutionContext<unknown>;
export type RegisterTest = (title: string, implementation: (t: Test) => Promise<void>) => void;

/** A host under test. Whatever it holds is to be released through `t.teardown`; guests are removed by the contract. */
export interface HostUnderTest<Driver> {
  driver: Driver;
  /** Opens one more driver on the same host, as our process does when it was restarted. Closed by the contract. */
  reopen(): Promise<Driver>;
  /** Cuts the guest's power behind the driver's back. */
  lose(id: string): Promise<void>;
  /** Removes the guest from its engine behind the driver's back; files may stay. */
  forget(id: string): Promise<void>;
  /** What the engine really gave to the guest, of the next start if it is running. */
  configured(id: string): Promise<{ memoryMib: number }>;
  /** Names of everything on the host that still belongs to this guest. */
  leftovers(id: string): Promise<string[]>;
}

export interface ServerHostUnderTest extends HostUnderTest<ServerDriver> {
  /** A disk whose guest, at each boot, writes the line `booted` to its serial console and then runs until it is stopped. */
  image: LocalImage;
}

export interface ContainerHostUnderTest extends HostUnderTest<ContainerDriver> {
  /** A `docker save` archive of an image that has `sleep`, `echo`, `true` and `false`, and whose own command is `sleep 3600`. */
  imageArchive: string;
}

/** A server as small as can be; removed when the test ends, as every guest the contract makes. */
export function smallServer(host: ServerHostUnderTest, changes: Partial<ServerSpec> = {}): ServerSpec {
  const id = randomUUID();
  return {
    id,
    name: `contract ${id}`,
    vcpus: 1,
    memoryMib: 32,
    rootDiskGib: 0,
    image: host.image,
    ports: [],
    configDrive: null,
    ...changes,
  };
}

export function smallContainer(imageId: string, changes: Partial<ContainerSpec> = {}): ContainerSpec {
  const id = randomUUID();
  return {
    id,
    name: `contract ${id}`,
    imageId,
    command: null,
    environment: {},
    workingDirectory: null,
    labels: {},
    hostname: `contract-${id.slice(0, 8)}`,
    cpus: 0.5,
    memoryMib: 32,
    pidsLimit: 50,
    interactive: false,
    tty: false,
    restartPolicy: { name: 'no', maximumRetries: 0 },
    ports: [],
    ...changes,
  };
}

/** Waits for a condition, with a deadline only so that a failure is a message and not a hang. */
export async function until(t: Test, what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw t.fail(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The part that servers and containers share. `prepare` makes a spec whose guest runs until stopped. */
function guestContract<Spec extends { id: string; memoryMib: number }, Host extends HostUnderTest<GuestDriver<Spec>>>(
  test: RegisterTest,
  noun: string,
  makeHost: (t: Test) => Promise<Host>,
  prepare: (t: Test, host: Host) => Promise<Spec>,
): void {
  const start = async (t: Test) => {
    t.timeout(120_000);
    const host = await makeHost(t);
    const spec = await prepare(t, host);
    return { host, spec, driver: host.driver as GuestDriver<Spec> };
  };
  const stateOf = async (driver: GuestDriver<Spec>, id: string): Promise<PowerState | undefined> =>
    (await driver.observe(id))?.power;

  test(`a ${noun} that was never made is not there, and removing it succeeds`, async (t) => {
    const { driver, spec } = await start(t);
    t.is(await driver.observe(spec.id), undefined);
    t.false((await driver.list()).some(({ id }) => id === spec.id));
    await driver.remove(spec.id);
    t.deepEqual(await driver.list().then((all) => all.filter(({ id }) => id === spec.id)), []);
  });

  test(`a ${noun} that was never made can neither be started nor stopped`, async (t) => {
    const { driver, spec } = await start(t);
    await t.throwsAsync(driver.power(spec, 'running'), { instanceOf: NotFound });
    await t.throwsAsync(driver.power(spec, 'shutdown'), { instanceOf: NotFound });
  });

  test(`an ensured ${noun} exists, is shut down, and stays as it is when ensured again`, async (t) => {
    const { driver, spec } = await start(t);
    await driver.ensure(spec);
    await driver.ensure(spec);
    t.is(await stateOf(driver, spec.id), 'shutdown');
    const listed = (await driver.list()).filter(({ id }) => id === spec.id);
    t.deepEqual(
      listed.map(({ power }) => power),
      ['shutdown'],
    );
  });

  test(`a ${noun} starts, stays running when told again or ensured, and stops when its power is cut`, async (t) => {
    const { driver, spec } = await start(t);
    await driver.ensure(spec);
    await driver.power(spec, 'running');
    t.is(await stateOf(driver, spec.id), 'running');
    await driver.power(spec, 'running');
    await driver.ensure(spec);
    t.is(await stateOf(driver, spec.id), 'running');
    await driver.power(spec, 'shutdown', { graceSeconds: 0 });
    t.is(await stateOf(driver, spec.id), 'shutdown');
    await driver.power(spec, 'shutdown', { graceSeconds: 0 });
    t.is(await stateOf(driver, spec.id), 'shutdown');
    await driver.power(spec, 'running');
    t.is(await stateOf(driver, spec.id), 'running');
  });

  test(`a ${noun} that does not obey is stopped when its grace has passed`, async (t) => {
    const { driver, spec } = await start(t);
    await driver.ensure(spec);
    await driver.power(spec, 'running');
    await driver.power(spec, 'shutdown', { graceSeconds: 1 });
    t.is(await stateOf(driver, spec.id), 'shutdown');
  });

  test(`a running ${noun} is removed with everything that belonged to it, and removed again`, async (t) => {
    const { host, driver, spec } = await start(t);
    await driver.ensure(spec);
    await driver.power(spec, 'running');
    await driver.remove(spec.id);
    t.is(await stateOf(driver, spec.id), undefined);
    t.deepEqual(await host.leftovers(spec.id), []);
    await driver.remove(spec.id);
  });

  test(`a ${noun} that is specified differently keeps running and is corrected once it is shut down`, async (t) => {
    const { host, driver, spec } = await start(t);
    const larger = { ...spec, memoryMib: spec.memoryMib * 2 };
    await driver.ensure(spec);
    await driver.power(spec, 'running');
    await driver.ensure(larger);
    t.is(await stateOf(driver, spec.id), 'running');
    await driver.power(larger, 'shutdown', { graceSeconds: 0 });
    await driver.ensure(larger);
    t.is((await host.configured(spec.id)).memoryMib, larger.memoryMib);
    await driver.power(larger, 'running');
    t.is(await stateOf(driver, spec.id), 'running');
  });

  test(`a ${noun} whose power was cut behind our back is seen stopped and can be started`, async (t) => {
    const { host, driver, spec } = await start(t);
    await driver.ensure(spec);
    await driver.power(spec, 'running');
    await host.lose(spec.id);
    await until(t, 'the loss is seen', async () => (await stateOf(driver, spec.id)) !== 'running');
    await driver.power(spec, 'running');
    t.is(await stateOf(driver, spec.id), 'running');
  });

  test(`a ${noun} that its engine has lost is made again`, async (t) => {
    const { host, driver, spec } = await start(t);
    await driver.ensure(spec);
    await driver.power(spec, 'running');
    await host.forget(spec.id);
    await until(t, 'the loss is seen', async () => (await stateOf(driver, spec.id)) === undefined);
    await driver.ensure(spec);
    await driver.power(spec, 'running');
    t.is(await stateOf(driver, spec.id), 'running');
    await driver.remove(spec.id);
    t.deepEqual(await host.leftovers(spec.id), []);
  });

  test(`a ${noun} that its engine has lost is removed with all that it left`, async (t) => {
    const { host, driver, spec } = await start(t);
    await driver.ensure(spec);
    await driver.power(spec, 'running');
    await host.forget(spec.id);
    await driver.remove(spec.id);
    t.deepEqual(await host.leftovers(spec.id), []);
  });

  test(`a ${noun} is told of when it starts, stops, and is lost, until nobody listens`, async (t) => {
    const { host, driver, spec } = await start(t);
    let told = 0;
    const count = (id: string) => {
      if (id === spec.id) told += 1;
    };
    const stop = driver.onChange(count);
    const toldAgain = async (what: string, change: () => Promise<void>) => {
      const before = told;
      await change();
      await until(t, `the ${noun} is told of: ${what}`, () => told > before);
    };
    await driver.ensure(spec);
    await toldAgain('started', () => driver.power(spec, 'running'));
    await toldAgain('stopped', () => driver.power(spec, 'shutdown', { graceSeconds: 0 }));
    await toldAgain('started', () => driver.power(spec, 'running'));
    await toldAgain('lost', () => host.lose(spec.id));
    stop();
    // Another listener that has heard of the next change proves that the first would have, had it still listened.
    let heard = false;
    const stopOther = driver.onChange((id) => {
      heard ||= id === spec.id;
    });
    await until(t, 'the loss is seen', async () => (await stateOf(driver, spec.id)) !== 'running');
    const before = told;
    await driver.power(spec, 'running');
    await until(t, 'the other listener hears', () => heard);
    t.is(told, before);
    stopOther();
  });

  test(`a ${noun} outlives the process that made it and is managed by the next one`, async (t) => {
    const { host, driver, spec } = await start(t);
    await driver.ensure(spec);
    await driver.power(spec, 'running');
    const next = (await host.reopen()) as GuestDriver<Spec>;
    try {
      t.is(await stateOf(next, spec.id), 'running');
      await next.ensure(spec);
      t.is(await stateOf(next, spec.id), 'running');
      await next.remove(spec.id);
    } finally {
      await next.close();
    }
    t.is(await stateOf(driver, spec.id), undefined);
  });

  test(`two calls at once for one ${noun} end as one would`, async (t) => {
    const { host, driver, spec } = await start(t);
    await Promise.all([driver.ensure(spec), driver.ensure(spec)]);
    await Promise.all([driver.power(spec, 'running'), driver.power(spec, 'running')]);
    t.is(await stateOf(driver, spec.id), 'running');
    await Promise.all([driver.remove(spec.id), driver.remove(spec.id)]);
    t.deepEqual(await host.leftovers(spec.id), []);
  });

  test(`work on one ${noun} leaves another alone`, async (t) => {
    const { host, driver, spec } = await start(t);
    const other = await prepare(t, host);
    await Promise.all([driver.ensure(spec), driver.ensure(other)]);
    await Promise.all([driver.power(spec, 'running'), driver.power(other, 'running')]);
    await driver.remove(spec.id);
    t.is(await stateOf(driver, other.id), 'running');
  });

  test(`the engine of a ${noun} is checked, and a driver is closed twice without harm`, async (t) => {
    const { host } = await start(t);
    const driver = await host.reopen();
    await driver.check();
    await driver.close();
    await driver.close();
    await t.throwsAsync(driver.check());
  });
}

/** Registers the tests that every driver for servers passes. */
export function serverDriverContract(test: RegisterTest, makeHost: (t: Test) => Promise<ServerHostUnderTest>): void {
  const prepare = async (t: Test, host: ServerHostUnderTest, changes?: Partial<ServerSpec>) => {
    const spec = smallServer(host, changes);
    t.teardown(() => host.driver.remove(spec.id));
    return spec;
  };
  const bootCount = async (host: ServerHostUnderTest, id: string) =>
    (await host.driver.consoleOutput(id)).split(/\r?\n/).filter((line) => line === 'booted').length;
  const booted = async (t: Test, changes?: Partial<ServerSpec>) => {
    t.timeout(120_000);
    const host = await makeHost(t);
    const spec = await prepare(t, host, changes);
    await host.driver.ensure(spec);
    await host.driver.power(spec, 'running');
    await until(t, 'the server has booted', async () => (await bootCount(host, spec.id)) === 1);
    return { host, spec, driver: host.driver };
  };

  guestContract<ServerSpec, ServerHostUnderTest>(test, 'server', makeHost, prepare);

  test('a server tells on its console that it booted, and only the tail is given when asked for', async (t) => {
    const { driver, spec } = await booted(t);
    t.true((await driver.consoleOutput(spec.id)).includes('booted'));
    t.is((await driver.consoleOutput(spec.id, 1)).trim(), 'booted');
    t.is(await driver.consoleOutput(spec.id, 0), '');
    t.is(await driver.consoleOutput(randomUUID()), '');
  });

  test('a server boots again on a hard reboot', async (t) => {
    const { host, driver, spec } = await booted(t);
    await driver.reboot(spec, 'hard');
    t.is((await driver.observe(spec.id))?.power, 'running');
    await until(t, 'it has booted again', async () => (await bootCount(host, spec.id)) === 2);
  });

  test('a server that ignores a soft reboot is reset when its grace has passed', async (t) => {
    const { host, driver, spec } = await booted(t);
    await driver.reboot(spec, 'soft', { graceSeconds: 1 });
    t.is((await driver.observe(spec.id))?.power, 'running');
    await until(t, 'it has booted again', async () => (await bootCount(host, spec.id)) === 2);
  });

  test('a server that is shut down runs after a reboot', async (t) => {
    const { host, driver, spec } = await booted(t);
    await driver.power(spec, 'shutdown', { graceSeconds: 0 });
    await driver.reboot(spec, 'hard');
    await until(t, 'it has booted again', async () => (await bootCount(host, spec.id)) === 2);
    await driver.power(spec, 'shutdown', { graceSeconds: 0 });
    await driver.reboot(spec, 'soft', { graceSeconds: 1 });
    t.is((await driver.observe(spec.id))?.power, 'running');
  });

  test('a server that was never made cannot be rebooted', async (t) => {
    const host = await makeHost(t);
    await t.throwsAsync(host.driver.reboot(smallServer(host), 'hard'), { instanceOf: NotFound });
    await t.throwsAsync(host.driver.reboot(smallServer(host), 'soft'), { instanceOf: NotFound });
  });

  test('a server takes a larger disk, a config drive and an odd name', async (t) => {
    const { driver, spec } = await booted(t, {
      name: `<&"'>]]> \u0007 \ud800 ${'ü'.repeat(300)}`,
      rootDiskGib: 1,
      configDrive: { 'openstack/latest/meta_data.json': '{"uuid":"x"}', 'openstack/latest/user_data': '#!/bin/sh\n' },
    });
    t.is((await driver.observe(spec.id))?.power, 'running');
  });

  test('the facts of a host are whole', async (t) => {
    const { driver } = await makeHost(t);
    const facts = await driver.hostFacts();
    t.true(facts.vcpus > 0 && facts.memoryMib > 0 && facts.diskGib > 0 && facts.hypervisorVersion > 0);
    t.true(['kvm', 'tcg'].includes(facts.virtualisation));
    for (const text of [facts.hostname, facts.hypervisorType, facts.cpuModel, facts.architecture]) t.not(text, '');
  });
}

/** Registers the tests that every driver for containers passes. */
export function containerDriverContract(
  test: RegisterTest,
  makeHost: (t: Test) => Promise<ContainerHostUnderTest>,
): void {
  const prepare = async (t: Test, host: ContainerHostUnderTest, changes?: Partial<ContainerSpec>) => {
    const imageId = randomUUID();
    await host.driver.ensureImage(imageId, host.imageArchive);
    const spec = smallContainer(imageId, changes);
    t.teardown(async () => {
      await host.driver.remove(spec.id);
      await host.driver.removeImage(imageId);
    });
    return spec;
  };
  const started = async (t: Test, changes?: Partial<ContainerSpec>) => {
    t.timeout(120_000);
    const host = await makeHost(t);
    const spec = await prepare(t, host, changes);
    await host.driver.ensure(spec);
    await host.driver.power(spec, 'running');
    return { host, spec, driver: host.driver };
  };
  const everything = { stdout: true, stderr: true, timestamps: false, tail: 'all', sinceSeconds: 0 } as const;

  guestContract<ContainerSpec, ContainerHostUnderTest>(test, 'container', makeHost, prepare);

  test('a container image is there once loaded, loading it again changes nothing, and it can be removed', async (t) => {
    const { driver, imageArchive } = await makeHost(t);
    const imageId = randomUUID();
    t.false((await driver.listImages()).includes(imageId));
    await driver.ensureImage(imageId, imageArchive);
    await driver.ensureImage(imageId, imageArchive);
    t.is((await driver.listImages()).filter((id) => id === imageId).length, 1);
    await driver.removeImage(imageId);
    await driver.removeImage(imageId);
    t.false((await driver.listImages()).includes(imageId));
  });

  test('a container cannot be made of an image that is not there', async (t) => {
    const { driver } = await makeHost(t);
    const spec = smallContainer(randomUUID());
    t.teardown(() => driver.remove(spec.id));
    await t.throwsAsync(driver.ensure(spec), { instanceOf: NotFound });
    t.is(await driver.observe(spec.id), undefined);
  });

  test('a container runs the command of its image unless told another', async (t) => {
    const { host, driver, spec } = await started(t);
    t.deepEqual((await driver.observe(spec.id))?.command, ['sleep', '3600']);
    const other = await prepare(t, host, { command: ['sleep', '1800'] });
    await driver.ensure(other);
    t.deepEqual((await driver.observe(other.id))?.command, ['sleep', '1800']);
    t.is((await driver.observe(other.id))?.exitCode, null);
  });

  test('a container that has done its work is shut down with its exit code and its output', async (t) => {
    const { driver, spec } = await started(t, { command: ['echo', 'done'] });
    await until(t, 'it ended', async () => (await driver.observe(spec.id))?.power !== 'running');
    const seen = await driver.observe(spec.id);
    t.is(seen?.power, 'shutdown');
    t.is(seen?.exitCode, 0);
    t.is(await driver.logs(spec.id, everything), 'done\n');
    t.is(await driver.logs(spec.id, { ...everything, stdout: false }), '');
    t.is(await driver.logs(spec.id, { ...everything, tail: 0 }), '');
  });

  test('a container that failed is crashed, with its exit code', async (t) => {
    const { driver, spec } = await started(t, { command: ['false'] });
    await until(t, 'it ended', async () => (await driver.observe(spec.id))?.power !== 'running');
    t.is((await driver.observe(spec.id))?.power, 'crashed');
    t.is((await driver.observe(spec.id))?.exitCode, 1);
  });

  test('a command runs inside a running container and gives its output and exit code', async (t) => {
    const { driver, spec } = await started(t);
    t.deepEqual(await driver.execute(spec.id, ['echo', 'hello']), { output: 'hello\n', exitCode: 0 });
    t.is((await driver.execute(spec.id, ['false'])).exitCode, 1);
    t.not((await driver.execute(spec.id, ['no-such-command'])).exitCode, 0);
  });

  test('a command cannot run in a container that is not running or not there', async (t) => {
    const { driver, spec } = await started(t);
    await driver.power(spec, 'shutdown', { graceSeconds: 0 });
    await t.throwsAsync(driver.execute(spec.id, ['true']));
    await t.throwsAsync(driver.execute(randomUUID(), ['true']), { instanceOf: NotFound });
    await t.throwsAsync(driver.logs(randomUUID(), everything), { instanceOf: NotFound });
  });

  test('the versions of a container engine are told', async (t) => {
    const { driver } = await makeHost(t);
    const { engine, runtime } = await driver.version();
    t.regex(engine, /^\d+\./);
    t.regex(runtime, /^\d+\./);
  });
}
