/** A tenant's day, by the real `openstack` client on real engines. */
import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { openConsole } from '../../compute/consoles/testing.ts';
import { untilNothingIsLeft } from '../faults/ground.ts';
import { hostState } from './host-state.ts';
import { type RealCloud, startRealCloud, until } from './real-cloud.ts';
import { prepareCloud, prepareTenant } from './things.ts';

const run = promisify(execFile);

test('a tenant makes a network, a server and a container, reaches them, and leaves nothing behind', async (t) => {
  const cloud = await startRealCloud(t);
  const before = await hostState(cloud.dataDir);
  const { loginUser } = await prepareCloud(cloud);
  await prepareTenant(cloud);
  const member = (...args: string[]) => cloud.openstack('member', ...args);
  const text = (...args: string[]) => cloud.openstackText('member', ...args);

  t.truthy((await member('token', 'issue')).id);
  const keyPath = join(cloud.dataDir, 'key');
  await writeFile(keyPath, await text('keypair', 'create', 'mine'));
  await chmod(keyPath, 0o600);

  const common = ['--security-group', 'open'];
  const server = await member(
    ...[
      'server',
      'create',
      '--flavor',
      'tiny',
      '--image',
      'guest',
      '--network',
      'private',
      '--key-name',
      'mine',
      '--wait',
      'web',
    ],
    ...common,
  );
  t.is(server.status, 'ACTIVE');
  const fixed = server.addresses.private[0] as string;
  const twin = await startTwin(cloud, { address: fixed, otherId: server.id });
  const { floating_ip_address: floating } = await member('floating', 'ip', 'create', 'external');
  await text('server', 'add', 'floating', 'ip', 'web', floating);

  const ssh = async (command: string) => {
    const options = [
      'BatchMode=yes',
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'ConnectTimeout=5',
      'LogLevel=ERROR',
    ];
    const { stdout } = await run('ssh', [
      '-i',
      keyPath,
      ...options.flatMap((o) => ['-o', o]),
      `${loginUser}@${floating}`,
      command,
    ]);
    return stdout.trim();
  };
  const answers = (command: Promise<unknown>) => command.then(() => true).catch(() => false);
  await until('the server answers ping', () => answers(run('ping', ['-c1', '-W1', floating])));
  await until('the server lets us in', () => answers(ssh('true')));
  t.is(await ssh('hostname'), 'web');
  const metadata = await ssh('wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json');
  t.is(JSON.parse(metadata).uuid, server.id, 'its name and key came from there, too: it has no config drive');

  await text('appcontainer', 'run', '--name', 'box', '--net', 'network=private', ...common, 'busybox');
  const box = '/container/v1/containers/box';
  const show = async () => (await cloud.ask('member', 'GET', box)).body;
  await until('the container runs', async () => (await show()).status === 'Running');
  const boxAddress = Object.values<{ addr: string }[]>((await show()).addresses)[0]?.[0]?.addr as string;
  const inBox = async (command: string) =>
    (
      await cloud.ask(
        'member',
        'POST',
        `${box}/execute?command=${encodeURIComponent(command)}&interactive=false&run=true`,
      )
    ).body;

  await until('the server reaches the container', () => answers(ssh(`wget -q -O - http://${boxAddress}/`)));
  await until('the container reaches the server', async () => (await inBox(`ping -c 1 -W 1 ${fixed}`)).exit_code === 0);

  await until('its twin has told who it is', async () =>
    (await text('console', 'log', 'show', twin.id)).includes(`I am "uuid":"${twin.id}"`),
  );
  await text('server', 'delete', '--wait', twin.id);
  await text('network', 'delete', 'lonely');

  const rules: { ID: string; 'Port Range': string }[] = await member('security', 'group', 'rule', 'list', 'open');
  const http = rules.find((rule) => rule['Port Range'] === '80:80');
  await text('security', 'group', 'rule', 'delete', http?.ID ?? '');
  await until(
    'the removed rule cuts them off',
    async () => !(await answers(ssh(`wget -q -T 2 -O - http://${boxAddress}/`))),
  );
  t.is((await inBox(`ping -c 1 -W 1 ${fixed}`)).exit_code, 0, 'the other rules still hold');

  t.regex(await text('console', 'log', 'show', 'web'), /cirrostack-guest ready/);

  await text('server', 'stop', 'web');
  await until('the server is off', async () => (await member('server', 'show', 'web')).status === 'SHUTOFF');
  t.false(await answers(run('ping', ['-c1', '-W1', floating])));
  await text('server', 'start', 'web');
  await until('the server runs again', async () => (await member('server', 'show', 'web')).status === 'ACTIVE');
  await until('it lets us in again', () => answers(ssh('true')));
  const consoleUrl = async (kind: string) => new URL((await member('console', 'url', 'show', kind, 'web')).url);
  const page = await consoleUrl('--novnc');
  const screen = await openConsole(
    t,
    new URL(`/${page.searchParams.get('path')}`, cloud.url).href.replace(/^http/, 'ws'),
  );
  await screen.says('RFB 003.008\n');
  const serial = await openConsole(t, (await consoleUrl('--serial')).href);
  const bootId = await ssh('cat /proc/sys/kernel/random/boot_id');
  for (const kind of ['--soft', '--hard']) {
    await text('server', 'reboot', kind, '--wait', 'web');
    let now = bootId;
    await until(`${kind} really rebooted`, async () => {
      now = await ssh('cat /proc/sys/kernel/random/boot_id').catch(() => now);
      return now !== bootId;
    });
    t.is((await member('server', 'show', 'web')).status, 'ACTIVE');
    if (kind === '--soft') await serial.says('cirrostack-guest ready');
  }
  await Promise.all([screen.ended, serial.ended]); // with the power

  await text('server', 'delete', '--wait', 'web');
  await text('appcontainer', 'delete', '--stop', 'box');
  await until('the container is gone', async () => (await cloud.ask('member', 'GET', box)).status === 404);
  await text('floating', 'ip', 'delete', floating);
  await text('router', 'remove', 'subnet', 'edge', 'private');
  await text('router', 'delete', 'edge');
  await text('network', 'delete', 'private');
  await text('security', 'group', 'delete', 'open');
  await text('keypair', 'delete', 'mine');
  await cloud.openstackText('admin', 'network', 'delete', 'external');
  await cloud.openstackText('admin', 'image', 'delete', 'guest', 'busybox');
  const { security_groups } = (await cloud.ask('member', 'GET', '/network/v2.0/security-groups')).body;
  t.is(security_groups.length, 1, 'only the default group of the project is left, as Neutron leaves it');

  await untilNothingIsLeft(t, cloud, before);
  const after = await hostState(cloud.dataDir);
  // Nor is anything gone that was there before, except what an earlier cloud left, by the names that only a cloud gives.
  const ofOthers = (names: string[]) => names.filter((name) => !/^(cs-|csm|tap)/.test(name));
  for (const kind of ['domains', 'containers', 'bridgePorts', 'interfaces', 'namespaces'] as const)
    t.deepEqual(ofOthers(after[kind]), ofOthers(before[kind]), kind);
});

