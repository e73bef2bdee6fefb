/** Against the Docker Engine and the Open vSwitch of this machine. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, connect as openSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import Docker from 'dockerode';
import { Conflict, PermanentFailure, Unavailable } from '../../../common/errors.ts';
import { execute } from '../../../host/execute.ts';
import { buildBusyboxImage } from '../../container-image/build.ts';
import { type ContainerHostUnderTest, containerDriverContract, smallContainer, until } from '../contract.ts';
import type { ContainerSpec, GuestPort } from '../driver.ts';
import { DockerDriver, type DockerDriverOptions } from './driver.ts';
import { containerName, tapName } from './names.ts';
import { tapsOf } from './plug.ts';

const socketPath = process.env.DOCKER_SOCKET ?? '/var/run/docker.sock';
const docker = new Docker({ socketPath });

async function temporaryDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-docker-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

interface Host extends ContainerHostUnderTest {
  driver: DockerDriver;
}

async function makeHost(t: ExecutionContext, changes: Partial<DockerDriverOptions> = {}): Promise<Host> {
  const stateDirectory = await temporaryDirectory(t);
  const datapath = await execute('ovs-vsctl', ['get', 'Bridge', 'br-int', 'datapath_type']);
  // No OVN carries these ports: nothing to wait for.
  const options = {
    socketPath,
    stateDirectory,
    userspaceDatapath: datapath.includes('netdev'),
    portReadySeconds: 0,
    ...changes,
  };
  const driver = new DockerDriver(options);
  t.teardown(() => driver.close());
  const imageArchive = join(stateDirectory, 'image.tar');
  await buildBusyboxImage(imageArchive, { command: ['sleep', '3600'] });
  const container = (id: string) => docker.getContainer(containerName(id));
  return {
    driver,
    imageArchive,
    reopen: async () => new DockerDriver(options),
    lose: (id) => container(id).kill(),
    forget: (id) => container(id).remove({ force: true }),
    async configured(id) {
      const { HostConfig } = await container(id).inspect();
      return { memoryMib: (HostConfig.Memory ?? 0) / 1024 / 1024 };
    },
    async leftovers(id) {
      const named = await docker.listContainers({ all: true, filters: { name: [containerName(id)] } });
      const { onBridge, onHost } = await tapsOf(id);
      return [...named.flatMap(({ Names }) => Names), ...onBridge, ...onHost];
    },
  };
}

containerDriverContract(test, makeHost);

async function makeSpec(t: ExecutionContext, host: Host, changes: Partial<ContainerSpec> = {}): Promise<ContainerSpec> {
  t.timeout(600_000);
  const imageId = randomUUID();
  await host.driver.ensureImage(imageId, host.imageArchive);
  const spec = smallContainer(imageId, changes);
  t.teardown(async () => {
    await host.driver.remove(spec.id);
    await host.driver.removeImage(imageId);
  });
  return spec;
}

/** Each test has networks of its own, so that tests run beside each other. */
let nextNetwork = process.pid % 200;
function port(changes: Partial<GuestPort> = {}): GuestPort {
  nextNetwork = (nextNetwork + 1) % 250;
  const id = randomUUID();
  return {
    id,
    macAddress: `fa:16:3e:${id.slice(0, 2)}:${id.slice(2, 4)}:${id.slice(4, 6)}`,
    mtu: 1442,
    addresses: [{ address: `10.213.${nextNetwork}.5`, prefixLength: 24, gateway: `10.213.${nextNetwork}.1` }],
    dnsServers: ['10.213.0.2'],
    ...changes,
  };
}

async function run(host: Host, spec: ContainerSpec): Promise<void> {
  await host.driver.ensure(spec);
  await host.driver.power(spec, 'running');
}

const inside = async (host: Host, spec: ContainerSpec, ...command: string[]) =>
  (await host.driver.execute(spec.id, command)).output;

