/** What the tests of the image service share. */

import { readdir } from 'node:fs/promises';
import { type ClientRequest, request } from 'node:http';
import { join } from 'node:path';
import type { Answer, Client, TestCloud } from '../tests/cloud.ts';
import { ownerKey } from './stores/owner.ts';

export const images = '/image/v2/images';
export const rawBare = { disk_format: 'raw', container_format: 'bare' };

export function upload(client: Client, id: string, bytes: Buffer | string): Promise<Answer> {
  const headers = { 'content-type': 'application/octet-stream' };
  return client.request({ method: 'PUT', path: `${images}/${id}/file`, payload: bytes, headers });
}

/** An image with data, active. */
export async function makeActive(client: Client, fields: object = {}, bytes: Buffer | string = 'some bytes') {
  const image = await client.post(images, { name: 'active', ...rawBare, ...fields });
  const { status, text } = await upload(client, image.id, bytes);
  if (status !== 204) throw new Error(`upload failed: ${status} ${text}`);
  return await client.get(`${images}/${image.id}`);
}

export async function patch(client: Client, id: string, operations: unknown, type = 'v2.1'): Promise<Answer> {
  const headers = { 'content-type': `application/openstack-images-${type}-json-patch` };
  return await client.request({ method: 'PATCH', path: `${images}/${id}`, body: operations, headers });
}

/** Names of everything in the store's directory but the mark of whose it is. */
export async function filesOf(cloud: TestCloud): Promise<string[]> {
  const names = await readdir(join(cloud.config.dataDir, 'images')).catch(() => []);
  return names.filter((name) => name !== ownerKey);
}

/** An upload over a real connection that has begun and goes on as the test says. */
export async function openUpload(cloud: TestCloud, client: Client, id: string, to: 'file' | 'stage' = 'file') {
  return openUploadAt(cloud.server.info.uri, await client.token(), id, to);
}

export function openUploadAt(url: string, token: string, id: string, to: 'file' | 'stage' = 'file') {
  const outgoing: ClientRequest = request(new URL(`${images}/${id}/${to}`, url), {
    method: 'PUT',
    headers: { 'x-auth-token': token, 'content-type': 'application/octet-stream' },
  });
  const answer = new Promise<{ status: number; text: string }>((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', async (incoming) => {
      const chunks = await incoming.toArray();
      resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
    });
  });
  answer.catch(() => undefined); // a test that cuts the connection does not wait for an answer
  return {
    send: (bytes: Buffer) => new Promise<void>((resolve) => outgoing.write(bytes, () => resolve())),
    cut: () => outgoing.destroy(),
    finish: () => {
      outgoing.end();
      return answer;
    },
    answer,
  };
}

/** Waits for a condition, not for a time. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 300_000; !(await condition()); ) {
    if (Date.now() > end) throw new Error('the condition was not met within five minutes');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
