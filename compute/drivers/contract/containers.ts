import { randomUUID } from 'node:crypto';
import { NotFound } from '../../../common/errors.ts';
import type { ContainerSpec } from '../driver.ts';
import { guestContract } from './guests.ts';
import { type ContainerHostUnderTest, type RegisterTest, smallContainer, type Test, until } from './host-under-test.ts';

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
