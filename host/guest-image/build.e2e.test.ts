import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { attempt, execute } from '../execute.ts';
import { becomes } from '../processes.ts';
import { buildGuestImage } from './build.ts';

const cache = process.env.CIRROSTACK_TEST_CACHE ?? join(tmpdir(), 'cirrostack-test-cache');

test('the image boots, reads its config drive, lets its user in with a key, keeps its disk and obeys the power button', async (t) => {
  t.timeout(600_000);
  const scratch = await mkdtemp(join(tmpdir(), 'cirrostack-guest-'));
  t.teardown(() => rm(scratch, { recursive: true, force: true }));
  const image = await buildGuestImage(cache);
  const drive = await makeConfigDrive(scratch, '#!/bin/sh\ndate +%s%N >>/persist/home/cirro/user-data-ran\n');
  const disk = join(scratch, 'disk.qcow2');
  await execute('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', image.path, '-F', 'qcow2', disk, '1G']);

  const first = await boot(t, scratch, disk, drive);
  t.true(
    await becomes(async () => (await first.ssh('test -s user-data-ran')).exitCode === 0, 300, 200),
    await first.console(),
  );
  const { stdout } = await first.ssh(
    'hostname; id -u; sudo id -u; df -m /persist | tail -n 1; ping -c 1 -W 2 10.0.2.2',
  );
  t.regex(
    stdout,
    /^web\n1000\n0\n\/dev\/vda2 +9\d\d .*1 packets received/s,
    'the name of the config drive, root for who asks, the whole disk',
  );
  t.regex(await first.console(), /^cirrostack-guest ready at 10\.0\.2\.15 on eth0/m);
  const key = await first.hostKey();
  await first.ssh('echo kept > file; sync');
  await first.powerButton();
  t.regex(await first.console(), /Requesting system poweroff/);

  const second = await boot(t, scratch, disk, drive);
  t.true(
    await becomes(async () => (await second.ssh('cat file')).stdout === 'kept\n', 300, 200),
    await second.console(),
  );
  t.is((await second.ssh('wc -l < user-data-ran')).stdout, '1\n', 'user data runs once in the life of a server');
  t.is(await second.hostKey(), key, 'it stays the host that its clients know');
  t.not((await second.ssh('id', 'root')).exitCode, 0, 'root is not let in');
  await second.powerButton();
});

async function makeConfigDrive(scratch: string, userData: string): Promise<string> {
  await execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'someone@somewhere', '-f', join(scratch, 'key')]);
  const latest = join(scratch, 'config', 'openstack', 'latest');
  await mkdir(latest, { recursive: true });
  const metadata = {
    uuid: '6ff4d4ae-1c5d-4d0c-9d0b-1c3f8f6c2a11',
    hostname: 'web.novalocal',
    meta: { note: 'ssh-ed25519 AAAA of a stranger' },
    public_keys: { mine: await readFile(join(scratch, 'key.pub'), 'utf8') },
  };
  await writeFile(join(latest, 'meta_data.json'), JSON.stringify(metadata));
  await writeFile(join(latest, 'user_data'), userData);
  const drive = join(scratch, 'config.iso');
  await execute('genisoimage', ['-quiet', '-J', '-r', '-V', 'config-2', '-o', drive, join(scratch, 'config')]);
  return drive;
}

/** Boots with QEMU alone, on an emulated processor, behind user-mode networking. */
async function boot(t: ExecutionContext, scratch: string, disk: string, drive: string) {
  const port = await freePort();
  const serial = join(scratch, 'console.log');
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...['-machine', 'pc,accel=tcg', '-cpu', 'max', '-m', '256', '-display', 'none', '-nodefaults'],
      ...['-serial', `file:${serial}`, '-drive', `file=${disk},if=virtio,format=qcow2`],
      ...['-drive', `file=${drive},if=ide,media=cdrom,format=raw`, '-monitor', 'stdio'],
      ...['-netdev', `user,id=net,hostfwd=tcp:127.0.0.1:${port}-:22`, '-device', 'virtio-net-pci,netdev=net'],
    ],
    { stdio: ['pipe', 'ignore', 'inherit'] },
  );
  const ended = once(qemu, 'exit');
  t.teardown(async () => {
    qemu.kill('SIGKILL');
    await ended;
  });
  const options = [
    ...['-i', join(scratch, 'key'), '-p', String(port), '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=5'],
    ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
  ];
  return {
    ssh: (command: string, user = 'cirro') =>
      attempt('ssh', [...options, `${user}@127.0.0.1`, command], { timeoutSeconds: 30 }),
    async hostKey() {
      return (await execute('ssh-keyscan', ['-T', '10', '-t', 'ed25519', '-p', String(port), '127.0.0.1']))
        .split(' ')
        .at(-1);
    },
    console: () => readFile(serial, 'utf8'),
    async powerButton() {
      qemu.stdin.write('system_powerdown\n');
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
