/** What tests of containers begin with: an image, a network with a subnet, and a host that has reported. */
import type { ExecutionContext } from 'ava';
import { makeDockerArchive } from '../../image/inspection/corpus.ts';
import type { startTestCloud } from '../../tests/cloud.ts';
import type { SimulatedHost } from '../drivers/simulated/host.ts';

export type TestCloud = Awaited<ReturnType<typeof startTestCloud>>;

/** The newest of all, so that tests see what clients see. */
export const newest = { 'openstack-api-version': 'container 1.40' };

// biome-ignore lint/suspicious/noExplicitAny: the JSON of the API under test
type Json = any;

export interface ContainerGround {
  imageId: string;
  networkId: string;
  /** The host behind the simulated driver, to make fail and to look at. */
  host: SimulatedHost;
  /** Asks as the member, in the newest version, and asserts the status. */
  ask(method: string, path: string, status: number, body?: object): Promise<Json>;
  /** Asks for a container that runs and gives its id; it is not there before `cloud.settle()`. */
  run(changes?: object): Promise<string>;
  show(ident: string): Promise<Json>;
}

export async function prepareContainers(t: ExecutionContext, cloud: TestCloud): Promise<ContainerGround> {
  await cloud.settle(); // the host reports
  const member = cloud.as('member');
  const imageId = await uploadContainerImage(t, cloud);
  const { network } = await member.post('/network/v2.0/networks', { network: { name: 'private' } });
  const subnet = { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' };
  await member.post('/network/v2.0/subnets', { subnet });
  const ask: ContainerGround['ask'] = async (method, path, status, body) => {
    const answer = await member.request({ method, path: `/container/v1/containers${path}`, body, headers: newest });
    t.is(answer.status, status, `${method} ${path}: ${answer.text}`);
    return answer.body;
  };
  return {
    imageId,
    networkId: network.id,
    // The driver keeps its host to itself, as a real one does; tests are what the simulated host is for.
    host: (cloud.drivers.containers as unknown as { host: SimulatedHost }).host,
    ask,
    run: async (changes = {}) => (await ask('POST', '?run=true', 202, { name: 'web', image: 'box', ...changes })).uuid,
    show: (ident) => ask('GET', `/${ident}`, 200),
  };
}

/** A public image for containers, named `box` unless told otherwise. */
export async function uploadContainerImage(
  t: ExecutionContext,
  cloud: TestCloud,
  changes: object = {},
): Promise<string> {
  const admin = cloud.as('admin');
  const form = { name: 'box', disk_format: 'raw', container_format: 'docker', visibility: 'public', ...changes };
  const image = await admin.post('/image/v2/images', form);
  const answer = await admin.request({
    method: 'PUT',
    path: `/image/v2/images/${image.id}/file`,
    payload: makeDockerArchive(),
    headers: { 'content-type': 'application/octet-stream' },
  });
  t.is(answer.status, 204, answer.text);
  return image.id;
}
