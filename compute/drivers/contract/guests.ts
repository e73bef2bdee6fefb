import { NotFound } from '../../../common/errors.ts';
import type { GuestDriver, PowerState } from '../driver.ts';
import { type HostUnderTest, type RegisterTest, type Test, until } from './host-under-test.ts';

/** The part that servers and containers share. `prepare` makes a spec whose guest runs until stopped. */
export function guestContract<
  Spec extends { id: string; memoryMib: number },
  Host extends HostUnderTest<GuestDriver<Spec>>,
>(
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
