/** What tempest's scenarios expect to find: a small guest that lets people in, two sizes for it, and a way to it from here. */
import { readFile } from 'node:fs/promises';
import type { Answer, RealCloud } from '../end-to-end/real-cloud.ts';
import { imageFiles } from '../end-to-end/things.ts';
import type { Preparation } from './suites.ts';

const flavors = { flavor_ref: '1001', flavor_ref_alt: '1002' } as const;

/**
 * Its commands as tempest says them, where those of a small guest differ. Nothing is pretended: each does what is asked for, with
 * what busybox has.
 */
const guestCommands = [
  'set -eu -o pipefail;',
  'curl() { if [ "$1" = -X ]; then wget -q -O - --post-data "$4" "$5"; else wget -q -O - "$1"; fi; };',
  'lsblk() { echo "NAME TYPE"; for disk in vda vdb vdc; do if [ -b /dev/$disk ]; then echo "$disk  disk"; fi; done; };',
  'blkid() { sudo findfs "LABEL=$2"; };',
].join(' ');

/** Makes them as the administrator. Gives the sections of tempest.conf that tell of them. */
export async function makeScenarioGround(cloud: RealCloud): Promise<Preparation['conf']> {
  const send = async (method: string, path: string, body?: unknown) => {
    const answer = await cloud.ask('admin', method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const files = await imageFiles();
  for (const [i, id] of Object.values(flavors).entries()) {
    const flavor = { id, name: `tempest-${i + 1}`, ram: 128 + 64 * i, vcpus: 1, disk: 1 };
    await send('POST', '/compute/v2.1/flavors', { flavor });
  }
  const image = { name: 'guest', disk_format: 'qcow2', container_format: 'bare', visibility: 'public' };
  const { id: imageId } = await send('POST', '/image/v2/images', image);
  await send('PUT', `/image/v2/images/${imageId}/file`, await readFile(files.guest));
  const outside = {
    name: 'public',
    'router:external': true,
    'provider:network_type': 'flat',
    'provider:physical_network': 'external',
  };
  const { network } = await send('POST', '/network/v2.0/networks', { network: outside });
  const subnet = {
    network_id: network.id,
    ip_version: 4,
    cidr: '172.24.4.0/24',
    gateway_ip: '172.24.4.1',
    enable_dhcp: false,
    allocation_pools: [{ start: '172.24.4.100', end: '172.24.4.200' }],
  };
  await send('POST', '/network/v2.0/subnets', { subnet });
  await registerLimits(send);
  const { extensions } = await send('GET', '/network/v2.0/extensions');
  return {
    compute: { ...flavors, image_ref: imageId, image_ref_alt: imageId },
    network: { public_network_id: network.id, floating_network_name: outside.name },
    'network-feature-enabled': { api_extensions: extensions.map(({ alias }: { alias: string }) => alias).join() },
    scenario: { img_file: files.guest, img_disk_format: image.disk_format },
    validation: {
      image_ssh_user: files.loginUser,
      image_alt_ssh_user: files.loginUser,
      ssh_shell_prologue: guestCommands.replaceAll('$', '$$$$'),
    },
  };
}

/** Those that the scenarios about unified limits set for their projects: only what is registered can be. */
async function registerLimits(send: (method: string, path: string, body?: unknown) => Promise<Answer['body']>) {
  const limits = {
    compute: { servers: 10, 'class:VCPU': 20, 'class:MEMORY_MB': 51_200, 'class:DISK_GB': 1000 },
    image: { image_size_total: 10_000, image_stage_total: 10_000, image_count_total: 100, image_count_uploading: 100 },
  };
  for (const [type, defaults] of Object.entries(limits)) {
    const { services } = await send('GET', `/identity/v3/services?type=${type}`);
    const registered = Object.entries(defaults).map(([name, limit]) => ({
      service_id: services[0].id,
      region_id: 'RegionOne',
      resource_name: name,
      default_limit: limit,
    }));
    await send('POST', '/identity/v3/registered_limits', { registered_limits: registered });
  }
}
