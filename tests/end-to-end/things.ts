/** What most end-to-end tests begin with: images, a flavor, an external network and one of the tenant's behind a router. */
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildBusyboxImage } from '../../compute/container-image/build.ts';
import { buildGuestImage } from '../../host/guest-image/build.ts';
import type { RealCloud } from './real-cloud.ts';

/** Built once and kept from run to run. */
export async function imageFiles(): Promise<{ guest: string; busybox: string; loginUser: string }> {
  const cache = process.env.CIRROSTACK_TEST_CACHE ?? join(tmpdir(), 'cirrostack-test-cache');
  await mkdir(cache, { recursive: true });
  const guest = await buildGuestImage(cache);
  const busybox = join(cache, 'busybox.tar');
  await buildBusyboxImage(busybox);
  return { guest: guest.path, loginUser: guest.loginUser, busybox };
}

/** The administrator's part, by the real client: flavor `tiny`, public images `guest` and `busybox`, network `external`. */
export async function prepareCloud(cloud: RealCloud): Promise<{ loginUser: string }> {
  const files = await imageFiles();
  const admin = (...args: string[]) => cloud.openstack('admin', ...args);
  await admin('flavor', 'create', '--ram', '128', '--vcpus', '1', '--disk', '1', 'tiny');
  await admin(
    'image',
    'create',
    '--disk-format',
    'qcow2',
    '--container-format',
    'bare',
    '--public',
    '--file',
    files.guest,
    'guest',
  );
  await admin(
    'image',
    'create',
    '--disk-format',
    'raw',
    '--container-format',
    'docker',
    '--public',
    '--file',
    files.busybox,
    'busybox',
  );
  const physical = ['--provider-network-type', 'flat', '--provider-physical-network', 'external'];
  await admin('network', 'create', '--external', ...physical, 'external');
  const pool = ['--allocation-pool', 'start=172.24.4.100,end=172.24.4.200'];
  const range = ['--network', 'external', '--subnet-range', '172.24.4.0/24', '--gateway', '172.24.4.1', '--no-dhcp'];
  await admin('subnet', 'create', ...range, ...pool, 'external');
  return { loginUser: files.loginUser };
}

/** The tenant's part: network and subnet `private` behind router `edge`, and a security group `open` for ping, ssh and http. */
export async function prepareTenant(cloud: RealCloud): Promise<void> {
  const member = (...args: string[]) => cloud.openstack('member', ...args);
  await member('network', 'create', 'private');
  await member('subnet', 'create', '--network', 'private', '--subnet-range', '10.20.0.0/24', 'private');
  await member('router', 'create', 'edge');
  await cloud.openstackText('member', 'router', 'set', '--external-gateway', 'external', 'edge');
  await cloud.openstackText('member', 'router', 'add', 'subnet', 'edge', 'private');
  await member('security', 'group', 'create', 'open');
  await member('security', 'group', 'rule', 'create', '--protocol', 'icmp', 'open');
  for (const port of ['22', '80'])
    await member('security', 'group', 'rule', 'create', '--protocol', 'tcp', '--dst-port', port, 'open');
}
