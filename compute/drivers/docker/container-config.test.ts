import { randomUUID } from 'node:crypto';
import test from 'ava';
import { PermanentFailure } from '../../../common/errors.ts';
import { smallContainer } from '../contract.ts';
import type { ContainerSpec, GuestPort } from '../driver.ts';
import { containerConfig, digestOf, type ImageDefaults } from './container-config.ts';
import { gatePath, ungated } from './gate.ts';

const image: ImageDefaults = {
  entrypoint: ['/entry'],
  command: ['serve'],
  environment: ['PATH=/bin', 'A=image'],
  workingDirectory: '/srv',
};
const port: GuestPort = {
  id: randomUUID(),
  macAddress: 'fa:16:3e:00:00:01',
  mtu: 1442,
  addresses: [{ address: '10.0.0.5', prefixLength: 24, gateway: '10.0.0.1' }],
  dnsServers: ['10.0.0.2', '10.0.0.3'],
};
const configOf = (changes: Partial<ContainerSpec> = {}, of: ImageDefaults = image) =>
  containerConfig(smallContainer(randomUUID(), changes), of, '/state/gate-busybox');

test('a container gets its limits, and no swap beyond its memory', (t) => {
  const { HostConfig } = configOf({ memoryMib: 64, cpus: 0.5, pidsLimit: 7 });
  t.is(HostConfig.Memory, 64 * 1024 * 1024);
  t.is(HostConfig.MemorySwap, HostConfig.Memory);
  t.is(HostConfig.NanoCpus, 500_000_000);
  t.is(HostConfig.PidsLimit, 7);
});

test('no field that gives privileges is ever set, whatever is asked for', (t) => {
  const config = configOf({ ports: [port], labels: { Privileged: 'true' }, environment: { Privileged: 'true' } });
  const { HostConfig } = config;
  // The whole list: a field that is added has to be added here too, by somebody who thinks about it.
  t.deepEqual(Object.keys(HostConfig).sort(), [
    'CapAdd',
    'CapDrop',
    'CgroupnsMode',
    'Dns',
    'DnsSearch',
    'ExtraHosts',
    'IpcMode',
    'LogConfig',
    'Memory',
    'MemorySwap',
    'Mounts',
    'NanoCpus',
    'NetworkMode',
    'OomKillDisable',
    'PidsLimit',
    'Privileged',
    'RestartPolicy',
    'SecurityOpt',
    'Sysctls',
    'Ulimits',
  ]);
  t.is(HostConfig.Privileged, false);
  t.deepEqual(HostConfig.CapDrop, ['ALL']);
  for (const dangerous of ['SYS_ADMIN', 'NET_ADMIN', 'SYS_PTRACE', 'MKNOD', 'SYS_MODULE', 'DAC_READ_SEARCH']) {
    t.false((HostConfig.CapAdd as string[]).includes(dangerous));
  }
  t.deepEqual(HostConfig.SecurityOpt, ['no-new-privileges:true']);
  t.is(HostConfig.NetworkMode, 'none');
  t.deepEqual(HostConfig.Sysctls, {});
  t.deepEqual(
    HostConfig.Mounts?.map(({ Source, Target, ReadOnly }) => [Source, Target, ReadOnly]),
    [['/state/gate-busybox', gatePath, true]],
  );
  t.deepEqual(configOf().HostConfig.Mounts, []);
});

test('the command replaces the one of the image and leaves its entrypoint', (t) => {
  const plain = configOf({ command: ['other', 'thing'] });
  t.is(plain.Entrypoint, undefined);
  t.deepEqual(plain.Cmd, ['other', 'thing']);
  t.is(configOf().Cmd, undefined);
  const gated = configOf({ command: ['other', 'thing'], ports: [port] });
  t.deepEqual(ungated([...(gated.Entrypoint as string[]), ...gated.Cmd!]), ['/entry', 'other', 'thing']);
  const own = configOf({ ports: [port] });
  t.deepEqual(ungated([...(own.Entrypoint as string[]), ...own.Cmd!]), ['/entry', 'serve']);
  t.is(ungated(['/entry', 'serve']), undefined);
});

test('a container knows the names of its network and none of the host', (t) => {
  const { HostConfig } = configOf({ ports: [port, port], hostname: 'web' });
  t.deepEqual(HostConfig.Dns, ['10.0.0.2', '10.0.0.3']);
  t.deepEqual(HostConfig.ExtraHosts, ['web:10.0.0.5']);
  t.deepEqual(configOf().HostConfig.Dns, ['127.0.0.1']);
  t.deepEqual(configOf().HostConfig.DnsSearch, ['.']);
});

test('IPv6 is on where a port has an IPv6 address', (t) => {
  const six = { ...port, addresses: [{ address: 'fd00::5', prefixLength: 64, gateway: null }] };
  t.is(configOf({ ports: [six] }).HostConfig.Sysctls?.['net.ipv6.conf.default.disable_ipv6'], '0');
});

const refused: [why: string, changes: Partial<ContainerSpec>, of?: Partial<ImageDefaults>][] = [
  ['a working directory in /proc', { workingDirectory: '/proc/self/fd/7' }],
  ['/proc itself', { workingDirectory: '/proc' }],
  ['a way around to /proc', { workingDirectory: '/srv/.././/proc//self/fd/7/' }],
  ['a relative way to /proc', { workingDirectory: 'proc/self/fd/7' }],
  ['an image that works in /proc', {}, { workingDirectory: '/proc/self/fd/7' }],
  ['an image without a command', {}, { entrypoint: [], command: [] }],
  ['a label that makes it somebody else', { labels: { 'cirrostack.id': randomUUID() } }],
  ['a hostname with a line break', { hostname: 'a\nb' }],
  ['a hostname with a colon', { hostname: 'a:10.0.0.1' }],
  ['no memory', { memoryMib: 0 }],
  ['memory that is no number', { memoryMib: Number.NaN }],
  ['no CPUs', { cpus: 0 }],
  ['unlimited processes', { pidsLimit: -1 }],
  ['a variable without a name', { environment: { '': 'x' } }],
  ['a variable with two names', { environment: { 'a=b': 'x' } }],
  ['a NUL in the command', { command: ['a\0b'] }],
  ['a port whose address is a command', { ports: [{ ...port, macAddress: 'x\nlink delete lo' }] }],
];
for (const [why, changes, of] of refused) {
  test(`a container is refused for ${why}`, (t) => {
    t.throws(() => configOf(changes, { ...image, ...of }), { instanceOf: PermanentFailure });
  });
}

test('an environment whose names the shell would drop is handed on around it', (t) => {
  const gate = (environment: Record<string, string>) =>
    (configOf({ ports: [port], environment }).Entrypoint as string[])[3]!;
  t.false(gate({ A: '1' }).includes(' env '));
  t.true(gate({ 'a.b': `it's` }).includes(`env 'a.b=it'\\''s' `));
  t.true(gate({ SHLVL: '3' }).includes(`env 'SHLVL=3' `));
});

test('only what a rebuild changes makes a container anew', (t) => {
  const spec = smallContainer(randomUUID(), { environment: { A: '1', B: '2' } });
  const same = {
    ...spec,
    environment: { B: '2', A: '1' },
    name: 'x',
    memoryMib: 999,
    ports: [port],
    labels: { a: 'b' },
  };
  t.is(digestOf(same), digestOf(spec));
  t.not(digestOf({ ...spec, imageId: randomUUID() }), digestOf(spec));
  t.not(digestOf({ ...spec, command: ['x'] }), digestOf(spec));
  t.not(digestOf({ ...spec, environment: { A: '1' } }), digestOf(spec));
});
