/** What the tests of imports share. */
import { readdir } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Answer, Client, TestCloud } from '../../tests/cloud.ts';
import { images } from '../testing.ts';

export async function stage(client: Client, id: string, bytes: Buffer | string): Promise<Answer> {
  const headers = { 'content-type': 'application/octet-stream' };
  return await client.request({ method: 'PUT', path: `${images}/${id}/stage`, payload: bytes, headers });
}

export const direct = { method: { name: 'glance-direct' } };
export const download = (uri: string) => ({ method: { name: 'web-download', uri } });

/** The one task of an image. */
export async function taskOf(client: Client, id: string) {
  const { tasks } = await client.get(`${images}/${id}/tasks`);
  return tasks[0];
}

export async function stagedFiles(cloud: TestCloud): Promise<string[]> {
  return await readdir(join(cloud.config.dataDir, 'staging')).catch(() => []);
}

/** A web server on loopback, and the settings of an operator who lets images come from there. */
export async function startSite(t: ExecutionContext, listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    settings: { importAllowedPorts: `80,443,${port}`, importAllowedCidrs: '127.0.0.1/32' },
  };
}
