/** The contract, and what only libvirt has. Needs libvirtd and virtlogd; the test of ports also Open vSwitch with br-int. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { access, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { PermanentFailure } from '../../../common/errors.ts';
import { buildGuestImage } from '../../../host/guest-image/build.ts';
import { listForeignServers } from '../../../host/guests.ts';
import { serverDriverContract, smallServer, until } from '../contract.ts';
import type { Machine, ServerSpec } from '../driver.ts';
import { tapName } from './names.ts';
import { driveWithAgent } from './real-agent.ts';
import { type LibvirtHostUnderTest, openLibvirtHost, virsh } from './testing.ts';

const run = promisify(execFile);
const output = async (command: string, ...args: string[]) => (await run(command, args)).stdout.trim();

serverDriverContract(test.serial, openLibvirtHost);

async function openWithServer(t: ExecutionContext<unknown>, changes: Partial<ServerSpec> = {}) {
  t.timeout(600_000);
  const host = await openLibvirtHost(t);
  const spec = smallServer(host, changes);
  t.teardown(() => host.driver.remove(spec.id));
  return { host, spec, driver: host.driver, directory: join(host.guestsDirectory, spec.id) };
}

const cache = process.env.CIRROSTACK_TEST_CACHE ?? join(tmpdir(), 'cirrostack-test-cache');

/** A server with a kernel that understands ACPI, started and ready. */
async function openWithKernel(t: ExecutionContext<unknown>, changes: Partial<ServerSpec> = {}) {
  const { path } = await buildGuestImage(cache);
  const all = await openWithServer(t, { image: { path, format: 'qcow2' }, memoryMib: 256, ...changes });
  await all.driver.ensure(all.spec);
  await all.driver.power(all.spec, 'running');
  const readyCount = async () =>
    (await all.driver.consoleOutput(all.spec.id)).split('cirrostack-guest ready').length - 1;
  await until(t, 'the guest is ready', async () => (await readyCount()) === 1);
  return { ...all, readyCount };
}

// One guest for all of it, as booting it takes most of the time.
test.serial(
  'a guest that understands finds its config drive, obeys through its agent, reboots softly without losing its QEMU, and is shut down by asking it',
  async (t) => {
    const metadata = JSON.stringify({ uuid: 'x', hostname: 'named-by-drive', name: 'ü' });
    const configDrive = { 'openstack/latest/meta_data.json': metadata, ...(await driveWithAgent(cache)) };
    const guestAgent = { mustQuiesce: true };
    const { driver, spec, directory, readyCount } = await openWithKernel(t, { configDrive, guestAgent });
    const drive = join(directory, 'config.iso');
    t.is(await output('isoinfo', '-J', '-x', '/openstack/latest/meta_data.json', '-i', drive), metadata);
    t.is(await output('isoinfo', '-R', '-x', '/openstack/latest/meta_data.json', '-i', drive), metadata);
    t.regex(await output('isoinfo', '-d', '-i', drive), /^Volume id: config-2$/m);

    let why: unknown;
    const isSet = (user: string) =>
      driver.setPassword(spec.id, user, 'a new:password').then(
        () => true,
        (error) => {
          why = error;
          return false;
        },
      );
    await until(t, "QEMU's own agent sets a password", () => isSet('cirro'));
    t.false(await isSet('nobody-of-that-name'));
    t.like(why, { message: 'its guest agent refused' });
    const snapshot = randomUUID();
    for await (const _ of await driver.openSnapshot(spec, snapshot, AbortSignal.timeout(120_000)));
    await driver.dropSnapshot(spec.id, snapshot);
    t.false(
      (await readdir(directory)).includes('frozen'),
      'its file systems were frozen and let go on, and it said so',
    );
    t.true(await isSet('root'), 'it answers on');

    const before = await virsh('domid', spec.id);
    await driver.reboot(spec, 'soft', { graceSeconds: 120 });
    t.is(await virsh('domid', spec.id), before);
    await until(t, 'the guest is ready again', async () => (await readyCount()) === 2);

    // Long before its grace has passed.
    await driver.power(spec, 'shutdown', { graceSeconds: 120 });
    t.regex(await virsh('domstate', '--reason', spec.id), /shut off \(shutdown\)/);
  },
);