test('a container has its ports from its first instruction on: addresses, routes, MTU, MAC, names', async (t) => {
  const host = await makeHost(t);
  const [first, second] = [port(), port({ mtu: 1400 })];
  const spec = await makeSpec(t, host, {
    ports: [first, second],
    // Not `ip`, which an image need not have: the kernel's own account, at the moment the program starts.
    command: [
      'sh',
      '-c',
      'cat /proc/net/route /proc/net/fib_trie /sys/class/net/eth?/address /sys/class/net/eth?/mtu; sleep 99',
    ],
  });
  await run(host, spec);
  const everything = { stdout: true, stderr: true, timestamps: false, tail: 'all', sinceSeconds: 0 } as const;
  await until(t, 'it has written', async () => (await host.driver.logs(spec.id, everything)).includes('1400'));
  const seen = await host.driver.logs(spec.id, everything);
  t.regex(seen, /^eth0\s+00000000\s/m);
  t.notRegex(seen, /^eth1\s+00000000\s/m);
  for (const { addresses, macAddress, mtu } of [first, second]) {
    t.true(seen.includes(addresses[0]!.address));
    t.true(seen.includes(macAddress));
    t.true(seen.includes(String(mtu)));
  }
  t.true((await inside(host, spec, 'cat', '/etc/hosts')).includes(`${first.addresses[0]!.address}\t${spec.hostname}`));
  t.is((await inside(host, spec, 'cat', '/etc/resolv.conf')).trim(), 'nameserver 10.213.0.2');
  const iface = (column: string) => execute('ovs-vsctl', ['get', 'Interface', tapName(first.id), column]);
  t.true((await iface('external_ids:iface-id')).includes(first.id));
  t.true((await iface('external_ids:attached-mac')).includes(first.macAddress));
});

test('a container with ports runs exactly what its image says, with the same environment and argv[0]', async (t) => {
  const host = await makeHost(t);
  const shown = ['sh', '-c', "tr '\\0' '\\n' < /proc/1/environ | sort; tr '\\0' '|' < /proc/1/cmdline; echo; sleep 99"];
  const plain = await makeSpec(t, host, { command: shown, environment: { A: 'b c', Q: "it's" } });
  const gated = await makeSpec(t, host, { ...plain, id: randomUUID(), hostname: plain.hostname, ports: [port()] });
  const everything = { stdout: true, stderr: true, timestamps: false, tail: 'all', sinceSeconds: 0 } as const;
  const written = async (spec: ContainerSpec) => {
    await run(host, spec);
    await until(t, 'it has written', async () => (await host.driver.logs(spec.id, everything)).includes('sleep 99'));
    return host.driver.logs(spec.id, everything);
  };
  t.is(await written(gated), await written(plain));
  t.deepEqual((await host.driver.observe(gated.id))?.command, shown);
  const odd = await makeSpec(t, host, {
    ...plain,
    id: randomUUID(),
    ports: [port()],
    environment: { 'spring.profile': `it's $HOME "x"\n`, SHLVL: '7' },
  });
  const environment = await written(odd);
  t.true(environment.includes(`spring.profile=it's $HOME "x"\n`));
  t.true(environment.includes('SHLVL=7\n'));
});

test('a program that is not in the image says so, with and without ports', async (t) => {
  const host = await makeHost(t);
  const plain = await makeSpec(t, host, { command: ['no-such-program'] });
  await host.driver.ensure(plain);
  await t.throwsAsync(host.driver.power(plain, 'running'), {
    instanceOf: PermanentFailure,
    message: /not in the image/,
  });
  const gated = await makeSpec(t, host, { command: ['no-such-program'], ports: [port()] });
  await run(host, gated);
  await until(t, 'it ended', async () => (await host.driver.observe(gated.id))?.power === 'crashed');
  t.is((await host.driver.observe(gated.id))?.exitCode, 127);
});

