import { makeDockerArchive } from '../../image/inspection/corpus.ts';
import type { RunningCloud } from './cloud.ts';

export interface Ground {
  imageId: string;
  networkId: string;
}

/** What a member needs before the first server: a flavor, images, a network with addresses, a host that has reported. */
export async function prepareGround(cloud: RunningCloud): Promise<Ground> {
  const flavor = { id: 'tiny', name: 'tiny', ram: 64, vcpus: 1, disk: 1 };
  await cloud.ask('admin', 'POST', '/compute/v2.1/flavors', { flavor });
  const imageId = await makeImage(cloud, { name: 'blank', container_format: 'bare' }, new Uint8Array(1024 * 1024));
  await makeImage(cloud, { name: 'busybox', container_format: 'docker' }, makeDockerArchive());
  const { network } = await cloud.ask('member', 'POST', '/network/v2.0/networks', { network: { name: 'private' } });
  const subnet = { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24', name: 'private-subnet' };
  await cloud.ask('member', 'POST', '/network/v2.0/subnets', { subnet });
  for (;;) {
    const { hypervisors } = await cloud.ask('admin', 'GET', '/compute/v2.1/os-hypervisors');
    if (hypervisors.length > 0) return { imageId, networkId: network.id };
  }
}

async function makeImage(cloud: RunningCloud, fields: object, bytes: Uint8Array): Promise<string> {
  const form = { disk_format: 'raw', visibility: 'public', ...fields };
  const image = await cloud.ask('admin', 'POST', '/image/v2/images', form);
  await cloud.ask('admin', 'PUT', `/image/v2/images/${image.id}/file`, bytes);
  return image.id;
}