/**
 * A server with the same address, on a network of its own that leads nowhere, whose user data claims to be the other when it asks
 * who it is.
 */
async function startTwin(cloud: RealCloud, { address, otherId }: { address: string; otherId: string }) {
  const member = (...args: string[]) => cloud.openstack('member', ...args);
  const { id: networkId } = await member('network', 'create', 'lonely');
  const range = ['--subnet-range', '10.20.0.0/24', '--gateway', 'none'];
  await member('subnet', 'create', '--network', 'lonely', ...range, 'lonely');
  const headers = [`X-Instance-ID: ${otherId}`, 'X-Forwarded-For: 10.20.0.1', 'X-Tenant-ID: somebody'];
  const script = `#!/bin/sh
wget -q -O - ${headers.map((header) => `--header '${header}'`).join(' ')} \\
  http://169.254.169.254/openstack/latest/meta_data.json | grep -o '"uuid":"[^"]*"' | sed 's/^/I am /' >/dev/console
`;
  const path = join(cloud.dataDir, 'user-data');
  await writeFile(path, script);
  const nic = ['--nic', `net-id=${networkId},v4-fixed-ip=${address}`, '--user-data', path];
  return await member('server', 'create', '--flavor', 'tiny', '--image', 'guest', ...nic, 'twin');
}
