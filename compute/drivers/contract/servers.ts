import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Conflict, NotFound } from '../../../common/errors.ts';
import type { GuestPort, ServerSpec } from '../driver.ts';
import { guestContract } from './guests.ts';
import {
  type RegisterTest,
  type ServerHostUnderTest,
  smallPort,
  smallServer,
  type Test,
  until,
} from './host-under-test.ts';

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

  test('a screen speaks RFB and asks for no password, a serial port tells what is written, and both end with the server', async (t) => {
    const { driver, spec } = await booted(t);
    const screen = await driver.openConsole(spec.id, 'screen');
    const serial = await driver.openConsole(spec.id, 'serial');
    const written: Buffer[] = [];
    serial.on('data', (piece: Buffer) => written.push(piece));
    const ended = Promise.all([screen, serial].map((stream) => once(stream, 'close')));

    const said = (bytes: number) => until(t, `${bytes} bytes`, () => screen.readableLength >= bytes);
    await said(12);
    t.is(String(screen.read(12)), 'RFB 003.008\n');
    screen.write('RFB 003.008\n');
    await said(2);
    t.deepEqual([...screen.read(2)], [1, 1], 'there is one way in, without a password');
    await driver.reboot(spec, 'soft', { graceSeconds: 1 });
    await until(t, 'it is heard to boot', () => Buffer.concat(written).includes('booted'));

    await driver.power(spec, 'shutdown', { graceSeconds: 0 });
    screen.resume();
    await ended;
    await t.throwsAsync(driver.openConsole(spec.id, 'screen'), { instanceOf: Conflict });
    await t.throwsAsync(driver.openConsole(spec.id, 'serial'), { instanceOf: Conflict });
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

  test('a server pauses from wherever it is, and goes on where it was', async (t) => {
    const { host, driver, spec } = await booted(t);
    await driver.power(spec, 'paused');
    await driver.power(spec, 'paused');
    t.is((await driver.observe(spec.id))?.power, 'paused');
    await driver.power(spec, 'running');
    t.is((await driver.observe(spec.id))?.power, 'running');
    t.is(await bootCount(host, spec.id), 1);
    await driver.power(spec, 'shutdown', { graceSeconds: 0 });
    await driver.power(spec, 'paused');
    t.is((await driver.observe(spec.id))?.power, 'paused');
    await driver.power(spec, 'running');
    await until(t, 'it has booted again', async () => (await bootCount(host, spec.id)) === 2);
  });

  test('interfaces come to a running server and go from it, again and again, and are as asked when it starts anew', async (t) => {
    const ports = Array.from({ length: 3 }, () => smallPort());
    const [first, second, third] = ports as [GuestPort, GuestPort, GuestPort];
    const { host, driver, spec } = await booted(t, { ports: [first] });
    const expect = async (...wanted: GuestPort[]) => {
      await driver.ensure({ ...spec, ports: wanted });
      t.deepEqual((await host.connected(spec.id)).toSorted(), wanted.map(({ id }) => id).toSorted());
    };
    await expect(first);
    await expect(first, second);
    await expect(first, second);
    await expect(second, third);
    await expect();
    t.is((await driver.observe(spec.id))?.power, 'running');
    await driver.power(spec, 'shutdown', { graceSeconds: 0 });
    await driver.ensure({ ...spec, ports: [first, third] });
    await driver.power(spec, 'running');
    await expect(first, third);
    await driver.remove(spec.id);
    t.deepEqual(await host.connected(spec.id), []);
  });

  test('a suspended server keeps its memory until it goes on, or is shut down', async (t) => {
    const { host, driver, spec } = await booted(t);
    await driver.power(spec, 'suspended');
    await driver.power(spec, 'suspended');
    t.is((await driver.observe(spec.id))?.power, 'suspended');
    t.is((await driver.list()).find(({ id }) => id === spec.id)?.power, 'suspended');
    await driver.ensure({ ...spec, name: 'another' });
    t.is((await driver.observe(spec.id))?.power, 'suspended');
    await driver.power(spec, 'running');
    t.is((await driver.observe(spec.id))?.power, 'running');
    t.is(await bootCount(host, spec.id), 1);
    await driver.power(spec, 'suspended');
    await driver.power(spec, 'shutdown', { graceSeconds: 0 });
    t.is((await driver.observe(spec.id))?.power, 'shutdown');
    await driver.power(spec, 'suspended');
    t.is((await driver.observe(spec.id))?.power, 'shutdown', 'there is no memory to keep');
    await driver.power(spec, 'running');
    await until(t, 'it has booted again', async () => (await bootCount(host, spec.id)) === 2);
    await driver.power(spec, 'suspended');
    await driver.remove(spec.id);
    t.deepEqual(await host.leftovers(spec.id), []);
  });

  test('a server has disks beside its root disk, which stay with it and are copied with its root disk', async (t) => {
    const localDisks = [
      { kind: 'ephemeral', sizeMib: 32, format: 'ext4', tag: null },
      { kind: 'ephemeral', sizeMib: 40, format: 'vfat', tag: null },
      { kind: 'swap', sizeMib: 4, format: null, tag: null },
    ] as const;
    const { driver, spec } = await booted(t, { localDisks: [...localDisks] });
    await driver.ensure(spec);
    await driver.power(spec, 'shutdown', { graceSeconds: 0 });
    const resized = { ...spec, rootDisk: 2, rootDiskCopiedFrom: 1, localDisks: localDisks.slice(0, 2) };
    await driver.ensure(resized);
    await driver.power(resized, 'running');
    t.is((await driver.observe(spec.id))?.power, 'running');
  });

  test('a server boots from a rescue disk and from its own again', async (t) => {
    const { host, driver, spec } = await booted(t);
    const bootsOf = async (changed: ServerSpec, times: number) => {
      await driver.power(changed, 'shutdown', { graceSeconds: 0 });
      await driver.ensure(changed);
      await driver.power(changed, 'running');
      await until(t, `it has booted ${times} times`, async () => (await bootCount(host, spec.id)) === times);
    };
    await bootsOf({ ...spec, rescueImage: host.image }, 2);
    await bootsOf(spec, 3);
    await bootsOf({ ...spec, rootDisk: 2, rootDiskCopiedFrom: 1, rootDiskGib: 1 }, 4);
    await bootsOf({ ...spec, rootDisk: 3 }, 5);
    t.is((await driver.observe(spec.id))?.power, 'running');
  });

  test('a snapshot is a disk of its own, whatever the server does, and lasts until it is dropped', async (t) => {
    const { driver, spec } = await booted(t);
    const read = async (name: string) => {
      const pieces: Buffer[] = [];
      for await (const piece of await driver.openSnapshot(spec, name, AbortSignal.timeout(60_000))) pieces.push(piece);
      return Buffer.concat(pieces);
    };
    const check = (disk: Buffer) => {
      t.is(disk.toString('latin1', 0, 3), 'QFI');
      t.is(disk.readBigUInt64BE(8), 0n, 'it has no backing file');
    };
    const [first, second] = [randomUUID(), randomUUID()];
    const whileRunning = await read(first);
    check(whileRunning);
    t.true((await read(first)).equals(whileRunning));
    t.is((await driver.observe(spec.id))?.power, 'running');
    await driver.power(spec, 'shutdown', { graceSeconds: 0 });
    check(await read(second));
    await driver.dropSnapshot(spec.id, first);
    await driver.dropSnapshot(spec.id, first);
  });

  test('a running server gets as many processors as its limits allow, and has its size from its start, too', async (t) => {
    const liveLimits = { maxVcpus: 2, minMemoryMib: 32, maxMemoryMib: 96 };
    const { driver, spec } = await booted(t, { liveLimits });
    const vcpus = async () => (await driver.diagnose(spec.id))?.cpus.length;
    t.is(await vcpus(), 1);
    await driver.changeSize({ ...spec, vcpus: 2 });
    await driver.changeSize({ ...spec, vcpus: 2 });
    t.is(await vcpus(), 2);
    await driver.power(spec, 'shutdown', { graceSeconds: 0 });
    await t.throwsAsync(driver.changeSize(spec), { instanceOf: Conflict });
    await driver.ensure({ ...spec, vcpus: 2, memoryMib: 64 });
    await driver.power(spec, 'running');
    t.is(await vcpus(), 2);
    await t.throwsAsync(driver.changeSize({ ...spec, id: randomUUID() }), { instanceOf: NotFound });
  });

  test('what a running server has used is told, an agent that is not there refuses, and an interrupt ends nothing', async (t) => {
    const port = smallPort();
    const { driver, spec } = await booted(t, { ports: [port], guestAgent: { mustQuiesce: false } });
    const seen = await driver.diagnose(spec.id);
    t.deepEqual(
      seen?.cpus.map(({ id }) => id),
      [0],
    );
    t.deepEqual(
      seen?.disks.map(({ name }) => name),
      ['vda'],
    );
    t.deepEqual(
      seen?.interfaces.map(({ name }) => name),
      [`tap${port.id.slice(0, 11)}`],
    );
    t.is(seen?.memoryKib.maximum, spec.memoryMib * 1024);
    t.true((seen?.memoryKib.used ?? 0) > 0);
    await driver.injectNmi(spec.id);
    t.is((await driver.observe(spec.id))?.power, 'running');
    await driver.power(spec, 'shutdown', { graceSeconds: 0 });
    t.is(await driver.diagnose(spec.id), undefined);
    await t.throwsAsync(driver.setPassword(spec.id, 'root', 'secret'), {
      instanceOf: Conflict,
      message: 'its guest agent does not answer',
    });
    await t.throwsAsync(driver.injectNmi(spec.id), { instanceOf: Conflict });
    await t.throwsAsync(driver.setPassword(randomUUID(), 'root', 'secret'), { instanceOf: NotFound });
    t.is(await driver.diagnose(randomUUID()), undefined);
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