test('a container that was started and not plugged waits, stops at once when told, and runs once it is plugged', async (t) => {
  const host = await makeHost(t);
  const spec = await makeSpec(t, host, { ports: [port()], command: ['sh', '-c', 'echo began; sleep 99'] });
  const everything = { stdout: true, stderr: true, timestamps: false, tail: 'all', sinceSeconds: 0 } as const;
  await host.driver.ensure(spec);
  await docker.getContainer(containerName(spec.id)).start(); // what a process did that was killed before it plugged
  t.is((await host.driver.observe(spec.id))?.power, 'running');
  const before = Date.now();
  await host.driver.power(spec, 'shutdown', { graceSeconds: 300 });
  t.true(Date.now() - before < 120_000);
  t.is(await host.driver.logs(spec.id, everything), '');
  await docker.getContainer(containerName(spec.id)).start();
  await host.driver.power(spec, 'running');
  await until(t, 'it began', async () => (await host.driver.logs(spec.id, everything)) === 'began\n');
});

test('a container is held back until OVN carries its ports, and no longer than for the time set', async (t) => {
  const host = await makeHost(t, { portReadySeconds: 60 });
  const [only, never] = [port(), port()];
  const everything = { stdout: true, stderr: true, timestamps: false, tail: 'all', sinceSeconds: 0 } as const;
  const spec = await makeSpec(t, host, { ports: [only], command: ['sh', '-c', 'echo began; sleep 99'] });
  await host.driver.ensure(spec);
  const powered = host.driver.power(spec, 'running');
  await until(t, 'its port is there', async () => (await tapsOf(spec.id)).onBridge.length === 1);
  await until(t, 'it runs, at its gate', async () => (await host.driver.observe(spec.id))?.power === 'running');
  t.is(await host.driver.logs(spec.id, everything), '');
  await execute('ovs-vsctl', ['set', 'Interface', tapName(only.id), 'external_ids:ovn-installed=true']); // as OVN does
  await powered;
  await until(t, 'it began', async () => (await host.driver.logs(spec.id, everything)) === 'began\n');
  const hasty = await makeHost(t, { portReadySeconds: 1 });
  const late = await makeSpec(t, hasty, { ports: [never], command: ['sh', '-c', 'echo began; sleep 99'] });
  await run(hasty, late);
  await until(t, 'it began', async () => (await hasty.driver.logs(late.id, everything)) === 'began\n');
});

test('ports that somebody took away are plugged again, and a plugged container is left alone', async (t) => {
  const host = await makeHost(t);
  const only = port();
  const spec = await makeSpec(t, host, { ports: [only] });
  await run(host, spec);
  const index = () => inside(host, spec, 'cat', '/sys/class/net/eth0/ifindex');
  const first = await index();
  await host.driver.power(spec, 'running');
  t.is(await index(), first);
  await execute('ovs-vsctl', ['del-port', tapName(only.id)]);
  await host.driver.power(spec, 'running');
  t.is((await execute('ovs-vsctl', ['port-to-br', tapName(only.id)])).trim(), 'br-int');
  t.is(await index(), first);
  await execute('ip', ['link', 'delete', 'dev', tapName(only.id)]);
  await host.driver.power(spec, 'running');
  t.is((await inside(host, spec, 'cat', '/sys/class/net/eth0/operstate')).trim(), 'up');
  t.not(await index(), first);
});

test('a container that Docker restarted gets its ports again', async (t) => {
  const host = await makeHost(t);
  const spec = await makeSpec(t, host, { ports: [port()] });
  await run(host, spec);
  await docker.getContainer(containerName(spec.id)).restart({ t: 0 });
  await host.driver.power(spec, 'running');
  t.deepEqual((await host.driver.observe(spec.id))?.command, ['sleep', '3600']);
  t.is((await inside(host, spec, 'cat', '/sys/class/net/eth0/carrier')).trim(), '1');
});

