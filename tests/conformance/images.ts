import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeStores } from '../../image/stores/testing.ts';
import { personas } from '../personas.ts';
import type { ClientCloud } from './cloud.ts';
import type { Preparation, Test } from './suites.ts';

/** A web server that images are downloaded from, on loopback, which the cloud's operator lets them be. */
export async function startImageSite(t: Test): Promise<Preparation> {
  const server = createServer((_, answer) => answer.end(Buffer.alloc(100_000, 'image ')));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    settings: { importAllowedPorts: `80,443,${port}`, importAllowedCidrs: '127.0.0.1/32' },
    conf: { image: { http_image: `http://127.0.0.1:${port}/image` } },
  };
}

/** That, and several stores. */
export async function prepareImages(t: Test): Promise<Preparation> {
  const [site, stores] = [await startImageSite(t), await makeStores(t)];
  return { ...site, settings: { ...site.settings, ...stores.settings } };
}

const alternateType = 'image_remote';

/** For the tests that begin with one process and go on with another. */
export const alternateImages = { alternate_image_endpoint: alternateType };

/** Starts another process of the API, and puts it into the catalog as what tempest takes for the image service elsewhere. */
export async function startAlternateImages(cloud: ClientCloud) {
  const another = await cloud.startAnother();
  const post = async (path: string, body: object, token = '') => {
    const headers = { 'content-type': 'application/json', 'x-auth-token': token };
    const answer = await fetch(`${cloud.url}/identity/v3/${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const domain = { id: 'default' };
  const { password, project } = personas.admin;
  const identity = { methods: ['password'], password: { user: { name: 'admin', domain, password } } };
  const login = await post('auth/tokens', { auth: { identity, scope: { project: { name: project, domain } } } });
  const token = login.headers.get('x-subject-token') ?? '';
  const made = await post('services', { service: { type: alternateType, name: alternateType } }, token);
  const { service } = (await made.json()) as { service: { id: string } };
  const endpoint = { service_id: service.id, interface: 'public', region_id: 'RegionOne', url: `${another}/image` };
  await post('endpoints', { endpoint }, token);
  return {}; // what there is to be told was known before
}
