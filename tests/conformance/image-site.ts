import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeStores } from '../../image/stores/testing.ts';
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
