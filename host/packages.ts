/** What Cirrostack needs of Debian. */
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { hasSystemd } from './engines/engine.ts';
import { attempt, execute } from './execute.ts';

/** Package → what it is needed for. */
const needed = {
  'libvirt-daemon-system': 'libvirtd',
  'libvirt-clients': 'virsh',
  'qemu-system-x86': 'servers',
  'qemu-utils': 'qemu-img',
  ovmf: 'servers of images that want UEFI',
  bubblewrap: 'confining what converts images',
  'docker.io': 'containers',
  'docker-registry': 'the registry of container images',
  'openvswitch-switch': 'ports of servers and containers',
  'ovn-central': 'the northbound and southbound databases',
  'ovn-host': 'ovn-controller',
  'busybox-static': 'the first container image, and the gate before each container with ports',
  tini: 'reaps orphans where PID 1 does not',
  genisoimage: 'config drives',
  iproute2: 'veth pairs, namespaces, the external bridge',
  ethtool: 'checksum offload of containers on the userspace datapath',
  nftables: 'NAT between the external network and the world',
  kmod: 'modprobe',
  mtools: 'writing the FAT file system of the guest image',
  dosfstools: 'making it',
  syslinux: 'booting it',
  'iputils-ping': 'seeing that the first server is there',
  'openssh-client': 'the way into it',
  'python3-openstackclient': 'the client that the README uses',
  'python3-zunclient': 'its commands for containers',
};

/** Only tests need these. */
const neededByTests = {
  chromium: 'the dashboard, seen through a browser',
  'fonts-dejavu-core': 'letters in it',
  'python3-zunclient': 'the client of containers',
  'python3-osc-placement': 'the client of placement',
  tempest: 'OpenStack’s own tests of its APIs',
  maven: 'brings Keycloak and an S3 server, which run on the Java that it comes with',
};

/** Docker and libvirt confine what they run with it, where the kernel has it. */
const withAppArmor = { apparmor: 'confinement of servers and containers' };

export async function missingPackages({ forTests = false } = {}): Promise<string[]> {
  const names = Object.keys({
    ...needed,
    ...((await hasAppArmor()) ? withAppArmor : {}),
    ...(forTests ? neededByTests : {}),
  });
  const format = '${Package} ${db:Status-Status}\n';
  const { stdout } = await attempt('dpkg-query', ['--show', `--showformat=${format}`, ...names]);
  const installed = new Set(stdout.split('\n').filter((line) => line.endsWith(' installed')));
  return names.filter((name) => !installed.has(`${name} installed`));
}

/** Installs packages with what they depend on, and nothing that they merely recommend. */
export async function installPackages(names: string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const lock = ['-o', 'DPkg::Lock::Timeout=600']; // somebody's unattended upgrade may be at work
  const liftBan = await banServiceStarts();
  if (names.includes('docker-registry')) await maskOwnService('docker-registry');
  try {
    await execute('apt-get', [...lock, 'update'], { env, timeoutSeconds: 600 });
    await execute('apt-get', [...lock, 'install', '--yes', '--no-install-recommends', ...names], {
      env,
      timeoutSeconds: 3600,
    });
  } finally {
    await liftBan();
  }
}

async function hasAppArmor(): Promise<boolean> {
  return (await readFile('/sys/module/apparmor/parameters/enabled', 'utf8').catch(() => 'N')).trim() === 'Y';
}

/**
 * With systemd, Debian's package starts a registry of its own on all addresses, at the port of our API. Ours is another
 * process of the same program; whoever wants Debian's unmasks it. Only asked for a package that is not installed yet.
 */
async function maskOwnService(name: string): Promise<void> {
  if (hasSystemd()) await execute('systemctl', ['mask', `${name}.service`]);
}

/**
 * Where there is no systemd, packages start their daemons through /etc/init.d while being installed: without tini, and
 * with their state where we would not find it. A policy-rc.d forbids it for as long as we install.
 */
async function banServiceStarts(): Promise<() => Promise<void>> {
  const policy = '/usr/sbin/policy-rc.d';
  const ours = '#!/bin/sh\n# While Cirrostack installs packages.\nexit 101\n';
  const present = existsSync(policy) ? await readFile(policy, 'utf8') : undefined;
  if (hasSystemd() || (present !== undefined && present !== ours)) return async () => {};
  await writeFile(policy, ours, { mode: 0o755 });
  return () => rm(policy, { force: true });
}