test('two containers on one bridge reach each other, also after one was restarted, over IPv4 and IPv6', async (t) => {
  const host = await makeHost(t, { integrationBridge: `cstest${process.pid % 100_000}` });
  const bridge = `cstest${process.pid % 100_000}`;
  // A bridge that learns, with no controller: br-int drops what OVN has not allowed.
  const datapath = (await execute('ovs-vsctl', ['get', 'Bridge', 'br-int', 'datapath_type'])).trim();
  await execute('ovs-vsctl', [
    '--may-exist',
    'add-br',
    bridge,
    '--',
    'set',
    'Bridge',
    bridge,
    `datapath_type=${datapath}`,
  ]);
  t.teardown(() => execute('ovs-vsctl', ['--if-exists', 'del-br', bridge]));
  const at = (n: number) =>
    port({
      addresses: [
        { address: `10.214.0.${n}`, prefixLength: 24, gateway: null },
        { address: `fd00:214::${n}`, prefixLength: 64, gateway: null },
      ],
    });
  const one = await makeSpec(t, host, { ports: [at(1)] });
  const other = await makeSpec(t, host, { ports: [at(2)], command: ['httpd', '-f', '-h', '/etc'] });
  await Promise.all([run(host, one), run(host, other)]);
  const reached = async () => {
    await until(t, 'IPv4 answers', async () =>
      (await inside(host, one, 'ping', '-c1', '-W1', '10.214.0.2')).includes('1 packets received'),
    );
    await until(t, 'IPv6 answers', async () =>
      (await inside(host, one, 'ping', '-c1', '-W1', 'fd00:214::2')).includes('1 packets received'),
    );
    t.true((await inside(host, one, 'wget', '-qO-', 'http://10.214.0.2/passwd')).includes('root:'));
  };
  await reached();
  await host.driver.power(other, 'shutdown', { graceSeconds: 0 });
  t.deepEqual(await tapsOf(other.id), { onBridge: [], onHost: [] });
  await host.driver.power(other, 'running');
  await reached();
  await host.lose(other.id); // its OVS port stays behind, as its device is gone
  await host.driver.power(other, 'running');
  await reached();
});

test('a container has no privileges: few capabilities, no new ones, no devices, no mounts of the host', async (t) => {
  const host = await makeHost(t);
  const spec = await makeSpec(t, host, { ports: [port()] });
  await run(host, spec);
  const status = await inside(host, spec, 'cat', '/proc/1/status');
  t.regex(status, /^CapEff:\t000000000004[0-9a-f]{4}$/m);
  t.regex(status, /^CapBnd:\t000000000004[0-9a-f]{4}$/m);
  t.regex(status, /^NoNewPrivs:\t1$/m);
  t.regex(status, /^Seccomp:\t2$/m);
  for (const refused of [
    ['ip', 'link', 'set', 'eth0', 'down'],
    ['mount', '-t', 'tmpfs', 'none', '/tmp'],
    ['mknod', '/tmp/sda', 'b', '8', '0'],
    ['sh', '-c', 'echo x > /.cirrostack/busybox'],
    ['sh', '-c', 'echo 1 > /proc/sys/kernel/panic'],
    ['hostname', 'other'],
  ]) {
    t.not((await host.driver.execute(spec.id, refused)).exitCode, 0, refused.join(' '));
  }
  t.is((await inside(host, spec, 'sh', '-c', 'ls /dev | grep -cE "^(sd|vd|kmsg|mem|loop)"')).trim(), '0');
});

