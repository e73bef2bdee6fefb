/** What tests of this service begin with: a flavor, an image, and a host that has reported. */
import type { ExecutionContext } from 'ava';
import { asking, type Client, type startTestCloud } from '../tests/cloud.ts';
import type { SimulatedHost } from './drivers/simulated/host.ts';

export type TestCloud = Awaited<ReturnType<typeof startTestCloud>>;

export interface Ground {
  flavorId: string;
  imageId: string;
  /** The host behind the simulated driver, to make fail and to look at. */
  host: SimulatedHost;
  /** Asks for a server as the member and gives its id; it is not there before `cloud.settle()`. */
  createServer(changes?: object): Promise<string>;
  show(
    id: string,
  ): Promise<Record<string, unknown> & { status: string; fault?: { message: string; details?: string } }>;
}

/** What a host reports of itself beside its name and what it has room for. */
export const hostFacts = {
  address: '192.0.2.1',
  hypervisorType: 'QEMU',
  hypervisorVersion: 7_002_000,
  virtualisation: 'kvm',
  cpuModel: 'x',
  architecture: 'x86_64',
};

export async function prepareCompute(t: ExecutionContext, cloud: TestCloud): Promise<Ground> {
  await cloud.settle(); // the host reports
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const flavor = { id: 'tiny', name: 'tiny', ram: 64, vcpus: 1, disk: 1 };
  await admin.post('/compute/v2.1/flavors', { flavor }, 200);
  const imageId = await uploadImage(t, cloud);
  return {
    flavorId: flavor.id,
    imageId,
    // The driver keeps its host to itself, as a real one does; tests are what the simulated host is for.
    host: (cloud.drivers.servers as unknown as { host: SimulatedHost }).host,
    async createServer(changes = {}) {
      const server = { name: 'web', imageRef: imageId, flavorRef: flavor.id, ...changes };
      return (await member.post('/compute/v2.1/servers', { server }, 202)).server.id;
    },
    show: async (id) => (await member.get(`/compute/v2.1/servers/${id}`)).server,
  };
}

/** A public raw image of 1 MiB of zeros, unless told otherwise. */
export async function uploadImage(t: ExecutionContext, cloud: TestCloud, changes: object = {}): Promise<string> {
  const admin = cloud.as('admin');
  const form = { name: 'blank', disk_format: 'raw', container_format: 'bare', visibility: 'public', ...changes };
  const image = await admin.post('/image/v2/images', form);
  const answer = await admin.request({
    method: 'PUT',
    path: `/image/v2/images/${image.id}/file`,
    payload: Buffer.alloc(1024 * 1024),
    headers: { 'content-type': 'application/octet-stream' },
  });
  t.is(answer.status, 204, answer.text);
  return image.id;
}

/** Flavors that nobody may use: `secret`, which is no project's, and `past`, which is gone. */
export async function makeUnusableFlavors(admin: Client): Promise<void> {
  const sizes = { ram: 64, vcpus: 1, disk: 1 };
  const secret = { ...sizes, id: 'secret', name: 'secret', 'os-flavor-access:is_public': false };
  await admin.post('/compute/v2.1/flavors', { flavor: secret }, 200);
  await admin.post('/compute/v2.1/flavors', { flavor: { ...sizes, id: 'past', name: 'past' } }, 200);
  await admin.delete('/compute/v2.1/flavors/past', 202);
}

/** The same client, asking by a microversion of compute. */
export const atVersion = (client: Client, version: string) => asking(client, `compute ${version}`);
