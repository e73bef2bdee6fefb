/** What every project of a new cloud can use: flavors, images and the network to the world. */
import { openAsBlob } from 'node:fs';
import { physicalNetwork } from '../engines/ovn.ts';
import { addressIn, lastAddress } from '../options.ts';
import { type Client, findOrMake } from './client.ts';

export const guestImageName = 'cirrostack-guest';
export const containerImageName = 'busybox';
export const externalNetworkName = 'external';
export const smallestFlavor = 'm1.tiny';

/** Name, vCPUs, MiB of memory, GiB of disk. */
const flavors: [string, number, number, number][] = [
  [smallestFlavor, 1, 256, 1],
  ['m1.small', 1, 1024, 10],
  ['m1.medium', 2, 4096, 20],
  ['m1.large', 4, 8192, 40],
];

export async function seedFlavors(admin: Client): Promise<string> {
  for (const [name, vcpus, ram, disk] of flavors) {
    const { flavors: existing } = await admin.get('/compute/v2.1/flavors');
    if (existing.some((flavor: { name: string }) => flavor.name === name)) continue;
    await admin.post('/compute/v2.1/flavors', { flavor: { name, vcpus, ram, disk } });
  }
  return flavors.map(([name]) => name).join(', ');
}

export interface ImageToSeed {
  name: string;
  path: string;
  diskFormat: string;
  containerFormat: string;
  properties?: Record<string, string | number>;
}

/** Uploads an image for everybody. One whose upload was cut off is uploaded again. */
export async function seedImage(admin: Client, image: ImageToSeed): Promise<{ id: string }> {
  const { id, status } = await findOrMake(admin, ['/image/v2/images', 'images'], image.name, () =>
    admin.post('/image/v2/images', {
      name: image.name,
      disk_format: image.diskFormat,
      container_format: image.containerFormat,
      visibility: 'public',
      ...image.properties,
    }),
  );
  if (status === 'queued') {
    const content = await openAsBlob(image.path);
    await admin.upload(`/image/v2/images/${id}/file`, content.stream() as ReadableStream<Uint8Array>);
  }
  return { id };
}

/** The provider network that floating IPs come from; the host is its gateway. */
export async function seedExternalNetwork(admin: Client, cidr: string): Promise<{ id: string }> {
  const network = await findOrMake(admin, ['/network/v2.0/networks', 'networks'], externalNetworkName, async () => {
    const asked = {
      name: externalNetworkName,
      'router:external': true,
      'provider:network_type': 'flat',
      'provider:physical_network': physicalNetwork,
    };
    return (await admin.post('/network/v2.0/networks', { network: asked })).network;
  });
  await findOrMake(admin, ['/network/v2.0/subnets', 'subnets'], externalNetworkName, async () => {
    const subnet = {
      name: externalNetworkName,
      network_id: network.id,
      ip_version: 4,
      cidr,
      gateway_ip: addressIn(cidr, 1),
      enable_dhcp: false,
      allocation_pools: [{ start: addressIn(cidr, 2), end: lastAddress(cidr) }],
    };
    return (await admin.post('/network/v2.0/subnets', { subnet })).subnet;
  });
  return network;
}