test.serial('a guest runs with what its flavor asks for beyond sizes', async (t) => {
  const { driver, spec } = await openWithServer(t, {
    vcpus: 2,
    tuning: {
      cpuShares: 512,
      cpuPeriodMicros: 20_000,
      cpuQuotaMicros: 10_000,
      topology: { sockets: 1, cores: 2, threads: 1 },
      diskLimits: { read_bytes_sec: 1_048_576, write_iops_sec: 100 },
      hasBootMenu: true,
      watchdog: 'reset',
      randomRate: { bytes: 2048, periodMillis: 1000 },
    },
  });
  await driver.ensure(spec);
  await driver.power(spec, 'running');
  const limits = await virsh('blkdeviotune', spec.id, 'vda');
  t.regex(limits, /read_bytes_sec *: 1048576/);
  t.regex(limits, /write_iops_sec *: 100/);
  const scheduling = await virsh('schedinfo', spec.id);
  t.regex(scheduling, /cpu_shares *: 512/);
  t.regex(scheduling, /vcpu_quota *: 10000/);
  t.regex(await virsh('dumpxml', spec.id), /<topology sockets='1' dies='1' cores='2' threads='1'\/>/);
});

test.serial('a guest whose QEMU was killed is seen as crashed, and starts again', async (t) => {
  const { driver, spec } = await openWithServer(t);
  await driver.ensure(spec);
  await driver.power(spec, 'running');
  const pid = (await output('pgrep', '-f', `guest=cs-${spec.id}`)).split('\n')[0];
  process.kill(Number(pid), 'SIGKILL');
  await until(t, 'the crash is seen', async () => (await driver.observe(spec.id))?.power === 'crashed');
  await driver.power(spec, 'running');
  t.is((await driver.observe(spec.id))?.power, 'running');
});

test.serial('a paused guest is resumed', async (t) => {
  const { driver, spec } = await openWithServer(t);
  await driver.ensure(spec);
  await driver.power(spec, 'running');
  await virsh('suspend', spec.id);
  t.is((await driver.observe(spec.id))?.power, 'paused');
  await driver.power(spec, 'running');
  t.is((await driver.observe(spec.id))?.power, 'running');
});

test.serial("a guest's files can be used by QEMU and by no other user, and its image keeps its owner", async (t) => {
  const { driver, spec, directory, host } = await openWithServer(t, { configDrive: { 'openstack/a': 'b' } });
  const before = await stat(host.image.path);
  await driver.ensure(spec);
  await driver.power(spec, 'running');
  const modes = await Promise.all(
    ['', 'disk.qcow2', 'config.iso', 'console.log'].map(
      async (name) => (await stat(join(directory, name))).mode & 0o777,
    ),
  );
  t.deepEqual(modes, [0o710, 0o600, 0o600, 0o600]);
  t.is((await stat(directory)).uid, 0);
  const after = await stat(host.image.path);
  t.deepEqual([after.uid, after.gid, after.mtimeMs], [before.uid, before.gid, before.mtimeMs]);
});

test.serial('the root disk says its format and that of its image, has the size of the flavor, and grows', async (t) => {
  const { driver, spec, directory, host } = await openWithServer(t, { rootDiskGib: 1 });
  const info = async () => {
    return JSON.parse(await output('qemu-img', 'info', '-f', 'qcow2', '--output=json', join(directory, 'disk.qcow2')));
  };
  await driver.ensure(spec);
  t.like(await info(), {
    'virtual-size': 1024 ** 3,
    'backing-filename': host.image.path,
    'backing-filename-format': 'raw',
  });
  await driver.ensure({ ...spec, rootDiskGib: 2 });
  t.like(await info(), { 'virtual-size': 2 * 1024 ** 3 });
  await driver.ensure(spec);
  t.like(await info(), { 'virtual-size': 2 * 1024 ** 3 }, 'a disk never shrinks');
});

