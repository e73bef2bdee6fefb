/** What tests of this service begin with: a flavor, an image, and a host that has reported. */
import type { ExecutionContext } from 'ava';
import type { Client, startTestCloud } from '../tests/cloud.ts';
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

/** The same client, asking by a microversion of compute. */
export function atVersion(
  client: Client,
  version: string,
): Pick<Client, 'get' | 'post' | 'put' | 'delete' | 'request'> {
  const headers = { 'openstack-api-version': `compute ${version}` };
  const request: Client['request'] = (asked) => client.request({ ...asked, headers: { ...headers, ...asked.headers } });
  const expecting =
    (method: string, usual: number) =>
    async (path: string, body?: unknown, status = usual) => {
      const answer = await request({ method, path, body });
      if (answer.status !== status)
        throw new Error(`${method} ${path} at ${version}: ${answer.status} instead of ${status}: ${answer.text}`);
      return answer.body;
    };
  return {
    request,
    get: (path, status = 200) => expecting('GET', 200)(path, undefined, status),
    delete: (path, status = 204) => expecting('DELETE', 204)(path, undefined, status),
    post: expecting('POST', 200),
    put: expecting('PUT', 200),
  };
}
