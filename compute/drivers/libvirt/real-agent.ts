/** For tests: QEMU's own agent out of Debian's packages, on a config drive from which our small guest runs it. */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { candidateVersions, unpackPackages } from '../../../host/guest-image/debian.ts';

const packages = ['qemu-guest-agent', 'libglib2.0-0', 'libnuma1', 'libudev1', 'liburing2', 'libpcre2-8-0', 'libc6'];
/** The guest has the others. */
const libraries = [
  'libglib-2.0.so.0',
  'libgmodule-2.0.so.0',
  'libnuma.so.1',
  'libudev.so.1',
  'liburing.so.2',
  'libpcre2-8.so.0',
  'libm.so.6',
];

/** Its log stays off the disk: who freezes a file system cannot write to it. */
const userData = `#!/bin/sh
name=$(grep -l org.qemu.guest_agent.0 /sys/class/virtio-ports/*/name)
port=\${name%/name}
exec >/run/agent.log 2>&1
mkdir /run/agent
cp /config/agent/chpasswd /run/agent
chmod 755 /run/agent/chpasswd
PATH=/run/agent:/bin /lib64/ld-linux-x86-64.so.2 --library-path /config/agent \\
  /config/agent/qemu-ga -t /run -m virtio-serial -p /dev/\${port##*/} &
`;

/** What the agent calls to set a password, and busybox does not have. */
const chpasswd = `#!/bin/sh
IFS=: read -r user password
grep -q "^$user:" /etc/shadow || exit 1
sed -i "s|^$user:[^:]*|$user:$(mkpasswd -m sha512 "$password")|" /etc/shadow
`;

/** Files of a config drive; what was unpacked is kept in `cache`, as long as Debian has nothing newer. */
export async function driveWithAgent(cache: string): Promise<Record<string, string | Uint8Array>> {
  const directory = await unpackedAgent(cache);
  const names = await readdir(directory);
  const files = await Promise.all(
    names.map(async (name) => [`agent/${name}`, await readFile(join(directory, name))] as const),
  );
  return { ...Object.fromEntries(files), 'agent/chpasswd': chpasswd, 'openstack/latest/user_data': userData };
}

async function unpackedAgent(cache: string): Promise<string> {
  await mkdir(cache, { recursive: true });
  const versions = await candidateVersions(packages);
  const directory = join(cache, `agent-${createHash('sha256').update(versions.join()).digest('hex').slice(0, 16)}`);
  if ((await readdir(cache)).includes(directory.slice(cache.length + 1))) return directory;
  const scratch = await mkdtemp(join(cache, 'unpacking-'));
  try {
    const root = await unpackPackages(packages, scratch);
    const whole = join(scratch, 'whole');
    await mkdir(whole);
    await copyFile(join(root, 'usr/sbin/qemu-ga'), join(whole, 'qemu-ga'));
    for (const name of libraries) await copyLibrary(root, name, whole);
    await rename(whole, directory);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return directory;
}

async function copyLibrary(root: string, name: string, to: string): Promise<void> {
  for (const place of ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu']) {
    const isThere = await copyFile(join(root, place, name), join(to, name)).then(
      () => true,
      () => false,
    );
    if (isThere) return;
  }
  throw new Error(`${name} is in none of the packages`);
}