test.serial('a snapshot of a running server holds its image and what was written since', async (t) => {
  const { driver, spec, directory, host } = await openWithServer(t, { rootDiskGib: 1 });
  await driver.ensure(spec);
  await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 1M 64k', join(directory, 'disk.qcow2')]);
  await driver.power(spec, 'running');
  const name = crypto.randomUUID();
  const file = join(host.guestsDirectory, 'snapshot.qcow2');
  await writeFile(file, await driver.openSnapshot(spec, name, AbortSignal.timeout(60_000)));
  const image = (await readFile(host.image.path)).subarray(0, 512);
  const { stdout } = await run('qemu-img', [
    'dd',
    '-f',
    'qcow2',
    '-O',
    'raw',
    'bs=512',
    'count=1',
    `if=${file}`,
    `of=${file}.raw`,
  ]);
  t.is(stdout, '');
  t.true((await readFile(`${file}.raw`)).equals(image));
  t.notRegex((await run('qemu-io', ['-f', 'qcow2', '-c', 'read -P 7 1M 64k', file])).stdout, /verification failed/);
  t.like(JSON.parse(await output('qemu-img', 'info', '-f', 'qcow2', '--output=json', file)), {
    'virtual-size': 1024 ** 3,
  });
  const broken = driver.openSnapshot(spec, crypto.randomUUID(), AbortSignal.abort());
  await t.throwsAsync(broken, { message: /broken off/ });
  await driver.openSnapshot(spec, crypto.randomUUID(), AbortSignal.timeout(60_000));
  await driver.dropSnapshot(spec.id, name);
});

test.serial('a root disk is copied, gone back to, and made anew, and no other disks stay', async (t) => {
  const { driver, spec, directory } = await openWithServer(t, { rootDiskGib: 1 });
  const disks = async () => (await readdir(directory)).filter((name) => name.endsWith('.qcow2')).sort();
  const mark = (name: string, text: string) =>
    run('qemu-io', ['-f', 'qcow2', '-c', `write -P ${text} 1M 64k`, join(directory, name)]);
  const isMarked = async (name: string, text: string) =>
    run('qemu-io', ['-f', 'qcow2', '-c', `read -P ${text} 1M 64k`, join(directory, name)]).then(
      ({ stdout }) => !stdout.includes('verification failed'),
      () => false,
    );
  await driver.ensure(spec);
  await mark('disk.qcow2', '7');
  const larger = { ...spec, rootDisk: 5, rootDiskCopiedFrom: 1, rootDiskGib: 2 };
  await driver.ensure(larger);
  t.deepEqual(await disks(), ['disk-5.qcow2', 'disk.qcow2']);
  t.true(await isMarked('disk-5.qcow2', '7'));
  await mark('disk-5.qcow2', '8');
  await driver.ensure(spec);
  t.deepEqual(await disks(), ['disk.qcow2']);
  t.true(await isMarked('disk.qcow2', '7'), 'what came after the copy is gone');
  await driver.ensure(larger);
  await driver.power(larger, 'running');
  await driver.ensure(spec);
  t.deepEqual(await disks(), ['disk-5.qcow2', 'disk.qcow2'], 'what it runs from stays');
  await driver.ensure({ ...larger, rootDiskCopiedFrom: null });
  t.deepEqual(await disks(), ['disk-5.qcow2'], 'the old one goes while it runs');
  await driver.power(larger, 'shutdown', { graceSeconds: 0 });
  const image = { rescueImage: spec.image };
  await driver.ensure({ ...larger, rootDiskCopiedFrom: null, ...image });
  t.deepEqual(await disks(), ['disk-5.qcow2', 'rescue.qcow2']);
  await driver.ensure({ ...spec, rootDisk: 9 });
  t.deepEqual(await disks(), ['disk-9.qcow2']);
  t.false(await isMarked('disk-9.qcow2', '7'));
  await t.throwsAsync(driver.ensure({ ...spec, rootDisk: 12, rootDiskCopiedFrom: 11 }), {
    instanceOf: PermanentFailure,
  });
});

test.serial(
  'an image that is empty, too large, or refers to another file is refused for good, and leaves no domain',
  async (t) => {
    const { driver, spec, host } = await openWithServer(t, { rootDiskGib: 1 });
    const other = join(host.guestsDirectory, '..', 'other');
    const refuse = async (format: 'raw' | 'qcow2', message: RegExp) => {
      const refused = driver.ensure({ ...spec, image: { path: other, format } });
      await t.throwsAsync(refused, { instanceOf: PermanentFailure, message });
      t.is(await driver.observe(spec.id), undefined);
    };
    await writeFile(other, '');
    await refuse('raw', /empty/);
    await refuse('qcow2', /not the qcow2/);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', other, '3G']);
    await refuse('qcow2', /1 GiB is too small for the image, which needs 3 GiB/);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', host.image.path, other]);
    await refuse('qcow2', /refers to another file/);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', `data_file=${other}.data`, other, '1M']);
    await refuse('qcow2', /refers to another file/);
    await driver.remove(spec.id);
    t.deepEqual(await host.leftovers(spec.id), []);
  },
);

