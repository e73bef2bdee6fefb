/**
 * For tests: the first program of a host of its own on this machine, with its own mounts, processes and name. It puts its own
 * directories where libvirt and the agent have theirs, and starts virtlogd, libvirtd and the agent. Killed, everything in it
 * is gone at once, as when a host loses its power. Arguments: the host's name, a directory for it, and the cloud's data directory.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const [name = '', own = '', dataDir = '', number = '1'] = process.argv.slice(2);

const run = (command: string, ...args: string[]) => void execFileSync(command, args, { stdio: 'inherit' });
run('mount', '--make-rprivate', '/');
run('hostname', name);
mkdirSync(join(own, 'etc'));
// Two hosts on one machine would share its control groups, and are told apart by their UUID.
writeFileSync(join(own, 'etc', 'qemu.conf'), 'cgroup_controllers = []\nnamespaces = []\nsecurity_driver = "none"\n');
writeFileSync(
  join(own, 'etc', 'libvirtd.conf'),
  `host_uuid = "00000000-1111-4222-8333-00000000000${number}"\nunix_sock_group = "root"\nauth_unix_rw = "none"\n`,
);
for (const [from, to] of [
  ['etc', '/etc/libvirt'],
  ['run', '/run/libvirt'],
  ['lib', '/var/lib/libvirt'],
  ['cache', '/var/cache/libvirt'],
  ['log', '/var/log/libvirt'],
  ['compute', join(dataDir, 'compute')],
] as const) {
  mkdirSync(join(own, from), { recursive: true, mode: 0o711 });
  mkdirSync(to, { recursive: true, mode: 0o711 });
  run('mount', '--bind', join(own, from), to);
}

const daemon = (command: string, args: string[], env = process.env) => {
  const log = openSync(join(own, `${command.split('/').at(-1)}.log`), 'a');
  const child = spawn(command, args, { stdio: ['ignore', log, log], env });
  child.once('exit', (code) => process.stderr.write(`${command} ended with ${code}\n`));
};

const listens = async (path: string) => {
  for (;;) {
    const isThere =
      existsSync(path) &&
      (await new Promise((resolve) => {
        const socket = connect(path, () => resolve(true)).once('error', () => resolve(false));
        socket.once('connect', () => socket.destroy());
      }));
    if (isThere) return;
    await sleep(20);
  }
};

daemon('virtlogd', ['--pid-file', '/run/libvirt/virtlogd.pid']);
await listens('/run/libvirt/virtlogd-sock');
daemon('libvirtd', ['--pid-file', '/run/libvirt/libvirtd.pid']);
await listens('/run/libvirt/libvirt-sock');
daemon(
  process.execPath,
  [join(import.meta.dirname, '..', '..', '..', 'main.ts'), '--config', join(own, 'config.json')],
  {
    ...process.env,
    UV_THREADPOOL_SIZE: '16',
  },
);
setInterval(() => {}, 1000); // until it is killed