test('the most memory and processes are what was asked for', async (t) => {
  const host = await makeHost(t);
  const spec = await makeSpec(t, host, { pidsLimit: 20, command: ['sh', '-c', 'x=y; while :; do x=$x$x; done'] });
  await run(host, spec);
  await until(t, 'it is killed', async () => (await host.driver.observe(spec.id))?.power === 'crashed');
  t.is((await host.driver.observe(spec.id))?.exitCode, 137);
  const forks = await makeSpec(t, host, { pidsLimit: 10 });
  await run(host, forks);
  const { output } = await host.driver.execute(forks.id, [
    'sh',
    '-c',
    'for n in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done',
  ]);
  t.regex(output, /can't fork/);
});

test('a paused container is seen paused, and runs again when told to', async (t) => {
  const host = await makeHost(t);
  const spec = await makeSpec(t, host);
  await run(host, spec);
  await docker.getContainer(containerName(spec.id)).pause();
  t.is((await host.driver.observe(spec.id))?.power, 'paused');
  await host.driver.power(spec, 'running');
  t.is((await host.driver.observe(spec.id))?.power, 'running');
});

test('a container is made anew only for a new image or command, and keeps its files otherwise', async (t) => {
  const host = await makeHost(t);
  const spec = await makeSpec(t, host);
  await run(host, spec);
  await inside(host, spec, 'touch', '/root/kept');
  const off = { graceSeconds: 0 };
  await host.driver.power(spec, 'shutdown', off);
  const changed = { ...spec, memoryMib: 64, cpus: 0.25, pidsLimit: 60, name: 'other', labels: { a: 'b' } };
  await run(host, changed);
  t.is((await host.driver.execute(spec.id, ['ls', '/root/kept'])).exitCode, 0);
  await host.driver.power(changed, 'shutdown', off);
  await run(host, { ...changed, command: ['sleep', '1234'] });
  t.deepEqual((await host.driver.observe(spec.id))?.command, ['sleep', '1234']);
  t.not((await host.driver.execute(spec.id, ['ls', '/root/kept'])).exitCode, 0);
});

test('a command that does not end is killed, and one that says too much is cut', async (t) => {
  const host = await makeHost(t, { executeLimitSeconds: 1 });
  const spec = await makeSpec(t, host);
  await run(host, spec);
  await t.throwsAsync(host.driver.execute(spec.id, ['sleep', '4321']), {
    instanceOf: Conflict,
    message: /did not end/,
  });
  const patient = await makeHost(t);
  await until(t, 'it is gone', async () => !(await inside(patient, spec, 'ps')).includes('sleep 4321'));
  const { output, exitCode } = await patient.driver.execute(spec.id, ['head', '-c', '3000000', '/dev/zero']);
  t.is(output.length, 1024 * 1024);
  t.is(exitCode, 0);
});

test('what a container writes is told apart by stream, and may be limited', async (t) => {
  const host = await makeHost(t);
  const spec = await makeSpec(t, host, { command: ['sh', '-c', 'echo out; echo err >&2; echo grüße'] });
  const withTerminal = await makeSpec(t, host, { command: ['sh', '-c', 'echo out; echo err >&2'], tty: true });
  const everything = { stdout: true, stderr: true, timestamps: false, tail: 'all', sinceSeconds: 0 } as const;
  for (const each of [spec, withTerminal]) {
    await run(host, each);
    await until(t, 'it ended', async () => (await host.driver.observe(each.id))?.power === 'shutdown');
  }
  t.is(await host.driver.logs(spec.id, { ...everything, stderr: false }), 'out\ngrüße\n');
  t.is(await host.driver.logs(spec.id, { ...everything, stdout: false }), 'err\n');
  t.is(await host.driver.logs(withTerminal.id, { ...everything, tail: 1 }), 'err\r\n');
  t.regex(await host.driver.logs(spec.id, { ...everything, stdout: false, timestamps: true }), /^\d{4}-.*Z err\n$/);
  t.is(await host.driver.logs(spec.id, { ...everything, sinceSeconds: Math.floor(Date.now() / 1000) + 1000 }), '');
  t.is(await host.driver.logs(withTerminal.id, everything), 'out\r\nerr\r\n');
});

test('containers of others are neither seen nor touched, whatever their labels say', async (t) => {
  const host = await makeHost(t);
  const spec = await makeSpec(t, host);
  const foreign = await docker.createContainer({
    name: `foreign-${randomUUID()}`,
    Image: `cirrostack/${spec.imageId}`,
    Labels: { 'cirrostack.id': spec.id },
    HostConfig: { NetworkMode: 'none' },
  });
  t.teardown(() => foreign.remove({ force: true }));
  await foreign.start();
  t.is(await host.driver.observe(spec.id), undefined);
  t.false((await host.driver.list()).some(({ id }) => id === spec.id));
  await host.driver.remove(spec.id);
  t.true((await foreign.inspect()).State.Running);
});

/** The engine's socket behind one of ours, which can go away without the engine going away from everybody. */
async function relay(t: ExecutionContext) {
  const path = join(await temporaryDirectory(t), 'relay.sock');
  const open = new Set<Socket>();
  const listen = () =>
    new Promise<ReturnType<typeof createServer>>((resolve) => {
      const server = createServer({ allowHalfOpen: true }, (client) => {
        const upstream = openSocket({ path: socketPath, allowHalfOpen: true });
        for (const socket of [client, upstream]) {
          open.add(socket);
          socket.on('error', () => {});
          socket.on('close', () => open.delete(socket));
        }
        client.pipe(upstream).pipe(client);
      });
      server.listen(path, () => resolve(server));
    });
  let server = await listen();
  const down = async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  t.teardown(down);
  return {
    path,
    down,
    async up() {
      server = await listen();
    },
  };
}

test('an engine that goes away is told as unavailable, and its changes are heard again once it is back', async (t) => {
  const between = await relay(t);
  const host = await makeHost(t, { socketPath: between.path });
  const spec = await makeSpec(t, host);
  await run(host, spec);
  const heard: string[] = [];
  host.driver.onChange((id) => heard.push(id));
  await between.down();
  await t.throwsAsync(host.driver.observe(spec.id), { instanceOf: Unavailable });
  await t.throwsAsync(host.driver.power(spec, 'running'), { instanceOf: Unavailable });
  await t.throwsAsync(host.driver.list(), { instanceOf: Unavailable });
  await t.throwsAsync(host.driver.check(), { instanceOf: Unavailable });
  await between.up();
  await until(t, 'a change is heard', async () => {
    await host.driver.power(spec, 'shutdown', { graceSeconds: 0 });
    await host.driver.power(spec, 'running');
    return heard.includes(spec.id);
  });
});

test('the gate is installed once for all, and found missing when its source is', async (t) => {
  const host = await makeHost(t);
  const specs = await Promise.all([1, 2, 3].map(() => makeSpec(t, host, { ports: [port()] })));
  await Promise.all(specs.map((spec) => host.driver.ensure(spec)));
  const bare = await makeHost(t, { busybox: '/does/not/exist' });
  const spec = await makeSpec(t, bare, { ports: [port()] });
  await t.throwsAsync(bare.driver.ensure(spec), { instanceOf: PermanentFailure, message: /busybox-static/ });
  t.deepEqual(
    (await readdir(tmpdir())).filter((name) => name.startsWith('gate-busybox')),
    [],
  );
});

test('an unsafe port is refused before anything is made', async (t) => {
  const host = await makeHost(t);
  for (const bad of [
    port({ macAddress: 'fa:16:3e:00:00:01\nlink delete dev lo' }),
    port({ mtu: 1 }),
    port({ addresses: [{ address: '10.0.0.1\nlink', prefixLength: 24, gateway: null }] }),
    port({ addresses: [{ address: '10.0.0.1', prefixLength: 24, gateway: '10.0.0.2 dev lo' }] }),
  ]) {
    const spec = await makeSpec(t, host, { ports: [bad] });
    await t.throwsAsync(run(host, spec), { instanceOf: PermanentFailure });
    t.deepEqual(await tapsOf(spec.id), { onBridge: [], onHost: [] });
  }
});