test.serial('what libvirt was told is valid by its own schema', async (t) => {
  const { driver, spec, host } = await openWithServer(t, {
    configDrive: { 'openstack/a': 'b' },
    name: '<&"\' and more',
  });
  await driver.ensure(spec);
  const file = join(host.guestsDirectory, 'domain.xml');
  await writeFile(file, await virsh('dumpxml', '--inactive', spec.id));
  await t.notThrowsAsync(virsh('define', '--validate', file));
  t.regex(await virsh('desc', '--title', spec.id), /^<&"' and more$/m);
});

const port = (id: string) => ({
  id,
  macAddress: 'fa:16:3e:00:11:22',
  mtu: 1442,
  addresses: [],
  dnsServers: [],
});

test.serial('a port is plugged into the integration bridge under its id, and taken off with the server', async (t) => {
  const id = crypto.randomUUID();
  const tap = tapName(id);
  const { driver, spec, host } = await openWithServer(t, { ports: [port(id)] });
  await driver.ensure(spec);
  await driver.power(spec, 'running');
  t.is(await output('ovs-vsctl', 'get', 'Interface', tap, 'external_ids:iface-id'), `"${id}"`);
  t.regex(await output('ip', 'link', 'show', tap), /mtu 1442/);
  await driver.power(spec, 'shutdown', { graceSeconds: 0 });
  await driver.power(spec, 'running');
  t.is(await output('ovs-vsctl', 'port-to-br', tap), 'br-int');
  await driver.remove(spec.id);
  t.notRegex(await output('ovs-vsctl', 'list-ports', 'br-int'), new RegExp(tap));
  t.deepEqual(await host.leftovers(spec.id), []);
});

test.serial('a port that its dead domain left on the bridge is taken off too', async (t) => {
  const [first, second] = [crypto.randomUUID(), crypto.randomUUID()];
  const { driver, spec } = await openWithServer(t, { ports: [port(first)] });
  const plugged = () => output('ovs-vsctl', 'list-ports', 'br-int');
  const leave = (id: string) =>
    run('ovs-vsctl', ['add-port', 'br-int', tapName(id), '--', 'set', 'Interface', tapName(id), 'type=internal']);
  await driver.ensure(spec);
  await leave(first);
  await driver.ensure({ ...spec, ports: [port(second)] });
  t.notRegex(await plugged(), new RegExp(tapName(first)));
  await leave(second);
  await virsh('undefine', spec.id);
  await driver.remove(spec.id);
  t.notRegex(await plugged(), new RegExp(tapName(second)));
});

/** Does one thing in a process of its own, to be killed. */
function spawnDriver(host: LibvirtHostUnderTest, spec: ServerSpec, work: string): ChildProcess {
  const program = `
    import { LibvirtServerDriver } from ${JSON.stringify(import.meta.resolve('./driver.ts'))};
    const driver = new LibvirtServerDriver(${JSON.stringify(host.options)});
    const spec = ${JSON.stringify(spec)};
    await driver.check();
    process.stdout.write('begin');
    ${work}
    await driver.close();`;
  return spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Kills the work after ever longer times until it is done before that; `after` then proves that all ends well. */
async function killAllAlong(
  t: ExecutionContext<unknown>,
  work: string,
  before: () => Promise<void>,
  after: () => Promise<void>,
  host: LibvirtHostUnderTest,
  spec: ServerSpec,
): Promise<void> {
  let kills = 0;
  for (let afterMs = 0; ; afterMs += 20) {
    await before();
    const child = spawnDriver(host, spec, work);
    const ended = once(child, 'exit');
    await once(child.stdout!, 'data');
    const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
    const [code] = await ended;
    clearTimeout(timer);
    await after();
    if (code === 0) break;
    kills += 1;
  }
  t.log(`killed ${kills} times`);
  t.true(kills > 0);
}

test.serial(
  'a process killed at any moment of making and starting a server leaves what the next one finishes',
  async (t) => {
    const { host, spec, driver, directory } = await openWithServer(t, { configDrive: { 'openstack/a': 'b' } });
    const finish = async () => {
      await driver.ensure(spec);
      await driver.power(spec, 'running');
      t.is((await driver.observe(spec.id))?.power, 'running');
      const names = (await readdir(directory)).sort();
      t.deepEqual(names, ['config.iso', 'console.log', 'disk.qcow2', 'serial.sock']);
      await driver.remove(spec.id);
      t.deepEqual(await host.leftovers(spec.id), []);
    };
    const work = `await driver.ensure(spec); await driver.power(spec, 'running');`;
    await killAllAlong(t, work, async () => {}, finish, host, spec);
  },
);

test.serial('a process killed at any moment of removing a server leaves what the next one finishes', async (t) => {
  const { host, spec, driver } = await openWithServer(t, { configDrive: { 'openstack/a': 'b' } });
  const make = async () => {
    await driver.ensure(spec);
    await driver.power(spec, 'running');
  };
  const finish = async () => {
    await driver.remove(spec.id);
    t.is(await driver.observe(spec.id), undefined);
    t.deepEqual(await host.leftovers(spec.id), []);
  };
  await killAllAlong(t, 'await driver.remove(spec.id);', make, finish, host, spec);
});

test.serial('servers run on the other machines that images want, and take interfaces there', async (t) => {
  const machines: Machine[] = [
    { diskBus: 'scsi', configDriveBus: 'sata', interfaceModel: 'e1000e', videoModel: 'virtio', keepsLocalTime: true },
    { type: 'pc', diskBus: 'sata', interfaceModel: 'rtl8139', videoModel: 'cirrus' },
  ];
  for (const machine of machines) {
    const ports = [port(randomUUID())];
    const { driver, spec, host } = await openWithServer(t, { machine, ports, configDrive: { 'openstack/a': 'b' } });
    await driver.ensure(spec);
    await driver.power(spec, 'running');
    await until(t, `it boots as ${JSON.stringify(machine)}`, async () => (await driver.consoleOutput(spec.id)) !== '');
    const second = { ...port(randomUUID()), macAddress: 'fa:16:3e:00:11:23' };
    await driver.ensure({ ...spec, ports: [...ports, second] });
    t.is((await host.connected(spec.id)).length, 2, JSON.stringify(machine));
    await driver.remove(spec.id);
  }
});

// What the firmware says on the console comes half a minute later where there is no KVM: nobody waits for it here.
test.serial('a server with UEFI starts with firmware whose memory goes with it', async (t) => {
  const { driver, spec } = await openWithServer(t, { machine: { isUefi: true }, memoryMib: 128 });
  await driver.ensure(spec);
  await driver.power(spec, 'running');
  t.is((await driver.observe(spec.id))?.power, 'running');
  const nvram = /<nvram[^>]*>([^<]+)</.exec(await virsh('dumpxml', spec.id))?.[1] ?? '';
  await access(nvram);
  await driver.remove(spec.id);
  await t.throwsAsync(access(nvram));
});

test.serial(
  'domains that are not ours are told of and are none of the cloud’s, also under a name of ours',
  async (t) => {
    const host = await openLibvirtHost(t);
    const names = [`neighbour-${randomUUID()}`, `cs-${randomUUID()}`];
    for (const name of names) {
      const file = join(host.guestsDirectory, '..', `${name}.xml`);
      const xml = `<domain type='qemu'><name>${name}</name><memory unit='MiB'>16</memory><os><type arch='x86_64'>hvm</type></os></domain>`;
      await writeFile(file, xml);
      await virsh('define', file);
      t.teardown(() => virsh('undefine', name));
    }
    const foreign = await host.driver.listForeign();
    const toDoctor = await listForeignServers();
    const ours = (await host.driver.list()).map(({ id }) => `cs-${id}`);
    for (const name of names) {
      t.true(foreign.includes(name));
      t.true(toDoctor.includes(name));
      t.false(ours.includes(name));
    }
  },
);
